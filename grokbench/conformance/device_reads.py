"""Detection of reads from the device, of branches and shapes that depend on tensors, and of global random draws."""

import random
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench.conformance.advice import BRANCH, DYNAMIC, SYNC
from grokbench.plugins.source_lines import innermost

__all__ = ["DeviceRead", "find_device_reads", "restore_generators"]

DeviceRead = tuple[str, str, str]  # what was done, the line in the plugin's folder, the fix

_BRANCHES = {"__bool__"}
_READS = {"__array__", "__complex__", "__float__", "__index__", "__int__", "cpu", "cuda", "item", "numpy", "tolist"}
_DYNAMIC = {"masked_select", "nonzero", "unique_consecutive", "unique_dim", "_unique", "_unique2"}
_SCALARS = {"_local_scalar_dense", "equal", "is_nonzero", "item"}


class _Recorder:
    """A record of the device reads by code in a plugin's own folder; reads by torch and the engine are ignored."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.outside = len(traceback.extract_stack()) - 1  # frames of the caller: a test may lie beside the plugin
        self.found: dict[str, DeviceRead] = {}  # place -> read, so that each line is reported once

    def record(self, what: str, fix: str) -> None:
        place = innermost(traceback.extract_stack()[self.outside :], self.file)
        if place:
            self.found.setdefault(place, (what, place, fix))


class _Calls(TorchFunctionMode):
    """A mode that finds calls of Python functions that read the value of a tensor or move a tensor."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _BRANCHES:
            self.recorder.record("it branches in Python on a tensor", BRANCH)
        elif name in _READS or (name == "to" and _names_a_device(args, kwargs or {})):
            self.recorder.record(f"it reads a tensor back from the device with {name}", SYNC)
        return func(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):
    """A mode that finds operations that read a value, move a tensor or have a shape that depends on values."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        device = (kwargs or {}).get("device")
        if name in _SCALARS:
            self.recorder.record("it reads a tensor's value in Python", SYNC)
        elif name in _DYNAMIC or (name == "index" and _masks(args)):
            self.recorder.record("a shape depends on the values of a tensor", DYNAMIC)
        elif name == "_to_copy" and device is not None and device != args[0].device:
            self.recorder.record("it copies a tensor to another device", SYNC)
        return func(*args, **(kwargs or {}))


def _names_a_device(args: Any, kwargs: Any) -> bool:
    """Return whether the arguments of `Tensor.to` name a device."""
    return any(isinstance(given, str) for given in (*args, *kwargs.values()))


def _masks(args: Any) -> bool:
    """Return whether an operation indexes by a mask."""
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1])


def find_device_reads(run: Callable[[], object], file: Path) -> list[DeviceRead]:
    """Run a function and find where a plugin's code reads from the device.

    Args:
        run: the function. If a read was found, exceptions of the function are ignored: the read is their usual cause.
        file: the plugin's file, whose folder is the plugin's code.

    Returns:
        The reads in order, one for each line.
    """
    recorder = _Recorder(file)
    with warnings.catch_warnings(), _Calls(recorder), _Operations(recorder):
        warnings.filterwarnings("ignore", module=re.escape(__name__))  # torch attributes its warnings to this file
        try:
            run()
        except Exception:
            if not recorder.found:  # the error has another cause
                raise
    return list(recorder.found.values())


@contextmanager
def restore_generators() -> Iterator[list[str]]:
    """Restore the global random generators on exit, and add the generators that changed to the yielded list."""
    used: list[str] = []
    python, numeric, tensors = random.getstate(), numpy.random.get_state(), torch.random.get_rng_state()
    try:
        yield used
    finally:
        after = numpy.random.get_state()
        if random.getstate() != python:
            used.append("random")
        if any(not numpy.array_equal(a, b) for a, b in zip(numeric, after, strict=True)):
            used.append("numpy.random")
        if not torch.equal(torch.random.get_rng_state(), tensors):
            used.append("torch")
        random.setstate(python)
        numpy.random.set_state(numeric)
        torch.random.set_rng_state(tensors)
