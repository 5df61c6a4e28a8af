"""The shape of a suite: its keys and their types.

Shapes do not check names that refer to other entries; `references.py` does that. Null means "not given".
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, WrapValidator
from pydantic.fields import FieldInfo

from grokbench.data.published import PUBLISHED
from grokbench.suite.field_checks import (
    MAX_EPOCHS,
    STOPS,
    check_condition,
    check_every,
    check_labels,
    check_stop,
    check_unverified_data,
    check_use,
    check_weights,
)
from grokbench.suite.problems import KeyPath
from grokbench.suite.published_shapes import PublishedShape, published_fields
from grokbench.suite.search_shapes import SEEDS, DimensionShape, TuneShape, search_fields

__all__ = [
    "MAX_EPOCHS",
    "MAX_LABEL",
    "RESERVED",
    "MetricShape",
    "RegularizerShape",
    "SuiteShape",
    "TaskShape",
    "fields_at",
    "json_schema",
    "misplaced_words",
]

# Words of the suite file itself: no parameter of a plugin may have such a name.
RESERVED = frozenset({
    "use", "per_task", "grid", "epochs", "evaluate_every", "stop", "sustained", "grokked", "every", "seed", "seeds",
    "budget", "label", "skip", "why", "task", "tasks", "regularizer", "regularizers", "metric", "metrics",
    "statistics", "published", "plugins", "suite", "optimizer", "compare_to", "weights", "hold", "search_space", "tune",
    "unverified_data", "protocol",
})  # fmt: skip

Text = Annotated[str, Field(min_length=1)]
NAME = r"^\w[\w.-]*$"  # pattern of the name of a suite or a protocol
MAX_LABEL = 60  # most characters of a label
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL)]
Epochs = Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
Looks = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
Condition = Annotated[str, BeforeValidator(check_condition)]
_STOP = {
    "anyOf": [
        {"enum": [*STOPS, None]},
        {"type": "object", "required": ["sustained"]},
        {"type": "object", "required": ["hold"]},
    ]
}
_EVERY = {"anyOf": [{"type": ["integer", "null"], "minimum": 1}, {"type": "object", "required": ["per_decade"]}]}
_USE = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}
_LABELS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_WEIGHTS = {"anyOf": [{"enum": ["final", None]}, {"type": "array"}, {"type": "object"}]}


Weights = Annotated[
    Any,
    BeforeValidator(check_weights),
    WithJsonSchema(_WEIGHTS),
    Field(description="when weights are kept: final, a list of epochs, or {epochs: [...], final: true}; default never"),
]


Labels = Annotated[Any, BeforeValidator(check_labels), WithJsonSchema(_LABELS)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Plugged(BaseModel):
    """A mapping with parameters of a plugin: all keys that are not fields."""

    model_config = ConfigDict(extra="allow", strict=True)


class TaskShape(_Plugged):
    """One task of a suite; further keys are parameters of its plugin."""

    use: Annotated[Text | None, Field(description="name of the task's plugin; default the label")] = None
    epochs: Annotated[Epochs | None, Field(description="budget, in epochs; default the plugin's")] = None
    evaluate_every: Annotated[
        Epochs | None, Field(description="epochs between two evaluations; default the plugin's")
    ] = None
    stop: Annotated[
        Any,
        BeforeValidator(check_stop),
        WithJsonSchema(_STOP),
        Field(
            description="when training stops: grokked, budget, {sustained: k} when the criterion has held for k "
            "evaluations in a row, {hold: H} when grokking has lasted for H epochs, or hold for the task's default H"
        ),
    ] = None
    grokked: Annotated[
        Annotated[dict[Text, Condition], Field(min_length=1)] | None,
        Field(description='the criterion, metric: condition, such as test_accuracy: "> 0.9"; all conditions must hold'),
    ] = None
    weights: Weights = None


class RegularizerShape(_Plugged):
    """One regularizer of a suite, or several combined; further keys are parameters of its plugin."""

    use: Annotated[
        Any,
        BeforeValidator(check_use),
        WithJsonSchema(_USE),
        Field(description="name of the regularizer's plugin, or a list of names to combine; default the label"),
    ] = None
    per_task: Annotated[
        dict[str, dict[str, Any] | None] | None, Field(description="label of a task: {parameter: other value}")
    ] = None
    optimizer: Annotated[
        dict[str, Any] | None,
        Field(description="other settings of the task's optimizer: lr, weight_decay, ..., schedule and warmup"),
    ] = None
    compare_to: Annotated[
        list[Label] | None, Field(description="labels of further regularizers against which this one is tested")
    ] = None
    search_space: Annotated[
        dict[Text, DimensionShape | None] | None,
        Field(description="the parameters that grokbench tune searches: {parameter: {low: ..., high: ...}}"),
    ] = None


class MetricShape(_Plugged):
    """One metric of a suite; further keys are parameters of its plugin."""

    use: Annotated[Text | None, Field(description="name of the metric's plugin; default the label")] = None
    every: Annotated[
        Epochs | None,
        WrapValidator(check_every),
        WithJsonSchema(_EVERY),
        Field(description="epochs between two measurements, or {per_decade: k}; default every evaluation"),
    ] = None
    weights: Annotated[
        Literal["evaluated", "raw"] | None,
        Field(description="raw: measure at the trained weights, even if a method averages weights; default evaluated"),
    ] = None


class SkipShape(_Shape):
    """Cells left out, and why: every listed regularizer on every listed task."""

    task: Annotated[Labels, Field(description="the label of a task, or a list of labels")]
    regularizer: Annotated[Labels, Field(description="the label of a regularizer, or a list of labels")]
    why: Annotated[Text, Field(description="the reason that the leaderboard prints")]


class StatisticsShape(_Shape):
    """The statistics that compare the cells with the baseline."""

    primary: Annotated[
        Literal["sign_flip", "paired_t", "wilcoxon", "logrank"] | None,
        Field(description="the test behind p; default sign_flip"),
    ] = None
    correction: Annotated[
        Literal["holm", "none"] | None, Field(description="correction for several comparisons; default holm")
    ] = None
    alpha: Annotated[Share | None, Field(description="significance level; default 0.05")] = None
    confidence: Annotated[Share | None, Field(description="level of confidence intervals; default 0.95")] = None
    equivalence: Annotated[
        float | None,
        Field(ge=0.05, lt=1, allow_inf_nan=False, description="margin of equivalence, such as 0.05; default none"),
    ] = None
    rank_by: Annotated[
        Literal["first", "lasting"] | None,
        Field(description="the crossing that counts as a seed's time to grok; default first; lasting needs `hold`"),
    ] = None
    interim_looks: Annotated[
        Annotated[list[Looks], Field(min_length=1)] | None,
        Field(description="ascending numbers of seeds at which tests are made; the last is the number of all seeds"),
    ] = None


class SuiteShape(_Shape):
    """A suite of GrokBench: tasks x regularizers x seeds."""

    suite: Annotated[str, Field(max_length=60, pattern=NAME, description="the name of the suite")]
    description: Annotated[str | None, Field(description="one sentence about the suite")] = None
    protocol: Annotated[
        str | None,
        Field(max_length=60, pattern=NAME, description="the name of the frozen rules that the suite follows"),
    ] = None
    seeds: Annotated[Any, WithJsonSchema(SEEDS), Field(description="a range such as 1000-1024, a list or a count")]
    baseline: Annotated[Text, Field(description="the label of the regularizer that the others are tested against")]
    tasks: Annotated[dict[Label, TaskShape | None], Field(min_length=1, description="label: {use: plugin, ...}")]
    regularizers: Annotated[
        dict[Label, RegularizerShape | None], Field(min_length=1, description="label: {use: plugin, ...}")
    ]
    skip: Annotated[list[SkipShape] | None, Field(description="cells left out, each with the reason")] = None
    metrics: Annotated[
        dict[Label, MetricShape | None] | None, Field(description="label: {use: plugin, ...}, beside loss and accuracy")
    ] = None
    statistics: Annotated[StatisticsShape | None, Field(description="how cells are compared with the baseline")] = None
    published: Annotated[PublishedShape | None, Field(description="published numbers to compare with")] = None
    weights: Weights = None
    plugins: Annotated[list[Text] | None, Field(description="plugin files, relative to the suite's folder")] = None
    unverified_data: Annotated[
        Any,
        BeforeValidator(check_unverified_data),
        WithJsonSchema({"anyOf": [{"type": "array", "items": {"enum": list(PUBLISHED)}}, {"type": "null"}]}),
        Field(description="data sets that may differ from the published ones: mnist, cifar10; default none"),
    ] = None
    tune: Annotated[TuneShape | None, Field(description="the search of grokbench tune")] = None


_SHAPES: dict[str, type[BaseModel]] = {
    "tasks": TaskShape, "regularizers": RegularizerShape, "metrics": MetricShape,
    "skip": SkipShape, "statistics": StatisticsShape, "published": PublishedShape,
}  # fmt: skip


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a suite, for code editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SuiteShape.model_json_schema()}


def fields_at(path: KeyPath) -> dict[str, FieldInfo]:
    """Return key -> field, for the keys allowed in the mapping at a key path: the suite, an entry, `statistics`, ..."""
    inner = search_fields(path) or published_fields(path)
    return inner or (_SHAPES[str(path[0])] if path else SuiteShape).model_fields


def misplaced_words(section: str) -> frozenset[str]:
    """Return the reserved words without a meaning in a section; without a check, they would be taken for parameters."""
    return RESERVED - set(_SHAPES[section].model_fields)
