"""A question about devices, checked on a simulated device: its tensors have shapes and a device, but no values.

If torch has no Python backend (before 2.9), or if another package uses this backend, the device is torch's `meta`.
"""

import re
import traceback
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench import engine
from grokbench.conformance.advice import DEVICE, DYNAMIC, SYNC
from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.calls import steps
from grokbench.conformance.short_runs import SEEDS, tensors
from grokbench.conformance.subjects import Subject
from grokbench.engine.mapping import over_replicas
from grokbench.optimizers import SGD, AdamW
from grokbench.plugins.source_lines import innermost
from grokbench.step import Step
from grokbench.types import Optimizer, Params

__all__ = ["QUESTIONS", "has_pretend_device"]

NAME = "pretend"
MIXED = "it makes a tensor on the CPU or moves one there"

# Entries: a pattern in the class or the message of an exception; what went wrong; the fix; True if code may read
# values.
_KNOWN = (
    (r"DeviceMismatch|two different devices|expected device meta|copy out of meta|same device", MIXED, DEVICE, True),
    (r"DataDependentOutput", "it reads a tensor's value in Python", SYNC, False),
    (r"DynamicOutputShape", "a shape depends on the values of a tensor", DYNAMIC, False),
)


class Misplaced(NamedTuple):
    """A line of a plugin at which a tensor leaves the device, with what the line does and the fix."""

    what: str
    fix: str
    place: str


def follows_its_device(subject: Subject) -> Answer:
    """Check, on a device without values, that a plugin stays on the device of its input tensors."""
    for label, step in steps(subject):
        group, _ = engine.start(step, SEEDS[:2], "cpu", torch.float64)
        if found := _misplaced(step, group, subject.file):
            return failed(f"on {label}, {found.what}", found.fix, found.place)
    return passed()


def _misplaced(step: Step, group: engine.Group, file: Path) -> Misplaced | None:
    """Evaluate and train on the simulated device, and return the first line at which a tensor leaves the device."""
    moves, reads = _Moves(file), bool(step.regularizers) and step.mapped  # a metric may load its own data once
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # warnings about the data pointers that the engine compares
        to = _enter_pretend(stack, moves) if has_pretend_device() else partial(Tensor.to, device="meta")
        try:
            moved = _moved(group, to)
            if on_cpu := _states_on_cpu(step, moved):
                return Misplaced(f"init makes the state {on_cpu} on the CPU", DEVICE, "")
            _measure_and_train(replace(step, optimizer=_without_kernels(step.optimizer)), moved)
        except Exception as error:  # other questions report other errors
            place, text = innermost(traceback.extract_tb(error.__traceback__), file), f"{type(error).__name__} {error}"
            for pattern, what, fix, also_read in _KNOWN:
                if place and re.search(pattern, text) and (also_read or reads):
                    return Misplaced(what, fix, place)
    return moves.found if reads else None


class _Moves(TorchDispatchMode):
    """A mode that finds copies to the CPU by a plugin's own code."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.outside = len(traceback.extract_stack())  # frames of the caller: a test may lie beside the plugin
        self.found: Misplaced | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        target = (kwargs or {}).get("device")
        if func._schema.name == "aten::_to_copy" and target is not None and target.type == "cpu" != args[0].device.type:
            place = innermost(traceback.extract_stack()[self.outside :], self.file)
            if place and not self.found:
                self.found = Misplaced("it copies a tensor to the CPU", SYNC, place)
        return func(*args, **(kwargs or {}))


@cache
def has_pretend_device() -> bool:
    """Register the simulated device, once in a process; return False if torch cannot have it."""
    try:
        from torch.utils import backend_registration as backends

        if torch._C._get_privateuse1_backend_name() != "privateuseone":  # another package's device
            return False
        absent = {"is_available": lambda self: False}
        module, hook = (
            type(NAME, (base,), absent) for base in (backends._DummyBackendModule, backends._DummyPrivateUse1Hook)
        )
        backends._setup_privateuseone_for_python_backend(NAME, module(), hook())
    except (ImportError, AttributeError, RuntimeError):
        return False
    return True


def _enter_pretend(stack: ExitStack, moves: _Moves) -> Callable[[Tensor], Tensor]:
    """Enter torch's fake mode and `moves`, and return a function that moves a tensor to the simulated device."""
    from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

    class Mode(FakeTensorMode):
        avoid_device_init = property(lambda self: True)

    mode = Mode()

    def to(tensor: Tensor) -> Tensor:
        shaped = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
        return FakeTensor(mode, shaped, torch.device(NAME, 0))

    stack.enter_context(torch.autograd.set_multithreading_enabled(False))  # no threads may wait for a new device
    stack.enter_context(mode)
    stack.enter_context(moves)
    return to


class _Still(Optimizer):
    """Gradient descent without special kernels, because the simulated device lacks these."""

    decoupled = False

    def init(self, params: Params) -> tuple[()]:
        """Return the empty state."""
        return ()

    def update(self, params: Params, grads: Params, state: Any) -> tuple[Params, Any]:
        """Take one step."""
        return {name: p - self.lr * grads[name] for name, p in params.items()}, state


def _without_kernels(optimizer: Optimizer) -> Optimizer:
    return _Still(optimizer.lr) if type(optimizer) in (SGD, AdamW) else optimizer


def _moved(group: engine.Group, to: Callable[[Tensor], Tensor]) -> engine.Group:
    parts = {field.name: getattr(group, field.name) for field in fields(group)}
    return replace(group, **pytree.tree_map_only(Tensor, to, parts))


def _states_on_cpu(step: Step, group: engine.Group) -> str:
    """Name a part of a state that `init` makes on the CPU although the parameters are elsewhere; empty if none is.

    Unmapped code may keep numbers on the CPU, as optimizers of torch do.
    """
    if not (step.regularizers and step.mapped):
        return ""
    made = tensors(over_replicas(step, step.init)(group.params, group.keys)[0])
    return next((path or "()" for path, tensor in made if tensor.device.type == "cpu"), "")


def _measure_and_train(step: Step, group: engine.Group) -> None:
    """Evaluate and train a group as the engine does, without reading the metrics; training calls no metric."""
    measure = vmap(partial(step.evaluate, list(step.metrics)), in_dims=(0, group.split_axes, 0, 0, 0))
    averaged = over_replicas(step, step.evaluated)(group.params, group.states)
    measure(averaged, group.splits, group.keys, {}, group.initial)
    if not step.metrics:
        engine.train_epoch(step, group, 0)


QUESTIONS = (Question("placement", "its tensors stay on the device of the given ones", follows_its_device),)
