"""A hint about plugins whose operations cannot be recorded, so that they train slower on a CPU."""

from dataclasses import replace
from itertools import islice

import torch

from grokbench import engine
from grokbench.conformance.answers import Answer, Question, hint, not_applicable, passed
from grokbench.conformance.calls import METRIC, steps
from grokbench.conformance.short_runs import SEEDS
from grokbench.conformance.subjects import Subject
from grokbench.engine.flat_executor import FlatExecutor
from grokbench.metric import Metric
from grokbench.step import Step

__all__ = ["QUESTIONS"]

CALLED, CALLS = 1, 3  # a first call, which may read data files, then calls that are recorded and checked
OUTPUTS = Metric(measure=lambda probe: probe.outputs("train").sum(), splits=("train",))


def can_be_recorded(subject: Subject) -> Answer:
    """Check that the operations of a step and of an evaluation can be recorded, see `engine.flat_graph`."""
    for label, step in islice(steps(subject), 1):  # the functions are the same on every task
        if not step.mapped:
            return not_applicable("mapped=False: its replicas are trained one by one, without a graph")
        if why := _why_not(step, trains=subject.plugin.kind != "metrics"):
            return hint(f"on {label}, its operations cannot be recorded, so it is slower on a CPU: {why}", _FIX)
    return passed()


_FIX = (
    "compute with tensors alone: read no number from a tensor, let no shape depend on numbers in a tensor, and keep "
    "nothing between calls"
)


def _why_not(step: Step, trains: bool) -> str | None:
    """Return why a step or an evaluation cannot be recorded; None if both can."""
    in_every_step = tuple(replace(regularizer, every={}) for regularizer in step.regularizers)
    step = replace(step, regularizers=in_every_step, metrics=step.metrics or {METRIC: OUTPUTS})
    executor, (group, _) = FlatExecutor(step, record_after=CALLED), engine.start(step, SEEDS[:2], "cpu", torch.float32)
    for epoch in range(CALLS):
        _, pending, _ = executor.evaluate(group, (METRIC,), epoch)
        if trains:
            group = executor.advance(group, epoch, epoch + 1, pending)
    return executor.reason


QUESTIONS = (Question("recording", "its operations can be recorded, so that it trains faster", can_be_recorded),)
