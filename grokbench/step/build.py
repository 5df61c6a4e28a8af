"""The step of a cell, built from its parts; combinations that cannot be meant are refused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from grokbench.cadence import Every
from grokbench.metric import Metric
from grokbench.regularizer import Regularizer, positional
from grokbench.step import Step
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
    """Build the step of a task under some regularizers, recording some metrics.

    Args:
        task: the cell's task.
        regularizers: in the order in which they act.
        metrics: label -> metric.
        required: labels of metrics measured at every evaluation.
        every: label -> cadence, for metrics with one of their own.
        settings: of `Recipe.optimizer`; they replace those of the task's optimizer before any method does.
        more: further fields of `Step`: `raw` and `budget`.

    Raises:
        ValueError: two methods have `eval_params`, the task lacks the hidden sites that a method asks for, or a
            `prepare` takes three arguments, as it did before it got the training set.
    """
    _refuse(task, regularizers)
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
    return Step(task, tuple(regularizers), optimizer, dict(metrics), frozenset(required), dict(every or {}), **budget)


def _refuse(task: Task, regularizers: Sequence[Regularizer]) -> None:
    if sum(regularizer.eval_params is not None for regularizer in regularizers) > 1:
        raise ValueError("two methods with eval_params: evaluations can see the averages of one of them alone")
    for prepare in [regularizer.prepare for regularizer in regularizers if regularizer.prepare]:
        if len(names := positional(prepare)) == 3 and "train" not in names:
            raise ValueError(f"prepare is called as prepare(params, task, train, key), got prepare({', '.join(names)})")
    if not task.has_sites and any(regularizer.hidden or regularizer.hidden_always for regularizer in regularizers):
        raise ValueError("the task names no hidden sites: its forward takes no `site`, which the method acts on")


def _with_architecture(task: Task, always: Sequence[Callable[[Tensor, str], Tensor]]) -> Task:
    """The task with `hidden_always` at its sites, in its full computation too."""
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
