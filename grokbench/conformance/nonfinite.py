"""Where a number that is not finite was first made: a training run again, with every operation watched.

What is not finite is followed from tensor to tensor, so that an infinity which a method puts aside (a mask before a
softmax) is not blamed for another one. An operation of the backward pass has the line of the forward operation that it
differentiates, which torch keeps in its anomaly mode.
"""

import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench.plugins.source_lines import frames, innermost

__all__ = ["birthplace"]


class _Births(TorchDispatchMode):
    """Notes where every tensor that is not finite comes from."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.outside = len(traceback.extract_stack()) - 1  # frames of who asks: a test may stand beside the plugin
        self.places: dict[int, tuple[str, Tensor]] = {}  # by memory: where it began; and a tensor, which holds on to it

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [tensor for tensor in _tensors((args, kwargs)) if not _finite(tensor)]  # before it is written over
        result = func(*args, **(kwargs or {}))
        if "empty" in func._schema.name:  # what lies in memory by chance
            return result
        stained = [tensor for tensor in _tensors((result, args, kwargs)) if not _finite(tensor)]  # some return nothing
        if new := [tensor for tensor in stained if _memory(tensor) not in self.places]:
            known = [self.places[_memory(tensor)][0] for tensor in given if _memory(tensor) in self.places]
            place = known[0] if known else self._here()
            self.places |= {_memory(tensor): (place, tensor) for tensor in new}
        return result

    def place(self, tensor: Tensor) -> str:
        """The line where what is not finite in it began; empty if it is not the plugin's."""
        return self.places.get(_memory(tensor), ("", tensor))[0]

    def _here(self) -> str:
        """The plugin's line that is running, or that the backward pass is at."""
        if place := innermost(traceback.extract_stack()[self.outside :], self.file):
            return place
        node: Any = torch._C._current_autograd_node()
        forward = node.metadata.get("traceback_", [])[self.outside :] if node else []
        return innermost(frames("".join(forward)), self.file)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


def _finite(tensor: Tensor) -> bool:
    with torch._C._DisableTorchDispatch():
        return bool(tensor.isfinite().all())


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def birthplace(run: Callable[[], Iterable[Tensor]], file: Path) -> str:
    """The line of the plugin's folder where something not finite in the tensors that `run` gives was first made.

    Returns:
        `clip.py, line 12: g / g.norm()`; empty if all are finite, or if it began elsewhere.
    """
    births = _Births(file)
    with warnings.catch_warnings(), torch.autograd.set_detect_anomaly(True, check_nan=False), births:
        warnings.simplefilter("ignore")  # anomaly mode says that it is slow
        left = list(run())
    places = [births.place(tensor) for tensor in left if not _finite(tensor)]
    return next((place for place in places if place), "")
