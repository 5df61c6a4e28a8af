"""Flat graphs: the operations of a function of tensors, recorded once and then run without the Python between them.

`vmap`, automatic differentiation and the code of plugins end in operations on plain tensors. A recorder lists these
operations while the function runs. The list is a graph of torch.fx; running it gives the same numbers, bit for bit.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

__all__ = ["Leaves", "UnrecordableError", "record"]

Leaves = Sequence[Tensor | None]


class UnrecordableError(Exception):
    """A function reads numbers from tensors, on which its later operations may depend."""


def record(function: Callable[..., Sequence[Any]], leaves: Leaves) -> GraphModule:
    """Record the operations of a function while it runs once.

    Args:
        function: takes tensors, and None for those that do not exist, and returns a sequence of the same kind. It may
            overwrite its arguments.
        leaves: the arguments of this run.

    Returns:
        A module that takes such arguments, of the same shapes, strides and dtypes, and runs the operations.
            `graph_passes` describes the facts that its nodes have in `meta`.

    Raises:
        UnrecordableError: the function reads numbers from tensors.
    """
    recorder = _Recorder(leaves)
    with recorder:
        results = function(*leaves)
    recorder.graph.output(tuple(map(recorder.node_of, results)))
    return GraphModule(recorder.root, recorder.graph)


class _Recorder(TorchDispatchMode):
    """A mode in which torch calls `__torch_dispatch__` for every operation on plain tensors.

    Attributes:
        graph: the operations so far.
        root: holds the tensors that are neither arguments nor results of operations.
    """

    def __init__(self, leaves: Leaves) -> None:
        super().__init__()
        self.graph, self.root = Graph(), nn.Module()
        self._nodes = WeakTensorKeyDictionary()  # weak, so that recording keeps no tensor alive
        for position, leaf in enumerate(leaves):
            node = self.graph.placeholder(f"argument{position}")
            if leaf is not None and leaf not in self._nodes:
                self._enter(leaf, node, [each for each in leaves[:position] if each is not None])

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: torch would import its compiler, in a second, to keep it out of this mode."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation and append it to the graph."""
        del types
        if func is torch.ops.aten._local_scalar_dense.default:
            raise UnrecordableError("it reads a number from a tensor")
        given = pytree.tree_map(self.node_of, (args, dict(kwargs or {})))
        result = func(*args, **(kwargs or {}))
        node = self.graph.call_function(func, *given)
        tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if isinstance(result, Tensor):
            self._enter(result, node, tensors)
        elif isinstance(result, tuple | list):
            for position, part in enumerate(result):
                if isinstance(part, Tensor):
                    self._enter(part, self.graph.call_function(operator.getitem, (node, position)), tensors)
        return result

    def node_of(self, value: Any) -> Any:
        """Return the node of a tensor; other values stay unchanged."""
        if not isinstance(value, Tensor):
            return value
        if value not in self._nodes:
            name = f"constant{len(dict(self.root.named_buffers()))}"
            self.root.register_buffer(name, value)
            self._enter(value, self.graph.get_attr(name), [])
        return self._nodes[value]

    def _enter(self, tensor: Tensor, node: Node, others: Sequence[Tensor]) -> None:
        """Enter the node of a tensor, which may share the memory of others."""
        storage = tensor.untyped_storage().data_ptr()
        sharing = [other for other in others if other.untyped_storage().data_ptr() == storage] if storage else []
        node.meta["storage"] = self._nodes[sharing[0]].meta["storage"] if sharing else node
        node.meta["layout"] = (tuple(tensor.shape), tensor.stride(), tensor.storage_offset(), tensor.dtype)
        self._nodes[tensor] = node
