"""What CUDA graphs do, on the CPU: operations are recorded once, and replayed on the same memory without Python.

Whatever Python decided while it recorded is frozen: its numbers, its branches, which tensor was which. Recording
computes nothing; an operation that waits for the device breaks it off; memory that nobody holds on to any more may be
another's at any replay.
"""

import gc
import weakref
from collections import Counter

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench.engine.cuda_graphs import WARM_UPS

__all__ = ["frozen"]

# They wait for the device, make a tensor of Python numbers, or one whose size it decides.
FORBIDDEN = ("_local_scalar_dense", "equal", "is_nonzero", "nonzero", "masked_select", "lift_fresh", "_unique2")


def frozen(play):
    """What replays a function, after the warm-up that `CudaGraphs` gives it too."""
    for _ in range(WARM_UPS):
        play()
    tape = Tape()
    with tape:
        play()
    tape.close()

    def replay(play=play):  # which it holds on to
        tape.replay()

    return replay


class Tape(TorchDispatchMode):
    """Every operation that runs under it, and the memory it works on."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.outer, self.before = {}, {}  # place -> memory that was there already, and what it held
        self.made, self.results = {}, {}  # place -> memory, and weak references to the tensors there
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
        """Another tensor on the same memory, known to nobody else."""
        if not isinstance(leaf, torch.Tensor):
            return leaf
        self.aliases[place(leaf)] += 1
        return leaf.detach()

    def close(self):
        """Recording computes nothing: what was there is there again, and what was made holds no numbers yet."""
        for where, memory in self.outer.items():
            memory.copy_(self.before[where])
        self.before.clear()
        gc.collect()
        self.spoil(self.made)

    @torch.no_grad()
    def replay(self):
        for where, memory in self.outer.items():
            if where and torch._C._storage_Use_Count(memory._cdata) <= self.aliases[where] + 1:
                raise RuntimeError("a recording reads or writes memory that was freed")
        for operation, args, kwargs, result in self.calls:
            for old, new in zip(tensors(result), tensors(operation(*args, **kwargs)), strict=True):
                if place(old) != place(new):  # no view, and not in place
                    old.copy_(new)
        self.spoil(where for where, held in self.results.items() if all(tensor() is None for tensor in held))

    def spoil(self, places):
        """Overwrite memory that nobody refers to, as the next recording to play may do: floats are nan, integers -1."""
        for where in places:
            self.made[where].fill_(255)


def tensors(tree):
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def memories(tree):
    return [tensor.untyped_storage() for tensor in tensors(tree)]


def place(tensor):
    """Where its memory begins."""
    return tensor.untyped_storage().data_ptr()
