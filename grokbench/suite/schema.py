"""The shape of a suite: which keys there are and what each may hold.

Shapes say nothing about names that point at one another; `references.py` does. Null means "not given".
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from grokbench.criterion import EXPECTED, parse_condition
from grokbench.suite.problems import KeyPath
from grokbench.text.suggest import did_you_mean, shown
from grokbench.validation import is_count

__all__ = [
    "MAX_EPOCHS",
    "RESERVED",
    "MetricShape",
    "RegularizerShape",
    "SuiteShape",
    "TaskShape",
    "fields_at",
    "json_schema",
    "misplaced_words",
]

MAX_EPOCHS = 10_000_000

# Words of the suite file itself: none may be a parameter of a plugin.
RESERVED = frozenset({
    "use", "per_task", "grid", "epochs", "evaluate_every", "stop", "sustained", "grokked", "every", "seed", "seeds",
    "budget", "label", "skip", "why", "task", "tasks", "regularizer", "regularizers", "metric", "metrics",
    "statistics", "published", "plugins", "suite",
})  # fmt: skip


def _check_condition(value: Any) -> Any:
    try:
        parse_condition(value)
    except ValueError:
        raise _wrong(value, EXPECTED) from None
    return value


def _check_stop(value: Any) -> Any:
    sustained = value.get("sustained") if isinstance(value, dict) and len(value) == 1 else None
    if value is None or value in ("grokked", "budget") or _is_count(sustained):
        return value
    near = did_you_mean(value, ["grokked", "budget"]) if isinstance(value, str) else ""
    raise _wrong(value, f"grokked, budget or {{sustained: k}} with k of at least 1{near}")


def _check_every(value: Any, epochs: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, dict) and len(value) == 1 and _is_count(value.get("per_decade")):
        return value
    if isinstance(value, dict | list | str):
        raise _wrong(value, "a number of epochs, or {per_decade: k} with k of at least 1")
    return epochs(value)


def _check_use(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    if value is not None and not (names and all(isinstance(name, str) and name for name in names)):
        raise _wrong(value, "the name of a plugin, or a list of names to combine")
    if len(set(names)) < len(names):
        raise _wrong(value, "every plugin once in a combination")
    return value


def _wrong(value: Any, expected: str) -> PydanticCustomError:
    return PydanticCustomError("suite", "{text}", {"text": f"{shown(value)}, expected {expected}"})


def _is_count(value: Any) -> bool:
    return is_count(value) and value <= MAX_EPOCHS


Text = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(min_length=1, max_length=60)]
Epochs = Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Condition = Annotated[str, BeforeValidator(_check_condition)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_STOP = {"anyOf": [{"enum": ["grokked", "budget", None]}, {"type": "object", "required": ["sustained"]}]}
_EVERY = {"anyOf": [{"type": ["integer", "null"], "minimum": 1}, {"type": "object", "required": ["per_decade"]}]}
_USE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
_SEEDS = {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "array"}]}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Plugged(BaseModel):
    """Keys beside the named ones are parameters of the plugin."""

    model_config = ConfigDict(extra="allow", strict=True)


class TaskShape(_Plugged):
    """One task of a suite."""

    use: Text | None = None
    epochs: Epochs | None = None
    evaluate_every: Epochs | None = None
    stop: Annotated[Any, BeforeValidator(_check_stop), WithJsonSchema(_STOP)] = None
    grokked: Annotated[dict[Text, Condition], Field(min_length=1)] | None = None


class RegularizerShape(_Plugged):
    """One regularizer of a suite, or several combined."""

    use: Annotated[Any, BeforeValidator(_check_use), WithJsonSchema(_USE)] = None
    per_task: dict[str, dict[str, Any] | None] | None = None


class MetricShape(_Plugged):
    """One metric of a suite."""

    use: Text | None = None
    every: Annotated[Epochs | None, WrapValidator(_check_every), WithJsonSchema(_EVERY)] = None


class SkipShape(_Shape):
    """A cell left out, and why."""

    task: Annotated[Text, Field(description="the label of a task")]
    regularizer: Annotated[Text, Field(description="the label of a regularizer")]
    why: Annotated[Text, Field(description="the reason that the leaderboard prints")]


class StatisticsShape(_Shape):
    """How the cells are compared with the baseline."""

    primary: Literal["sign_flip", "paired_t", "wilcoxon", "logrank"] | None = None
    correction: Literal["holm", "none"] | None = None
    alpha: Share | None = None
    confidence: Share | None = None


class PublishedShape(_Shape):
    """Published means to grok: task label, regularizer label, epochs and seconds."""

    source: Annotated[Text, Field(description="where the numbers were published")]
    epochs: Annotated[dict[str, dict[str, Positive]], Field(description="task: {regularizer: mean epochs}")]
    seconds: Annotated[
        dict[str, dict[str, Positive]] | None, Field(description="task: {regularizer: mean seconds}")
    ] = None


class SuiteShape(_Shape):
    """A suite of GrokBench: tasks x regularizers x seeds."""

    suite: Annotated[str, Field(max_length=60, pattern=r"^\w[\w.-]*$", description="the name of the suite")]
    description: str | None = None
    seeds: Annotated[Any, WithJsonSchema(_SEEDS), Field(description="a range such as 1000-1024, a list or a count")]
    baseline: Annotated[Text, Field(description="the label of the regularizer that the others are tested against")]
    tasks: Annotated[dict[Label, TaskShape | None], Field(min_length=1, description="label: {use: plugin, ...}")]
    regularizers: Annotated[
        dict[Label, RegularizerShape | None], Field(min_length=1, description="label: {use: plugin, ...}")
    ]
    skip: list[SkipShape] | None = None
    metrics: dict[Label, MetricShape | None] | None = None
    statistics: StatisticsShape | None = None
    published: PublishedShape | None = None
    plugins: list[Text] | None = None


_SHAPES: dict[str, type[BaseModel]] = {
    "tasks": TaskShape, "regularizers": RegularizerShape, "metrics": MetricShape,
    "skip": SkipShape, "statistics": StatisticsShape, "published": PublishedShape,
}  # fmt: skip


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a suite, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SuiteShape.model_json_schema()}


def fields_at(path: KeyPath) -> dict[str, FieldInfo]:
    """The keys that the mapping at a key path may hold: of the suite, of an entry, of `statistics`, ..."""
    return (_SHAPES[str(path[0])] if path else SuiteShape).model_fields


def misplaced_words(section: str) -> frozenset[str]:
    """Reserved words that no entry of a section may use: they would be taken for parameters."""
    return RESERVED - set(_SHAPES[section].model_fields)
