"""The step of a cell, built from its parts; contradictory combinations are refused."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from grokbench import random
from grokbench.cadence import Every
from grokbench.metric import Metric
from grokbench.regularizer import Regularizer, positional
from grokbench.step import Step
from grokbench.step.claims import claims_of
from grokbench.step.recipes import schedule, with_settings
from grokbench.task import Task
from grokbench.types import Optimizer, Params, Site

__all__ = ["build_step"]


def build_step(
    task: Task,
    regularizers: Sequence[Regularizer],
    metrics: Mapping[str, Metric],
    required: Iterable[str] = (),
    every: Mapping[str, Every] | None = None,
    settings: Mapping[str, Any] | None = None,
    **more: Any,
) -> Step:
    """Build the training step of a cell. The step applies the regularizers to the task and measures the metrics.

    Args:
        task: the cell's task.
        regularizers: the methods, in the order in which they act.
        metrics: label -> metric.
        required: labels of metrics measured at every evaluation.
        every: label -> cadence, for metrics that have their own cadence.
        settings: the settings of `Recipe.optimizer`, which replace the task's settings before any method acts.
        more: further fields of `Step`: `raw` and `budget`.

    Raises:
        ValueError: the methods cannot be combined with each other, with the task or with the settings.
    """
    for why in _refusals(task, regularizers):
        raise ValueError(why)
    if settings:
        task, scheduled = with_settings(task, settings), schedule(settings)
        regularizers = [*regularizers, scheduled] if scheduled else regularizers
    always = [regularizer.hidden_always for regularizer in regularizers if regularizer.hidden_always]
    task = _with_architecture(task, always) if always else task
    optimizer: Optimizer = task.optimizer
    for regularizer in regularizers:
        if regularizer.optimizer:
            optimizer = regularizer.optimizer(optimizer)
    budget = {"budget": task.epochs, **more}
    step = Step(task, tuple(regularizers), optimizer, dict(metrics), frozenset(required), dict(every or {}), **budget)
    if step.ignores_rate:
        raise ValueError(
            "the learning rate has a schedule, which a method with its own optimizer ignores: its `update` has to "
            "multiply its learning rate by at.rate"
        )
    return step


def _refusals(task: Task, regularizers: Sequence[Regularizer]) -> Iterator[str]:
    """Yield why methods cannot be combined with each other or with the task."""
    if sum(regularizer.eval_params is not None for regularizer in regularizers) > 1:
        yield "two methods with eval_params: evaluations can use the averages of only one method"
    for prepare in [regularizer.prepare for regularizer in regularizers if regularizer.prepare]:
        if len(names := positional(prepare)) == 3 and "train" not in names:
            yield f"prepare is called as prepare(params, task, train, key), got prepare({', '.join(names)})"
    if not task.has_sites and any(regularizer.hidden or regularizer.hidden_always for regularizer in regularizers):
        yield "the task names no hidden sites: its forward takes no `site`, which the method acts on"
    if sum(regularizer.claims is not None for regularizer in regularizers) > 1:
        yield from _disputed(task, regularizers)


def _disputed(task: Task, regularizers: Sequence[Regularizer]) -> Iterator[str]:
    """Yield why claims cannot be met; nothing if the task's shapes are unknown without its data."""
    try:
        params = task.trained(task.init(random.key(0, "meta")))
    except Exception:
        return
    roles = {name: role for name, role in task.roles.items() if name in params}
    try:
        claims_of(regularizers, roles, {name: tuple(p.shape) for name, p in params.items()})
    except ValueError as error:
        yield str(error)


def _with_architecture(task: Task, always: Sequence[Callable[[Tensor, str], Tensor]]) -> Task:
    """Return the task with `hidden_always` at its sites, also in its version without rotated coordinates."""
    forward = partial(_forward, forward=task.forward, always=tuple(always))
    return replace(task, forward=forward, full=_with_architecture(task.full, always) if task.full else None)


def _forward(
    params: Params,
    inputs: Tensor,
    site: Site = lambda h, name: h,
    *,
    forward: Callable[..., Tensor],
    always: Sequence[Callable[[Tensor, str], Tensor]],
) -> Tensor:
    def inner(h: Tensor, name: str) -> Tensor:
        for function in always:
            h = function(h, name)
        return site(h, name)

    return forward(params, inputs, site=inner)
