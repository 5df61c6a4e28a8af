"""The marks of a cell: the differences between its recipe and the task's own, which the suite or methods make."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from grokbench import random
from grokbench.records import Mark, MarkKind
from grokbench.regularizer import Regularizer
from grokbench.step.recipes import settings, with_settings
from grokbench.task import Task
from grokbench.types import Optimizer

__all__ = ["marks", "optimizer_data"]


def marks(task: Task, methods: Sequence[Regularizer], given: Mapping[str, Any]) -> Iterator[Mark]:
    """Yield the differences between the recipe of a cell and the task's own recipe.

    Args:
        task: the task, with its own optimizer.
        methods: the methods of the cell, in their order.
        given: the value of `Recipe.optimizer`; empty if the suite changes nothing.
    """
    yield from _changes(task.optimizer, _final(with_settings(task, given).optimizer, methods))
    if given.get("schedule"):
        yield Mark(MarkKind.SCHEDULE, given["schedule"])
    if given.get("warmup"):
        yield Mark(MarkKind.WARMUP, after=given["warmup"])
    for method in methods:
        yield from _marks_of(task, method)


def optimizer_data(task: Task, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the optimizer's settings as JSON data, with the suite's changes and without those of methods.

    Args:
        task: the task, with its own optimizer.
        given: the value of `Recipe.optimizer`.
    """
    found = settings(with_settings(task, given).optimizer)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _final(optimizer: Optimizer, methods: Iterable[Regularizer]) -> Optimizer:
    """Return the optimizer that all methods made. If a method fails here, training reports the error."""
    try:
        for method in methods:
            optimizer = method.optimizer(optimizer) if method.optimizer else optimizer
    except Exception:
        return optimizer
    return optimizer


def _changes(before: Optimizer, after: Optimizer) -> Iterator[Mark]:
    if type(before) is not type(after):
        yield Mark(MarkKind.OPTIMIZER, "optimizer", type(before).__name__, type(after).__name__)
    own = settings(before)
    for name, value in settings(after).items():
        if name in own and own[name] != value:
            yield Mark(MarkKind.SETTING, name, _written(own[name]), _written(value))


def _written(value: Any) -> float | str | None:
    if isinstance(value, tuple | list):
        return "/".join(f"{each:g}" if isinstance(each, float) else str(each) for each in value)
    return value if value is None or isinstance(value, int | float | str) else str(value)


def _marks_of(task: Task, method: Regularizer) -> Iterator[Mark]:
    if method.rate:
        yield Mark(MarkKind.RATE)
    if method.update:
        yield Mark(MarkKind.UPDATE, _claimed(task, method))
    if method.objective:
        yield Mark(MarkKind.LOSS)
    if method.hidden_always:
        yield Mark(MarkKind.ARCHITECTURE)
    if method.eval_params:
        yield Mark(MarkKind.AVERAGES)
    if method.reserve:
        yield Mark(MarkKind.RESERVE, after=method.reserve)
    if not method.mapped:
        yield Mark(MarkKind.UNMAPPED)


def _claimed(task: Task, method: Regularizer) -> str:
    """Describe the parameters that a method updates, by role: `hidden matrices`; empty if they are unknown."""
    try:
        shapes = {name: tuple(p.shape) for name, p in task.trained(task.init(random.key(0, "meta"))).items()}
        roles = {name: role for name, role in task.roles.items() if name in shapes}
        names = list(method.claims(roles, shapes)) if method.claims else []
        claimed = {roles[name]: [shapes[other] for other in names if roles[other] == roles[name]] for name in names}
    except Exception:  # an error in a user's code: training reports it with a traceback
        return ""
    if set(names) == set(shapes):
        return "all parameters"
    layers = [role for role in ("input", "hidden", "readout") if role in claimed]
    matrices = all(len(shape) == 2 for role in layers for shape in claimed[role])
    words = [f"{' and '.join(layers)} {'matrices' if matrices else 'weights'}"] if layers else []
    return " and ".join([*words, *(["biases"] if "bias" in claimed else [])])
