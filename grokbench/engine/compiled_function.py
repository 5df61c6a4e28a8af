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
from grokbench.engine.graph_passes import merge_equal
from grokbench.engine.out_of_memory import exhausted

__all__ = ["CompiledFunction"]

CHECKED = 2  # first calls with a layout in which the function itself runs too, on copies
# Most difference from the function's numbers, relative to their root mean square. AdamW's first steps are as long for
# a gradient that is only a rounding error as for any other.
ROUNDING = 0.05
SMALLEST = 1e-6  # root mean square below which numbers may be rounding errors of larger numbers


class CompiledFunction(FlatFunction):
    """A function of tensors that is compiled at the first call with a layout of its arguments.

    All results come from the compiled code, so a group that resumes has the numbers of one that was never interrupted.
    In the first calls the function itself runs too, on copies, and its numbers have to agree up to rounding.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        """Wrap a function: (state, inputs) -> result, all pytrees of tensors; it may overwrite the state."""
        super().__init__(function, record_after=0)

    def _watched(self, calls: Calls, state: Any, inputs: Any) -> Any:
        """Run the compiled code, and compare it with the function; the function alone, if it cannot be recorded.

        Raises:
            CompilationError: the compiler failed, or its code gives other numbers.
        """
        if calls.graph is None and not self._compile(calls, state, inputs):
            return self.function(state, inputs)
        before, (leaves, _) = pytree.tree_map(copied, state), self._calls_of(state, inputs)
        expected, structure = pytree.tree_flatten(self.function(before, inputs))
        found = run_graph(calls, leaves)
        alike = calls.structure == structure and all(map(_agree, found, expected))
        if not alike or _memory(found, state, inputs) != _memory(expected, before, inputs):
            raise CompilationError("its compiled code gives other numbers than its operations")
        result = pytree.tree_unflatten(found, structure)
        calls.checked = calls.count >= CHECKED
        calls.repeats = calls.checked and self._calls_of(result, inputs)[1] is calls
        return result

    def _compile(self, calls: Calls, state: Any, inputs: Any) -> bool:
        """Record the function on copies and compile it; return False if it cannot be recorded, and note why."""
        try:
            leaves, arguments = pytree.tree_flatten((pytree.tree_map(copied, state), inputs))
            graph, calls.structure = self._record(leaves, arguments, ELEMENTWISE)
        except Exception as error:  # of a plugin
            if exhausted(error):
                raise
            self.note = first_cause(error)
            return False
        merge_equal(graph.graph)
        calls.graph = CompiledGraph(graph, leaves)
        return True


def _memory(results: Sequence[Any], *trees: Any) -> list[list[int | None]]:
    """Return for each result which results, and which leaves of each tree, begin at the same address: the first one."""
    firsts: list[dict[int, int]] = []
    for leaves in (results, *map(pytree.tree_leaves, trees)):
        tensors = [(number, leaf) for number, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.numel()]
        firsts.append({leaf.data_ptr(): number for number, leaf in reversed(tensors)})
    return [[first.get(each.data_ptr()) for first in firsts] for each in results if isinstance(each, Tensor)]


def _agree(one: Any, other: Any) -> bool:
    """Return whether two leaves are equal up to rounding; integers and the places of NaN and infinity exactly."""
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
