"""Watching a program run: what it reads back from the device, and what it does to the global random generators."""

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

__all__ = ["Sighting", "generators_moved", "watched"]

Sighting = tuple[str, str, str]  # what was seen, where in the plugin's folder, what to do about it

_BRANCHES = {"__bool__"}
_READS = {"__array__", "__complex__", "__float__", "__index__", "__int__", "cpu", "cuda", "item", "numpy", "tolist"}
_DYNAMIC = {"masked_select", "nonzero", "unique_consecutive", "unique_dim", "_unique", "_unique2"}
_SCALARS = {"_local_scalar_dense", "equal", "is_nonzero", "item"}


class _Notebook:
    """Sightings in a plugin's own folder; what torch and the engine do on their own account is not its business."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.outside = len(traceback.extract_stack()) - 1  # frames of who asks: a test may stand beside the plugin
        self.seen: dict[str, Sighting] = {}  # by place: one line is complained of once

    def note(self, what: str, fix: str) -> None:
        place = innermost(traceback.extract_stack()[self.outside :], self.file)
        if place:
            self.seen.setdefault(place, (what, place, fix))


class _Calls(TorchFunctionMode):
    """What Python asks of tensors."""

    def __init__(self, notebook: _Notebook) -> None:
        super().__init__()
        self.notebook = notebook

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _BRANCHES:
            self.notebook.note("it branches in Python on a tensor", BRANCH)
        elif name in _READS or (name == "to" and _names_a_device(args, kwargs or {})):
            self.notebook.note(f"it reads a tensor back from the device with {name}", SYNC)
        return func(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):
    """What reaches the device, whoever called it."""

    def __init__(self, notebook: _Notebook) -> None:
        super().__init__()
        self.notebook = notebook

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.partition("::")[2]
        device = (kwargs or {}).get("device")
        if name in _SCALARS:
            self.notebook.note("it reads a tensor's value in Python", SYNC)
        elif name in _DYNAMIC or (name == "index" and _masks(args)):
            self.notebook.note("a shape depends on the values of a tensor", DYNAMIC)
        elif name == "_to_copy" and device is not None and device != args[0].device:
            self.notebook.note("it copies a tensor to another device", SYNC)
        return func(*args, **(kwargs or {}))


def _names_a_device(args: Any, kwargs: Any) -> bool:
    return any(isinstance(given, str) for given in (*args, *kwargs.values()))


def _masks(args: Any) -> bool:
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1])


def watched(run: Callable[[], object], file: Path) -> list[Sighting]:
    """What the code in a plugin's folder reads back from the device while something runs, in order."""
    notebook = _Notebook(file)
    with warnings.catch_warnings(), _Calls(notebook), _Operations(notebook):
        warnings.filterwarnings("ignore", module=re.escape(__name__))  # what torch warns of is laid to this file
        try:
            run()
        except Exception:
            if not notebook.seen:  # the error has another cause
                raise
    return list(notebook.seen.values())


@contextmanager
def generators_moved() -> Iterator[list[str]]:
    """The global generators that moved within, known at the end; they are put back."""
    moved: list[str] = []
    python, numeric, tensors = random.getstate(), numpy.random.get_state(), torch.random.get_rng_state()
    try:
        yield moved
    finally:
        after = numpy.random.get_state()
        if random.getstate() != python:
            moved.append("random")
        if any(not numpy.array_equal(a, b) for a, b in zip(numeric, after, strict=True)):
            moved.append("numpy.random")
        if not torch.equal(torch.random.get_rng_state(), tensors):
            moved.append("torch")
        random.setstate(python)
        numpy.random.set_state(numeric)
        torch.random.set_rng_state(tensors)
