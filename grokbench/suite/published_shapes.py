"""The shape of the key `published` of a suite: published numbers to compare with."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from grokbench.suite.problems import KeyPath

__all__ = ["MEANS", "PublishedShape", "published_fields"]

MEANS = ("epochs", "seconds")  # the keys whose numbers are means until grokking
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NUMBER = TypeAdapter(Positive, config=ConfigDict(strict=True))


class MeanShape(BaseModel):
    """A published mean with its spread over seeds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    mean: Annotated[Positive, Field(description="the published mean")]
    std: Annotated[
        Annotated[float, Field(ge=0, allow_inf_nan=False)] | None,
        Field(description="standard deviation over seeds, not the standard error; needs seeds"),
    ] = None
    seeds: Annotated[Annotated[int, Field(ge=1)] | None, Field(description="number of seeds behind the mean")] = None

    @model_validator(mode="after")
    def _check(self) -> "MeanShape":
        if self.std is not None and (self.seeds or 0) < 2:
            wrong = "a std without seeds" if self.seeds is None else "a std of one seed"
            text = f"{wrong}, expected {{mean: ..., std: ..., seeds: n}} with at least 2 seeds"
            raise PydanticCustomError("suite", "{text}", {"text": text})
        return self


def _check_mean(value: Any, _: ValidatorFunctionWrapHandler) -> Any:
    """Return a number, or a mapping such as {mean: 2128, std: 100, seeds: 5}; the two forms have different errors."""
    if isinstance(value, dict):
        MeanShape.model_validate(value)
        return value
    return NUMBER.validate_python(value)


Mean = Annotated[Positive | MeanShape, WrapValidator(_check_mean)]
Means = dict[str, dict[str, Mean]]


class PublishedShape(BaseModel):
    """Published numbers by task and regularizer: mean epochs or seconds until grokking, speed-ups, and final values."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source: Annotated[str, Field(min_length=1, description="where the numbers were published")]
    epochs: Annotated[
        Means | None, Field(description="task: {regularizer: mean epochs, or {mean: ..., std: ..., seeds: ...}}")
    ] = None
    seconds: Annotated[
        Means | None, Field(description="task: {regularizer: mean seconds, or {mean: ..., std: ..., seeds: ...}}")
    ] = None
    speedups: Annotated[
        dict[str, dict[str, Positive]] | None,
        Field(
            description="task: {regularizer: ratio of mean epochs, baseline / method}, if the means are not published"
        ),
    ] = None
    metrics: Annotated[
        dict[str, dict[str, dict[str, Finite]]] | None,
        Field(description="label of a metric: {task: {regularizer: mean final value}}"),
    ] = None


def published_fields(path: KeyPath) -> dict[str, FieldInfo] | None:
    """Return the keys of a mean with its spread at a key path; None elsewhere."""
    mean = len(path) == 4 and path[0] == "published" and path[1] in MEANS
    return MeanShape.model_fields if mean else None
