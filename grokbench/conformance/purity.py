"""Checks for plugins of every kind except observers.

Are the functions pure, do they stay on the device, and do they keep shapes?
"""

from functools import partial
from typing import Any

import torch

from grokbench import engine
from grokbench.conformance import advice, placement
from grokbench.conformance.answers import Answer, Question, failed, not_applicable, passed
from grokbench.conformance.calls import Call, call_functions, steps
from grokbench.conformance.contracts import Breach, breach
from grokbench.conformance.device_reads import find_device_reads, restore_generators
from grokbench.conformance.short_runs import SEEDS, epochs_for, same, shapes, trained
from grokbench.conformance.subjects import Subject
from grokbench.step import Step
from grokbench.types import Params

__all__ = ["QUESTIONS"]


def keeps_shapes(subject: Subject) -> Answer:
    """Check that every function returns the types, shapes and dtypes of its contract."""
    calls: list[Call] = []
    for label, step in steps(subject, calls):
        for dtype, where in ((torch.float64, f"on {label}"), (torch.float32, f"on {label}, in torch.float32")):
            try:
                results = call_functions(step, dtype)
            except Exception:
                if not _breaches(subject, calls):  # the error has another cause
                    raise
            for function, found in _breaches(subject, calls):
                return failed(f"{where}, {function} {found.message}", found.fix)
            if "optimizer" in results and shapes(results["optimizer"][0]) != _stacked(results["prepare"]):
                message = "the optimizer returns parameters of another shape, dtype or order"
                return failed(f"{where}, {message}", advice.SHAPE_OF_EACH)
    return passed()


def _breaches(subject: Subject, calls: list[Call]) -> list[tuple[str, Breach]]:
    """Return the breaches of contract in some calls, each with the name of its function."""
    return [(call.function, found) for call in calls if (found := breach(subject.plugin.kind, call))]


def _stacked(params: Params) -> list[tuple[str, tuple[int, ...], torch.dtype]]:
    """Return the shapes of a stack of two replicas of some parameters."""
    return [(name, (2, *shape), dtype) for name, shape, dtype in shapes(params)]


def stays_on_the_device(subject: Subject) -> Answer:
    """Check that no function branches on a tensor or reads a value back from the device.

    This includes the method's own optimizer, which runs outside the vmap.
    """
    for label, step in steps(subject):
        if not step.mapped:
            return not_applicable("mapped=False: its replicas are trained one by one, where it may read numbers")
        group, _ = engine.start(step, SEEDS[:2], "cpu", torch.float64)
        for what, place, fix in find_device_reads(partial(_train_and_evaluate, step, group), subject.file):
            return failed(f"on {label}, {what}", fix, place)
    return passed()


def _train_and_evaluate(step: Step, group: engine.Group) -> None:
    """Run everything of a plugin that a CUDA graph captures; training calls no metric."""
    if not step.metrics:
        group = engine.train_epoch(step, group, 0)
    engine.evaluate(step, group, list(step.metrics), 1, {})


def uses_no_global_randomness(subject: Subject) -> Answer:
    """Check that the functions use no global random generator: keys are the only source of randomness."""
    for label, step in steps(subject):
        with restore_generators() as used:
            call_functions(step)
        if used:
            return failed(f"on {label}, it uses the global generator of {' and '.join(used)}", advice.RANDOM)
    return passed()


def modifies_nothing(subject: Subject) -> Answer:
    """Check that no call changes its arguments: parameters, gradients, batches, keys and states."""
    calls: list[Call] = []
    for label, step in steps(subject, calls):
        call_functions(step)
        for call in calls:
            if call.modified:
                return failed(f"on {label}, {call.function} writes into {', '.join(call.modified)}", advice.WRITE)
    return passed()


def remembers_nothing(subject: Subject) -> Answer:
    """Check that the same call gives the same numbers, at once and after training in between."""
    for label, step in steps(subject):
        with restore_generators() as used:
            first, again = call_functions(step), call_functions(step)
        if differs := _difference(first, again):
            if used:  # this explains the difference
                return failed(f"on {label}, the same call of {differs} gives two results", advice.RANDOM)
            return failed(f"on {label}, the same call of {differs} gives two results: {_KEPT}", advice.STATE)
        trained(step, SEEDS, epochs_for(step.task))
        if differs := _difference(first, call_functions(step)):
            return failed(f"on {label}, {differs} gives another result after training: {_KEPT}", advice.STATE)
    return passed()


_KEPT = "a value is kept between calls"


def _difference(left: dict[str, Any], right: dict[str, Any]) -> str:
    """Return the first part of a step with different results; empty if there is none."""
    return next((part for part in left if not same(left[part], right[part])), "")


QUESTIONS = (
    Question("shapes", "every function returns the shapes of its contract", keeps_shapes),
    Question("device", "it neither branches on tensors nor reads them back from the device", stays_on_the_device),
    *placement.QUESTIONS,
    Question("randomness", "it draws from keys only, never from a global generator", uses_no_global_randomness),
    Question("arguments", "it modifies none of its arguments: data, gradients, keys, states", modifies_nothing),
    Question("memory", "the same call gives the same numbers: nothing is kept between calls", remembers_nothing),
)
