"""The recipe of a cell: everything that decides when its replicas grok."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from grokbench.criterion import Stop
from grokbench.records.bounds import Count, Criterion, Every, JsonObject
from grokbench.validation import is_count

__all__ = ["FORMAT", "SCHEDULES", "SCHEDULE_KEYS", "Recipe", "Use", "identity"]

FORMAT = 1  # format of recipes and of the files in a results folder
SCHEDULES = ("cosine", "constant")  # schedules of the learning rate
SCHEDULE_KEYS = ("schedule", "warmup")  # keys of `Recipe.optimizer` that are not fields of the task's optimizer


def identity(data: Mapping[str, Any]) -> str:
    """Hash the data of a recipe or of a part of it: 16 hexadecimal digits of the sha256 of the canonical JSON.

    Raises:
        ValueError: the data hold a number that is not finite.
    """
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Use:
    """A plugin and its parameters: in a suite, the parameters that the suite sets; in a recipe, all parameters.

    Attributes:
        name: the name of the plugin; `use` in files.
        parameters: name -> value.
        revision: the revision of the task or regularizer that the plugin makes. None in a suite, which is read before
            plugins make anything.
    """

    name: Annotated[str, Field(validation_alias="use")]
    parameters: JsonObject
    revision: Count | None = None

    def data(self) -> dict[str, Any]:
        """Return the JSON data for identities and files."""
        return {"use": self.name, "parameters": _data(self.parameters), "revision": self.revision}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides when the replicas of a cell grok, with a value for every parameter.

    A plan gives every field; the defaults are for cells made by hand. `data` has the fields in this order. A new
    optional field must have the default None and appear in `data` only if it is given, so that identities of cells
    without the field do not change.

    Attributes:
        format: the format of the recipe.
        precision: "float32" or "float64".
        engine: revision of the training engine; 0 if none is given.
        task: the task, with every parameter.
        regularizers: the methods, with every parameter, in the order in which they are applied.
        evaluate_every: epochs between evaluations.
        grokked: metric label -> condition such as "> 0.95"; a replica has grokked if all conditions hold.
        judged_by: label in `grokked` -> plugin and parameters, for those labels that the suite itself defines.
        stop: the rule that ends training: "grokked"; "budget"; the number of consecutive evaluations at which the
            criterion has to hold; or {"hold": H} for lasting grokking, see `Crossings`.
        budget: the budget in epochs, if a method or a schedule depends on it; otherwise None.
        contract: version of the plugin contract, if a user's method depends on it; see `plan`.
        optimizer: setting that the suite changes -> its value. The settings are the fields of the task's optimizer,
            such as lr, weight_decay and betas; `schedule`, one of SCHEDULES; and `warmup`, in epochs.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # no part of a newer version's recipe may be lost

    format: int = FORMAT
    precision: str = "float32"
    engine: Count = 0
    task: Use
    regularizers: tuple[Use, ...] = ()
    evaluate_every: Every = 1
    grokked: Mapping[str, Criterion] = field(default_factory=dict)
    judged_by: JsonObject = field(default_factory=dict)
    stop: Stop = "grokked"
    budget: Every | None = None
    contract: Count | None = None
    optimizer: JsonObject | None = None

    def __post_init__(self) -> None:
        """Refuse an invalid rule for stopping, because a file may have been edited."""
        rule = self.stop
        if isinstance(rule, Mapping):
            known = list(rule) == ["hold"] and is_count(rule["hold"])
        else:
            known = rule in ("grokked", "budget") if isinstance(rule, str) else is_count(rule)
        if not known:
            expected = "'grokked', 'budget', {'hold': epochs} or a number of evaluations of at least 1"
            raise ValueError(f"stop must be {expected}, got {rule!r}")
        if self.precision not in ("float32", "float64"):
            raise ValueError(f"precision must be 'float32' or 'float64', got {self.precision!r}")

    @property
    def hold(self) -> int | None:
        """H, the epochs over which grokking has to last; None if `stop` has another form."""
        return self.stop["hold"] if isinstance(self.stop, Mapping) else None

    def data(self) -> dict[str, Any]:
        """Return the canonical JSON data for `plan.identity` and files."""
        parts = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _data(part) for name, part in parts.items() if part is not None}


def _data(part: Any) -> Any:
    """Return a part of a recipe as JSON data, with lists in place of tuples."""
    if isinstance(part, Use):
        return part.data()
    if isinstance(part, Mapping):
        return {name: _data(value) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [_data(value) for value in part]
    return part
