"""Does a plugin train as the engine needs it? Asked of tasks and of regularizers, by a few short trainings."""

from dataclasses import replace

import torch

from grokbench import engine
from grokbench.conformance import fixes
from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.rehearsal import steps
from grokbench.conformance.subjects import Subject
from grokbench.conformance.trials import SEEDS, distance, epochs_for, replica, shapes, trained
from grokbench.step import Step, build_step

__all__ = ["QUESTIONS"]

PRECISIONS = (torch.float32, torch.float64)
DEAD = ((torch.float32, 0.0), (torch.float64, 0.0), (torch.float32, 1e-12))  # precision, scale of the parameters
ALONE = 1e-9  # relative, after 20 steps in float64: another group size takes other kernels, which round differently


def trains_in_both_precisions(subject: Subject) -> Answer:
    """At its defaults, parameters stay finite and of the precision they are trained in."""
    at_defaults = [subject.regularizer({})] if subject.plugin.kind == "regularizers" else []
    for label, task in subject.tasks():
        for dtype in PRECISIONS:
            group = trained(build_step(task, at_defaults, {}), SEEDS, 5, dtype)
            for name, p in group.params.items():
                if p.dtype != dtype:
                    return failed(f"on {label}, trained in {dtype}, {name} becomes {p.dtype}", fixes.DTYPE)
                if not p.isfinite().all():
                    return failed(f"on {label}, in {dtype}, {name} is not finite after 5 epochs", fixes.GRADIENT)
    return passed()


def keeps_its_state(subject: Subject) -> Answer:
    """State and parameters keep shapes, dtypes and the order of their keys; floating state is the task's precision."""
    for label, step in steps(subject):
        for dtype in PRECISIONS:
            group, _ = engine.start(step, SEEDS, "cpu", dtype)
            before = shapes(group.states), shapes(group.params)
            for epoch in range(3):
                group = engine.train_epoch(step, group, epoch)
            if (shapes(group.states), shapes(group.params)) != before:
                return failed(f"on {label}, a state or parameter changes shape, dtype or order in training", _STATE)
            for path, _, kept in before[0]:
                if kept.is_floating_point and kept != dtype:
                    return failed(f"on {label}, trained in {dtype}, the state {path} is {kept}", fixes.DTYPE)
    return passed()


_STATE = "return a state as it was given: the same fields in the same order, of the same shapes and dtypes"


def survives_a_dead_network(subject: Subject) -> Answer:
    """Where every activation is zero, or all but zero, losses and gradients are finite."""
    for label, step in steps(subject):
        for dtype, scale in DEAD:
            if complaint := _dies(step, dtype, scale):
                return failed(f"on {label}, with parameters times {scale:g} in {dtype}, {complaint}", fixes.GRADIENT)
    return passed()


def _dies(step: Step, dtype: torch.dtype, scale: float) -> str:
    """What is not finite after one epoch from scaled parameters; empty if all is."""
    group, _ = engine.start(step, SEEDS, "cpu", dtype)
    group = replace(group, params={name: scale * p for name, p in group.params.items()})
    group = engine.train_epoch(step, group, 0)
    if not group.finite.all():
        return "the loss is not finite"
    broken = [name for name, p in group.params.items() if not p.isfinite().all()]
    return f"the gradient of {broken[0]} is not finite" if broken else ""


def is_the_same_alone(subject: Subject) -> Answer:
    """A seed trained in a group of three is that seed trained beside a copy of itself."""
    for label, step in steps(subject):
        epochs = epochs_for(step.task)
        group = trained(step, SEEDS, epochs)
        alone = trained(step, (SEEDS[1], SEEDS[1]), epochs)  # never a group of one: it takes other kernels
        if not all(p.isfinite().all() for p in group.params.values()):
            return failed(f"on {label}, parameters are not finite after 20 steps", fixes.GRADIENT)
        apart = distance(replica(group.params, 1), replica(alone.params, 0))
        if not apart < ALONE:
            return failed(f"on {label}, a seed in a group and alone differ by {apart:.1e} after 20 steps", _ALONE)
    return passed()


_ALONE = "let nothing mix seeds: an optimizer is handed all of them stacked, so reduce over every axis but the first"

QUESTIONS = (
    Question("precision", "it trains in float32 and in float64", trains_in_both_precisions),
    Question("state", "its state keeps shapes, dtypes and key order", keeps_its_state),
    Question("dead network", "losses and gradients are finite on a dead network too", survives_a_dead_network),
    Question("group", "a group of seeds equals each seed alone, to 1e-9 after 20 steps", is_the_same_alone),
)
