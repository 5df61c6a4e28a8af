"""Questions for tasks and regularizers about training: precision, states, finite numbers and grouping."""

import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch.func import vmap

from grokbench import engine
from grokbench.conformance import advice
from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.calls import steps
from grokbench.conformance.short_runs import ALONE, PRECISIONS, SEEDS, distance, epochs_for, replica, shapes, trained
from grokbench.conformance.subjects import Subject
from grokbench.plugins.source_lines import frames, innermost
from grokbench.step import Step
from grokbench.step.build import build_step
from grokbench.types import Batch

__all__ = ["QUESTIONS"]

DEAD = ((torch.float32, 0.0), (torch.float64, 0.0), (torch.float32, 1e-12))  # pairs: precision, scale of the parameters
CONFIDENT = 1e3  # outputs of a confident network: e^-1000 is zero, in float32 and in float64
LARGEST = 1e6  # the largest scale of parameters to try, since some networks bound their outputs


def trains_in_both_precisions(subject: Subject) -> Answer:
    """Check that, at the defaults, losses and parameters stay finite and parameters keep their precision."""
    at_defaults = [subject.regularizer({})] if subject.plugin.kind == "regularizers" else []
    for label, task in subject.tasks():
        for dtype in PRECISIONS:
            step = build_step(task, at_defaults, {})
            group = trained(step, SEEDS, 5, dtype)
            for name, p in group.params.items():
                if p.dtype != dtype:
                    return failed(f"on {label}, trained in {dtype}, {name} becomes {p.dtype}", advice.DTYPE)
            if complaint := _broken(step, group):
                said = f"on {label}, in {dtype}, {complaint} after 5 epochs"
                return failed(said, advice.GRADIENT, _gradient_line(subject, step, dtype, 1.0, 5))
    return passed()


def keeps_its_state(subject: Subject) -> Answer:
    """Check that states and parameters keep shapes, dtypes and key order; floating states have the run's precision."""
    for label, step in steps(subject):
        for dtype in PRECISIONS:
            group, _ = engine.start(step, SEEDS, "cpu", dtype)
            before = shapes(group.states), shapes(group.params)
            for epoch in range(3):
                group = engine.train_epoch(step, group, epoch)
            if (shapes(group.states), shapes(group.params)) != before:
                return failed(f"on {label}, a state or parameter changes shape, dtype or order in training", _STATE_FIX)
            for path, shape, kept in before[0]:
                number = not step.mapped and len(shape) == 1  # unmapped code may keep numbers in full precision
                if kept.is_floating_point and kept != dtype and not number:
                    return failed(f"on {label}, trained in {dtype}, the state {path} is {kept}", advice.DTYPE)
    return passed()


_STATE_FIX = "return a state like the given one: the same fields in the same order, of the same shapes and dtypes"


def stays_finite(subject: Subject) -> Answer:
    """Check that numbers stay finite with activations of zero or almost zero, and with very large outputs."""
    for label, step in steps(subject):
        for dtype, scale in DEAD:
            if complaint := _broken(step, _scaled(step, dtype, scale)):
                said = f"on {label}, in {dtype}, with parameters times {scale:g}, {complaint}"
                return failed(said, advice.GRADIENT, _gradient_line(subject, step, dtype, scale))
        for dtype in PRECISIONS:
            once, scale = _with_one_batch(step), _confident_scale(step, dtype)
            if complaint := _broken(once, _scaled(once, dtype, scale)):
                where = f"on {label}, in {dtype}, with parameters times {scale:.3g} and outputs of {CONFIDENT:g}"
                return failed(f"{where}, {complaint}", advice.LOGARITHM, _gradient_line(subject, once, dtype, scale))
    return passed()


def _scaled(step: Step, dtype: torch.dtype, scale: float) -> engine.Group:
    """Train a group for one epoch from a scaled initialisation."""
    return engine.train_epoch(step, _begun(step, dtype, scale), 0)


def _begun(step: Step, dtype: torch.dtype, scale: float) -> engine.Group:
    """Make a group with a scaled initialisation."""
    group, _ = engine.start(step, SEEDS, "cpu", dtype)
    return replace(group, params={name: scale * p for name, p in group.params.items()})


def _broken(step: Step, group: engine.Group) -> str:
    """Describe what is not finite in a trained group; empty if all is finite."""
    if not group.finite.all():
        return f"the loss{' with its penalty' * step.has('penalty')} is not finite"
    broken = [name for name, p in group.params.items() if not p.isfinite().all()]
    return f"the trained {broken[0]} is not finite" if broken else ""


def _gradient_line(subject: Subject, step: Step, dtype: torch.dtype, scale: float, epochs: int = 1) -> str:
    """Find the plugin's line whose gradient is nan, with torch's anomaly mode.

    Returns:
        The line of the forward operation; empty if the loss itself is already not finite.
    """
    with warnings.catch_warnings(record=True) as caught, torch.autograd.set_detect_anomaly(True):
        warnings.simplefilter("always")
        with suppress(RuntimeError):  # the preceding warning holds the traceback of the forward operation
            group = _begun(step, dtype, scale)
            for epoch in range(epochs):
                group = engine.train_epoch(step, group, epoch)
    outside = len(traceback.extract_stack())  # frames of the caller: a test may lie in the plugin's folder
    places = [innermost(frames(str(warning.message))[outside:], subject.file) for warning in caught]
    return next(filter(None, places), "")


def _confident_scale(step: Step, dtype: torch.dtype) -> float:
    """Find a scale of the initialisation that makes outputs large in every replica, up to LARGEST."""
    task, (group, _) = step.task, engine.start(step, SEEDS, "cpu", dtype)
    scale, outputs = 1.0, vmap(task.outputs, in_dims=(0, group.split_axes["train"]))
    while scale < LARGEST:
        reached = outputs({name: scale * p for name, p in group.params.items()}, group.splits["train"].inputs)
        if not reached.abs().flatten(1).amax(1).min() < CONFIDENT:  # nan ends the search too
            break
        scale *= 1.2
    return scale


def _with_one_batch(step: Step) -> Step:
    """Return the step on a task whose training set is its first batch.

    A network with large outputs is updated only once. The learning rate may be too large for such a network, and a
    divergence over several updates would not be the method's fault.
    """
    task = step.task
    size = min(task.batch_size or task.train_size, task.train_size)

    def first(draw: Callable[..., dict[str, Batch]], given: Any) -> dict[str, Batch]:
        splits = draw(given)
        return splits | {name: Batch(*(part[:size] for part in splits[name])) for name in splits if name == "train"}

    shared = partial(first, task.shared) if task.shared else None
    return replace(step, task=replace(task, splits=partial(first, task.splits), shared=shared, train_size=size))


def is_the_same_alone(subject: Subject) -> Answer:
    """Check that a seed trains in a group of three as it does in a group with a copy of itself."""
    for label, step in steps(subject):
        epochs = epochs_for(step.task)
        group = trained(step, SEEDS, epochs)
        alone = trained(step, (SEEDS[1], SEEDS[1]), epochs)  # never a group of one, which uses other kernels
        if complaint := _broken(step, group):
            place = _gradient_line(subject, step, torch.float64, 1.0, epochs)
            return failed(f"on {label}, {complaint} after 20 steps", advice.GRADIENT, place)
        apart = distance(replica(group.params, 1), replica(alone.params, 0))
        if not apart < ALONE:
            return failed(f"on {label}, a seed in a group and alone differ by {apart:.1e} after 20 steps", _GROUP_FIX)
    return passed()


_GROUP_FIX = "do not mix seeds: an optimizer receives all of them stacked, so reduce over every axis but the first"

QUESTIONS = (
    Question("precision", "it trains in float32 and in float64", trains_in_both_precisions),
    Question("state", "its state keeps shapes, dtypes and key order", keeps_its_state),
    Question("dead network", "losses and gradients are finite on a dead network and on a confident one", stays_finite),
    Question("group", "a group of seeds equals each seed alone, to 1e-9 after 20 steps", is_the_same_alone),
)
