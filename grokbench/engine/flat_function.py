"""Functions that are recorded as flat graphs once they have been called often enough with the same layout."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.utils import _pytree as pytree

from grokbench.engine.flat_graph import record
from grokbench.engine.graph_passes import merge_equal, merge_views
from grokbench.records.activity import ACTIVITY

__all__ = ["RECORD_AFTER", "FlatFunction"]

# Recording and checking cost about as much as five calls and some hundredths of a second; a flat call of a small step
# takes two thirds of the time.
RECORD_AFTER = 64  # calls with the same layout before the function is recorded


@dataclass
class _Calls:
    """The calls with one layout of the arguments.

    Attributes:
        count: the calls so far.
        graph: the recorded operations; None before they are recorded.
        structure: the structure of the result.
        checked: True once the graph has given the numbers of the function.
    """

    count: int = 0
    graph: GraphModule | None = None
    structure: Any = None
    checked: bool = False


class FlatFunction:
    """A function of tensors that is replaced by its flat graph.

    The function is recorded on copies, and the graph is compared with the function in the next call: it is used only if
    both give the same bits. Otherwise the function is called as before.

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
        self._calls: dict[Any, _Calls] = defaultdict(_Calls)

    def __call__(self, state: Any, inputs: Any) -> Any:
        """Call the function, or run its graph.

        Args:
            state: tensors that may be overwritten.
            inputs: tensors that stay unchanged.
        """
        leaves, calls = self._calls_of(state, inputs)
        calls.count += 1
        if calls.checked:
            return pytree.tree_unflatten(_run(calls, leaves), calls.structure)
        if self.note or calls.count <= self.record_after:
            return self.function(state, inputs)
        return self._watched(calls, state, inputs)

    def repeat(self, state: Any, inputs: Any, numbers: Iterable[Tensor]) -> Any:
        """Call the function for every number, with `(*inputs, number)`; its result is the state of the next call."""
        waiting = list(numbers)
        while waiting:
            leaves, calls = self._calls_of(state, (*inputs, waiting[0]))
            own, structure = pytree.tree_flatten(state)
            if calls.checked and calls.structure == structure:
                for number in waiting:
                    leaves[-1] = number
                    leaves[: len(own)] = _run(calls, leaves)
                return pytree.tree_unflatten(leaves[: len(own)], structure)
            state = self(state, (*inputs, waiting.pop(0)))
        return state

    def _calls_of(self, state: Any, inputs: Any) -> tuple[list[Any], _Calls]:
        leaves, structure = pytree.tree_flatten((state, inputs))
        return leaves, self._calls[structure, tuple(map(_layout, leaves))]

    def _watched(self, calls: _Calls, state: Any, inputs: Any) -> Any:
        """Call the function; before, record it or run its graph on a copy of the state, and compare."""
        copy = pytree.tree_map(lambda leaf: None if leaf is None else leaf.clone(), state)
        leaves, arguments = pytree.tree_flatten((copy, inputs))
        found: Any = None
        try:
            if calls.graph is None:
                calls.graph, calls.structure = self._record(leaves, arguments)
            else:
                found = _run(calls, leaves)
        except Exception as error:  # of a plugin, or because there is no memory for a copy
            self.note = str(error) or type(error).__name__
        result = self.function(state, inputs)
        if found is not None:
            calls.checked = all(map(_same, found, pytree.tree_leaves(result)))
            self.note = None if calls.checked else "its recorded operations give other numbers"
        return result

    def _record(self, leaves: list[Any], arguments: Any) -> tuple[GraphModule, Any]:
        structure: Any = None

        def flat(*leaves: Any) -> list[Any]:
            nonlocal structure
            results, structure = pytree.tree_flatten(self.function(*pytree.tree_unflatten(list(leaves), arguments)))
            return results

        graph = record(flat, leaves)
        merge_views(graph.graph)
        merge_equal(graph.graph)
        graph.recompile()
        return graph, structure


@torch.no_grad()
def _run(calls: _Calls, leaves: list[Any]) -> Any:
    ACTIVITY.steps += 1
    return calls.graph(*leaves)  # type: ignore[misc]


def _layout(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    return leaf.shape, leaf.stride(), leaf.storage_offset(), leaf.dtype


def _same(one: Any, other: Any) -> bool:
    """Compare two leaves bit for bit, apart from the sign of NaN."""
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and torch.equal(one, other) or _same_with_nan(one, other)


def _same_with_nan(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())
