"""Settings of a task's optimizer that a suite changes, and schedules of the learning rate."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import Any, get_type_hints

import torch
from pydantic import TypeAdapter
from torch import Tensor

from grokbench.at import At
from grokbench.records.recipe import SCHEDULE_KEYS
from grokbench.regularizer import Need, Regularizer
from grokbench.task import Task
from grokbench.types import Optimizer

__all__ = ["read_setting", "schedule", "settings", "with_settings"]


def settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return, by name, the settings of an optimizer that a suite can replace."""
    return {each.name: getattr(optimizer, each.name) for each in fields(optimizer) if each.init}


def read_setting(optimizer: Optimizer, name: str, value: Any) -> Any:
    """Convert a value of YAML or JSON to the type of a setting.

    Args:
        optimizer: the optimizer that has the setting.
        name: the name of the setting.
        value: the value; 1 becomes 1.0 for a float, and a list becomes a tuple.

    Raises:
        ValidationError: the value has another type.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(get_type_hints(type(optimizer)).get(name, Any))
    return adapter.validate_json(json.dumps(value), strict=True)


def with_settings(task: Task, given: Mapping[str, Any]) -> Task:
    """Replace settings of a task's optimizer, also in its version without rotated coordinates.

    Args:
        task: the task, with its own optimizer.
        given: the value of `Recipe.optimizer`.

    Raises:
        ValueError: a setting is out of range.
    """
    changed = {name: read_setting(task.optimizer, name, v) for name, v in given.items() if name not in SCHEDULE_KEYS}
    full = with_settings(task.full, given) if task.full else None
    return replace(task, optimizer=replace(task.optimizer, **changed), full=full)


def schedule(given: Mapping[str, Any]) -> Regularizer | None:
    """Make the method that scales the learning rate by a schedule; None without a schedule.

    Args:
        given: the value of `Recipe.optimizer`.
    """
    cosine, warmup = given.get("schedule") == "cosine", given.get("warmup", 0)
    if not cosine and not warmup:
        return None
    needs: frozenset[Need] = frozenset({"budget"}) if cosine else frozenset()
    return Regularizer(rate=partial(rate, cosine=cosine, warmup=warmup), needs=needs, rotates=True)


def rate(at: At, *, cosine: bool, warmup: int) -> Tensor:
    """Return the factor of the learning rate in a step, ().

    The factor rises linearly to 1 over the epochs of the warm-up. It then stays at 1 or, with `cosine`, falls to 0 at
    the end of the budget as (1 + cos(pi t)) / 2. Here t is the completed share of the steps between the end of the
    warm-up and the end of the budget (Loshchilov & Hutter, 2017, arXiv:1608.03983).
    """
    done, warm = at.step.double(), warmup * at.steps_per_epoch
    factor = ((done + 1.0) / warm).clamp(max=1.0) if warm else torch.ones_like(done)
    if not cosine:
        return factor
    share = ((done - warm) / (at.budget * at.steps_per_epoch - warm)).clamp(0.0, 1.0)
    return factor * 0.5 * (1.0 + (math.pi * share).cos())
