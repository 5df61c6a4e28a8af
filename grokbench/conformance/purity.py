"""Is a plugin made of pure functions? Asked of every kind, by calling its functions and watching them."""

import re
import traceback
from dataclasses import fields, replace
from functools import partial
from typing import Any

import torch
from torch.func import vmap
from torch.utils import _pytree as pytree

from grokbench import engine
from grokbench.conformance import advice
from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.calls import Visit, rehearse, steps
from grokbench.conformance.contracts import Breach, breach
from grokbench.conformance.device_reads import generators_moved, watched
from grokbench.conformance.short_runs import SEEDS, epochs_for, same, shapes, trained
from grokbench.conformance.subjects import Subject
from grokbench.plugins.source_lines import innermost
from grokbench.step import Step
from grokbench.types import Params

__all__ = ["QUESTIONS"]


def keeps_shapes(subject: Subject) -> Answer:
    """Every function gives tensors of the shapes its contract names."""
    visits: list[Visit] = []
    for label, step in steps(subject, visits):
        for dtype, where in ((torch.float64, f"on {label}"), (torch.float32, f"on {label}, in torch.float32")):
            try:
                told = rehearse(step, dtype)
            except Exception:
                if not _breaches(subject, visits):  # the error has another cause
                    raise
            for function, breached in _breaches(subject, visits):
                return failed(f"{where}, {function} {breached.message}", breached.fix)
            if "optimizer" in told and shapes(told["optimizer"][0]) != _stacked(told["prepare"]):
                said = "the optimizer gives parameters of another shape, dtype or order"
                return failed(f"{where}, {said}", advice.SHAPE_OF_EACH)
    return passed()


def _breaches(subject: Subject, visits: list[Visit]) -> list[tuple[str, Breach]]:
    return [(visit.function, found) for visit in visits if (found := breach(subject.plugin.kind, visit))]


def _stacked(params: Params) -> list[tuple[str, tuple[int, ...], torch.dtype]]:
    """The shapes of a stack of two replicas."""
    return [(name, (2, *shape), dtype) for name, shape, dtype in shapes(params)]


def stays_on_the_device(subject: Subject) -> Answer:
    """No branch on a tensor, no value read back: neither in the map over seeds nor in an optimizer beside it."""
    for label, step in steps(subject):
        group, _ = engine.start(step, SEEDS[:2], "cpu", torch.float64)
        for what, where, fix in watched(partial(_train_and_evaluate, step, group), subject.file):
            return failed(f"on {label}, {what}", fix, where)
    return passed()


def _train_and_evaluate(step: Step, group: engine.Group) -> None:
    """What a captured graph holds."""
    group = engine.train_epoch(step, group, 0)
    engine.evaluate(step, group, list(step.metrics), 1, {})


def follows_its_device(subject: Subject) -> Answer:
    """On a device without memory, what a plugin makes on the CPU meets what it was given, and torch complains."""
    for label, step in steps(subject):
        group, _ = engine.start(step, SEEDS[:2], "cpu", torch.float64)
        try:
            _measure_and_train(step, _on_meta(group))
        except Exception as error:
            place = innermost(traceback.extract_tb(error.__traceback__), subject.file)
            if place and _STRAYS.search(str(error)):  # other errors are for other questions
                return failed(f"on {label}, it makes or takes a tensor to the CPU", advice.DEVICE, place)
    return passed()


_STRAYS = re.compile(r"expected device meta|copy out of meta|same device")  # torch's messages


def _on_meta(group: engine.Group) -> engine.Group:
    """The group on torch's device for shapes without numbers."""
    parts = {field.name: getattr(group, field.name) for field in fields(group)}
    return replace(group, **pytree.tree_map_only(torch.Tensor, lambda tensor: tensor.to("meta"), parts))


def _measure_and_train(step: Step, group: engine.Group) -> None:
    """What the engine does with a group, but for reading the metrics."""
    measure = vmap(partial(step.evaluate, list(step.metrics)), in_dims=(0, group.split_axes, 0, 0, 0))
    measure(group.params, group.splits, group.keys, {}, group.initial)
    engine.train_epoch(step, group, 0)


def uses_no_global_randomness(subject: Subject) -> Answer:
    """The global generators stand where they stood: keys are the only source of randomness."""
    for label, step in steps(subject):
        with generators_moved() as moved:
            rehearse(step)
        if moved:
            return failed(f"on {label}, it moves the global generator of {' and '.join(moved)}", advice.RANDOM)
    return passed()


def writes_into_nothing(subject: Subject) -> Answer:
    """Parameters, gradients, batches, keys and states are as they were after every call."""
    visits: list[Visit] = []
    for label, step in steps(subject, visits):
        rehearse(step)
        for visit in visits:
            if visit.wrote:
                return failed(f"on {label}, {visit.function} writes into {', '.join(visit.wrote)}", advice.WRITE)
    return passed()


def remembers_nothing(subject: Subject) -> Answer:
    """The same call gives the same numbers, at once and after a training in between."""
    for label, step in steps(subject):
        with generators_moved() as moved:
            first, again = rehearse(step), rehearse(step)
        if differs := _difference(first, again):
            if moved:  # which is why
                return failed(f"on {label}, the same call of {differs} gives two results", advice.RANDOM)
            return failed(f"on {label}, the same call of {differs} gives two results: something is kept", advice.STATE)
        trained(step, SEEDS, epochs_for(step.task))
        if differs := _difference(first, rehearse(step)):
            return failed(f"on {label}, {differs} gives another result after training: something is kept", advice.STATE)
    return passed()


def _difference(left: dict[str, Any], right: dict[str, Any]) -> str:
    """The first part of two rehearsals that is not the same."""
    return next((part for part in left if not same(left[part], right[part])), "")


QUESTIONS = (
    Question("shapes", "every function returns the shapes of its contract", keeps_shapes),
    Question("device", "it neither branches on tensors nor reads them back from the device", stays_on_the_device),
    Question("placement", "its tensors are on the device of those it is given", follows_its_device),
    Question("randomness", "it draws from keys alone, never from a global generator", uses_no_global_randomness),
    Question("arguments", "it writes into nothing it is given: data, gradients, keys, states", writes_into_nothing),
    Question("memory", "the same call gives the same numbers: nothing is kept between calls", remembers_nothing),
)
