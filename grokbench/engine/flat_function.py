"""Functions that are recorded as flat graphs once they have been called often enough with the same layout."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.utils import _pytree as pytree

from grokbench.engine.cuda_graphs import first_cause
from grokbench.engine.flat_graph import Parts, UnrecordableError, record
from grokbench.engine.graph_passes import merge_equal, merge_views
from grokbench.records.activity import ACTIVITY

__all__ = ["RECORD_AFTER", "Calls", "FlatFunction", "copied", "run_graph"]

# Recording and checking cost about as much as five calls and some hundredths of a second. For a small step, a call of
# the graph takes two thirds of the time of a call of the function.
RECORD_AFTER = 64  # calls with the same layout before the function is recorded


@dataclass
class Calls:
    """The calls with one layout of the arguments.

    Attributes:
        count: the calls so far.
        graph: the recorded operations, or their compiled form; None before they are recorded.
        structure: the structure of the result.
        checked: True once the graph has been found to compute the same numbers as the function.
        repeats: True if the result, as the state of the next call, has the same structure and layout.
    """

    count: int = 0
    graph: Callable[..., Any] | None = None
    structure: Any = None
    checked: bool = False
    repeats: bool = False


class FlatFunction:
    """A function of tensors that is replaced by its flat graph.

    The function is recorded on copies. In the next call, both the graph and the function run. The graph replaces the
    function only if the results have the same bits.

    Attributes:
        note: why the function is not replaced; None if it is, or has not been recorded yet.
    """

    def __init__(self, function: Callable[[Any, Any], Any], record_after: int = RECORD_AFTER) -> None:
        """Wrap a function.

        Args:
            function: (state, inputs) -> result, all pytrees of tensors; it may overwrite the state.
            record_after: the calls with one layout of the arguments before the function is recorded.
        """
        self.function, self.record_after = function, record_after
        self.note: str | None = None
        self._calls: dict[Any, Calls] = defaultdict(Calls)

    def __call__(self, state: Any, inputs: Any) -> Any:
        """Call the function, or run its graph.

        Args:
            state: tensors that may be overwritten.
            inputs: tensors that stay unchanged.
        """
        leaves, calls = self._calls_of(state, inputs)
        calls.count += 1
        if calls.checked:
            return pytree.tree_unflatten(run_graph(calls, leaves), calls.structure)
        if self.note or calls.count <= self.record_after:
            return self.function(state, inputs)
        return self._watched(calls, state, inputs)

    def repeat(self, state: Any, inputs: Any, numbers: Iterable[Tensor]) -> Any:
        """Call the function for every number, with `(*inputs, number)`; its result is the state of the next call."""
        waiting = list(numbers)
        while waiting:
            leaves, calls = self._calls_of(state, (*inputs, waiting[0]))
            own, structure = pytree.tree_flatten(state)
            if calls.checked and calls.repeats:
                for number in waiting:
                    leaves[-1] = number
                    leaves[: len(own)] = run_graph(calls, leaves)
                return pytree.tree_unflatten(leaves[: len(own)], structure)
            state = self(state, (*inputs, waiting.pop(0)))
        return state

    def _calls_of(self, state: Any, inputs: Any) -> tuple[list[Any], Calls]:
        leaves, structure = pytree.tree_flatten((state, inputs))
        return leaves, self._calls[structure, tuple(map(_layout, leaves))]

    def _watched(self, calls: Calls, state: Any, inputs: Any) -> Any:
        """Call the function. Also record it, in the first of two calls, or compare its graph with it, in the second."""
        found: Any = None
        try:
            leaves, arguments = pytree.tree_flatten((pytree.tree_map(copied, state), inputs))
            if calls.graph is None:
                graph, calls.structure = self._record(leaves, arguments)
                merge_views(graph.graph)
                merge_equal(graph.graph)
                graph.recompile()
                calls.graph = graph
            else:
                found = run_graph(calls, leaves)
        except Exception as error:  # of a plugin, or because there is no memory for a copy
            self.note = first_cause(error)
        result = self.function(state, inputs)
        if found is not None:
            expected, structure = pytree.tree_flatten(result)
            calls.checked = calls.structure == structure and all(map(_same, found, expected))
            calls.repeats = self._calls_of(result, inputs)[1] is calls
            self.note = None if calls.checked else "its recorded operations compute other numbers"
        return result

    def _record(
        self, leaves: list[Any], arguments: Any, parts: Parts = MappingProxyType({})
    ) -> tuple[GraphModule, Any]:
        """Record the operations, see `record`; return them with the structure of the result."""
        structure: Any = None

        def flat(*leaves: Any) -> list[Any]:
            nonlocal structure
            results, structure = pytree.tree_flatten(self.function(*pytree.tree_unflatten(list(leaves), arguments)))
            return results

        return record(flat, leaves, parts), structure


@torch.no_grad()
def run_graph(calls: Calls, leaves: list[Any]) -> Any:
    """Run the graph of calls."""
    ACTIVITY.steps += 1
    return calls.graph(*leaves)  # type: ignore[misc]


@torch.no_grad()
def copied(leaf: Tensor | None) -> Tensor | None:
    """Copy a leaf with its strides and its offset, on which the recorded operations depend."""
    if leaf is None:
        return None
    if leaf.is_conj() or leaf.is_neg():
        raise UnrecordableError("a state is conjugated or negated lazily")
    storage = leaf.untyped_storage().clone()
    return torch.empty(0, dtype=leaf.dtype).set_(storage, leaf.storage_offset(), leaf.shape, leaf.stride())


def _layout(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    return leaf.shape, leaf.stride(), leaf.storage_offset(), leaf.dtype


def _same(one: Any, other: Any) -> bool:
    """Compare two leaves bit for bit, apart from the bits of NaN; 0 and -0 differ."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):
        return bool(one == other)
    if _layout(one) != _layout(other):
        return False
    if one.is_complex():
        one, other = (torch.view_as_real(each.resolve_conj()) for each in (one, other))
    equal = (one == other) & (one.signbit() == other.signbit())
    return bool((equal | (one != one) & (other != other)).all())
