"""Functions that are recorded as flat graphs and compiled at their first call."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.engine.compiled_graph import CompilationError, CompiledGraph
from grokbench.engine.cuda_graphs import first_cause
from grokbench.engine.decompositions import ELEMENTWISE
from grokbench.engine.flat_function import Calls, FlatFunction, copied, run_graph
from grokbench.engine.graph_passes import compute_constants, merge_equal
from grokbench.engine.out_of_memory import exhausted

__all__ = ["CompiledFunction"]

CHECKED = 2  # first calls with a layout whose results are compared with those of the function itself, run on copies
# Largest accepted difference from the function's results, relative to their root mean square. It is large because the
# first steps of AdamW have the same length for all gradients, even for those that are only rounding errors.
ROUNDING = 0.05
SMALLEST = 1e-6  # root mean square of differences that may always be rounding errors of larger numbers


class CompiledFunction(FlatFunction):
    """A function of tensors that is compiled at the first call with a layout of its arguments.

    All results come from the compiled code, so a resumed group has the same numbers as one that was never interrupted.
    In the first calls, the function itself also runs, on copies, and its results have to agree up to rounding.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        """Wrap a function: (state, inputs) -> result, all pytrees of tensors; it may overwrite the state."""
        super().__init__(function, record_after=0)

    def _watched(self, calls: Calls, state: Any, inputs: Any) -> Any:
        """Run the compiled code and compare its results with the function's; without code, call the function.

        Raises:
            CompilationError: the compiler failed, or its code computes other numbers.
        """
        if calls.graph is None and not self._compile(calls, state, inputs):
            return self.function(state, inputs)
        before, (leaves, _) = pytree.tree_map(copied, state), self._calls_of(state, inputs)
        expected, structure = pytree.tree_flatten(self.function(before, inputs))
        found = run_graph(calls, leaves)
        alike = calls.structure == structure and all(map(_agree, found, expected))
        if not alike or _memory(found, state, inputs) != _memory(expected, before, inputs):
            raise CompilationError("the compiled code computes other numbers than the code before compilation")
        result = pytree.tree_unflatten(found, structure)
        calls.checked = calls.count >= CHECKED
        calls.repeats = calls.checked and self._calls_of(result, inputs)[1] is calls
        return result

    def _compile(self, calls: Calls, state: Any, inputs: Any) -> bool:
        """Record the function on copies and compile it; return False if it cannot be recorded, and note why."""
        try:
            leaves, arguments = pytree.tree_flatten((pytree.tree_map(copied, state), inputs))
            graph, calls.structure = self._record(leaves, arguments, ELEMENTWISE)
        except Exception as error:  # a plugin may raise anything
            if exhausted(error):
                raise
            self.note = first_cause(error)
            return False
        merge_equal(graph.graph)
        compute_constants(graph)
        calls.graph = CompiledGraph(graph, leaves)
        return True


def _memory(results: Sequence[Any], *trees: Any) -> list[list[int | None]]:
    """List, for each result, the first result and the first leaf of each tree that begin at the same address."""
    firsts: list[dict[int, int]] = []
    for leaves in (results, *map(pytree.tree_leaves, trees)):
        tensors = [(number, leaf) for number, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.numel()]
        firsts.append({leaf.data_ptr(): number for number, leaf in reversed(tensors)})
    return [[first.get(each.data_ptr()) for first in firsts] for each in results if isinstance(each, Tensor)]


def _agree(one: Any, other: Any) -> bool:
    """Return whether two leaves agree up to rounding; integers, and the places of NaN and infinity, must be equal."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return bool(one == other)
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    if not one.is_floating_point() and not one.is_complex():
        return torch.equal(one, other)
    finite = one.isfinite()
    if not torch.equal(finite, other.isfinite()) or not torch.equal(one.isnan(), other.isnan()):
        return False
    one, other = (each.where(finite, 0).to(torch.complex128) for each in (one, other))
    size = other.abs().square().mean().sqrt() if other.numel() else 0.0
    return bool(((one - other).abs().square().mean().sqrt() <= ROUNDING * size + SMALLEST) if one.numel() else True)
