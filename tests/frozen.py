"""What a CUDA graph does, on the CPU: operations are recorded once, and replayed on the same tensors without Python.

Whatever Python decided while it recorded is frozen: its numbers, its branches, which tensor was which. An operation
that waits for the device breaks the recording off, as CUDA does.
"""

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from grokbench.cuda_graphs import WARM_UPS

WAITS = ("aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero", "aten::nonzero", "aten::masked_select")


class Tape(TorchDispatchMode):
    """Every operation that runs under it, with what it read and made."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation.name().split(".")[0] in WAITS:
            raise RuntimeError(f"operation not permitted when stream is capturing: {operation.name()}")
        made = operation(*args, **(kwargs or {}))
        self.calls.append((operation, args, kwargs or {}, tensors(made)))
        return made

    @torch.no_grad()
    def replay(self):
        for operation, args, kwargs, made in self.calls:
            for old, new in zip(made, tensors(operation(*args, **kwargs)), strict=True):
                if old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():  # no view, not in place
                    old.copy_(new)


def tensors(tree):
    return [leaf for leaf in pytree.tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def frozen(play):
    """What replays a function; it stands in for `CudaGraphs`, but for what runs while it records."""
    for _ in range(WARM_UPS):
        play()
    tape = Tape()
    with tape:
        play()
    return tape.replay
