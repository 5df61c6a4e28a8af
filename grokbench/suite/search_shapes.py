"""The shape of the key `tune` of a suite, and of the key `search_space` of a regularizer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from grokbench.suite.problems import KeyPath
from grokbench.text.suggest import shown

__all__ = ["MAX_TRIALS", "SEEDS", "DimensionShape", "TuneShape", "search_fields"]

MAX_TRIALS = 1000
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
SEEDS = {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "array"}]}


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DimensionShape(_Shape):
    """The values of one parameter that `grokbench tune` may choose: a range from low to high, or a list of choices."""

    low: Annotated[Number | None, Field(description="the least value")] = None
    high: Annotated[Number | None, Field(description="the largest value")] = None
    log: Annotated[bool | None, Field(description="search evenly in the logarithm; default false")] = None
    integer: Annotated[bool | None, Field(description="whole numbers only; default false")] = None
    choices: Annotated[list[Any] | None, Field(description="a list of values, in place of low and high")] = None

    @model_validator(mode="after")
    def _check(self) -> "DimensionShape":
        if wrong := self._wrong():
            raise PydanticCustomError("suite", "{text}", {"text": wrong})
        return self

    def _wrong(self) -> str | None:
        """Return what is wrong with the combination of values; each single value has the right type."""
        low, high, choices = self.low, self.high, self.choices
        if choices is not None:
            if {low, high, self.log, self.integer} != {None}:
                return "choices beside low, high, log or integer, expected one of the two forms"
            different = all(choices.count(each) == 1 for each in choices)
            wrong = f"{shown(choices)}, expected at least two choices, all different"
            return None if different and len(choices) > 1 else wrong
        if low is None or high is None:
            given = shown(self.model_dump(exclude_none=True))
            return f"{given}, expected {{low: ..., high: ...}}, with log or integer if need be, or {{choices: [...]}}"
        if low >= high:
            return f"from {low:g} to {high:g}, expected low to be less than high"
        if self.log and low <= 0:
            return f"from {low:g}, expected low to be more than 0, since log is true"
        whole = not self.integer or (low == int(low) and high == int(high))
        return None if whole else f"from {low:g} to {high:g}, expected whole numbers, since integer is true"


class RateShape(_Shape):
    """The learning rates, as multiples of the task's own."""

    low_factor: Annotated[Positive | None, Field(description="default 0.1")] = None
    high_factor: Annotated[Positive | None, Field(description="default 10")] = None


class DecayShape(RateShape):
    """The weight decays, as multiples of the task's own; absolute values for a task without weight decay."""

    low: Annotated[
        Positive | None, Field(description="the least besides 0, for a task without weight decay; default 1e-4")
    ] = None
    high: Annotated[Positive | None, Field(description="the largest, for a task without weight decay; default 0.1")] = (
        None
    )


class SpaceShape(_Shape):
    """The settings of the task's optimizer that `grokbench tune` searches for every method."""

    lr: Annotated[RateShape | None, Field(description="learning rates: {low_factor: 0.1, high_factor: 10}")] = None
    weight_decay: Annotated[
        DecayShape | None, Field(description="weight decays: {low_factor: 0.1, high_factor: 10}")
    ] = None


class TuneShape(_Shape):
    """The search of `grokbench tune`."""

    n_trials: Annotated[
        Annotated[int, Field(ge=2, le=MAX_TRIALS)] | None, Field(description="trials of every method; default 8")
    ] = None
    sampler: Annotated[Literal["qmc", "tpe"] | None, Field(description="sampler of the trials; default qmc")] = None
    seeds: Annotated[
        Any, WithJsonSchema(SEEDS), Field(description="seeds of every trial: at least 3, all below 1000; default 0-2")
    ] = None
    confirm_seeds: Annotated[
        Any,
        WithJsonSchema(SEEDS),
        Field(description="other seeds below 1000, to repeat the best trials; default 100-104"),
    ] = None
    space: Annotated[SpaceShape | None, Field(description="multiples of the task's lr and weight_decay")] = None


_SHAPES: dict[KeyPath, type[BaseModel]] = {
    ("tune",): TuneShape,
    ("tune", "space"): SpaceShape,
    ("tune", "space", "lr"): RateShape,
    ("tune", "space", "weight_decay"): DecayShape,
}


def search_fields(path: KeyPath) -> dict[str, FieldInfo] | None:
    """Return the keys that the mapping at a key path may hold; None outside of `tune` and `search_space`."""
    shape = DimensionShape if path[2:3] == ("search_space",) and len(path) == 4 else _SHAPES.get(path)
    return shape.model_fields if shape else None
