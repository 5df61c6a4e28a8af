"""A stand-in for CUDA graphs on the CPU: operations are captured once, and replayed on the same memory without Python.

The decisions of Python during the capture hold for every replay: numbers, branches and the choice of tensors. A capture
computes nothing, an operation that waits for the device ends it with an error, and a replay may overwrite memory that
nothing references any more.
"""

import gc
import weakref
from collections import Counter

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench.engine.cuda_graphs import WARM_UPS

__all__ = ["fake_capture"]

# Operations that wait for the device, make a tensor of Python numbers, or one whose size depends on values.
FORBIDDEN = ("_local_scalar_dense", "equal", "is_nonzero", "nonzero", "masked_select", "lift_fresh", "_unique2")


def fake_capture(function):
    """Capture a function after its warm-ups, as `GraphCapture` does, and return its replay."""
    for _ in range(WARM_UPS):
        function()
    tape = Tape()
    gc.freeze()  # so that `close` looks for garbage among the objects of the capture alone
    try:
        with tape:
            function()
        tape.close()
    finally:
        gc.unfreeze()

    def replay(function=function):  # a reference to the function, as the replay of `GraphCapture` has
        tape.replay()

    return replay


class Tape(TorchDispatchMode):
    """The operations that run while it is active, and the memory they work on."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.outer, self.before = {}, {}  # place -> memory from before the capture, and its content then
        self.made, self.results = {}, {}  # place -> memory allocated in the capture, and weak references to its tensors
        self.aliases = Counter()  # place -> how many of the tape's own tensors are there

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.name().split("::")[1].split(".")[0]
        masks = name.startswith("index") and any(tensor.dtype is torch.bool for tensor in tensors(args[1:2]))
        if name in FORBIDDEN or masks:
            raise RuntimeError(f"operation not permitted when stream is capturing: {operation.name()}")
        kwargs = kwargs or {}
        for memory in memories((args, kwargs)):
            if memory.data_ptr() not in self.made and memory.data_ptr() not in self.outer:
                self.outer[memory.data_ptr()], self.before[memory.data_ptr()] = memory, memory.clone()
        result = operation(*args, **kwargs)
        for tensor in tensors(result):
            if place(tensor) not in self.outer:
                self.made[place(tensor)] = tensor.untyped_storage()
                self.results.setdefault(place(tensor), []).append(weakref.ref(tensor))
        self.calls.append((operation, *pytree.tree_map(self.alias, (args, kwargs, result))))
        return result

    def alias(self, leaf):
        """Return another tensor on the same memory, referenced by the tape alone."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        self.aliases[place(leaf)] += 1
        return leaf.detach()

    def close(self):
        """Undo the computation: restore the memory from before, and overwrite what the capture allocated."""
        for where, memory in self.outer.items():
            memory.copy_(self.before[where])
        self.before.clear()
        gc.collect()
        self.spoil(self.made)

    @torch.no_grad()
    def replay(self):
        for where, memory in self.outer.items():
            if where and torch._C._storage_Use_Count(memory._cdata) <= self.aliases[where] + 1:
                raise RuntimeError("a graph reads or writes memory that was freed")
        for operation, args, kwargs, result in self.calls:
            for old, new in zip(tensors(result), tensors(operation(*args, **kwargs)), strict=True):
                if place(old) != place(new):  # neither a view nor computed in place
                    old.copy_(new)
        self.spoil(where for where, held in self.results.items() if all(tensor() is None for tensor in held))

    def spoil(self, places):
        """Overwrite memory that nothing references, as another graph's replay may: floats become nan, integers -1."""
        for where in places:
            self.made[where].fill_(255)


def tensors(tree):
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def memories(tree):
    return [tensor.untyped_storage() for tensor in tensors(tree)]


def place(tensor):
    """Return the address of a tensor's memory."""
    return tensor.untyped_storage().data_ptr()
