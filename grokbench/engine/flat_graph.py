"""Flat graphs: the operations of a function of tensors, recorded once and then run without the Python between them.

`vmap`, automatic differentiation and the code of plugins end in operations on plain tensors. A recorder lists these
operations while the function runs. The list is a graph of torch.fx; running it gives the same numbers, bit for bit.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from grokbench.engine.graph_passes import overwritten

__all__ = ["Parts", "UnrecordableError", "record"]

Leaves = Sequence[Tensor | None]
Parts = Mapping[Any, Callable[..., None]]  # operation without a result -> a function that replaces it


_READS = {"__array__", "__dlpack__", "numpy", "tolist"}  # functions that read numbers without an operation
_NUMBER, _SHAPE = "it reads a number from a tensor", "a shape depends on the numbers of a tensor"


class UnrecordableError(Exception):
    """The operations of a function depend on numbers in tensors, or overwrite a tensor that the function keeps."""


def record(function: Callable[..., Sequence[Any]], leaves: Leaves, parts: Parts = MappingProxyType({})) -> GraphModule:
    """Record the operations of a function while it runs once.

    Args:
        function: takes tensors, and None for those that do not exist, and returns a sequence of the same kind. It may
            overwrite its arguments.
        leaves: the arguments of this run.
        parts: operation -> the function that is run and recorded in place of it.

    Returns:
        A module that takes such arguments, of the same shapes, strides and dtypes, and runs the operations.
            `graph_passes` describes the facts that its nodes have in `meta`.

    Raises:
        UnrecordableError: the function reads numbers from tensors, or overwrites a tensor that it keeps.
    """
    leaves = [None if leaf is None else leaf.detach() for leaf in leaves]  # a tensor given twice has two nodes
    recorder = _Recorder(leaves, parts)
    with recorder, _Reads(recorder):
        results = function(*leaves)
    recorder.graph.output(tuple(map(recorder.node_of, results)))
    if any(node.op == "get_attr" for node in overwritten(recorder.graph)):
        recorder.refuse("it overwrites a tensor that it keeps between calls")
    if recorder.refused:  # also if the function caught the error
        raise UnrecordableError(recorder.refused)
    return GraphModule(recorder.root, recorder.graph)


class _Reads(TorchFunctionMode):
    """A mode that finds the functions in _READS."""

    def __init__(self, recorder: "_Recorder") -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if getattr(func, "__name__", "") in _READS:
            self.recorder.refuse(_NUMBER)
        return func(*args, **(kwargs or {}))


class _Recorder(TorchDispatchMode):
    """A mode in which torch calls `__torch_dispatch__` for every operation on plain tensors.

    Attributes:
        graph: the operations so far.
        root: holds the tensors that are neither arguments nor results of operations.
        parts: see `record`.
        refused: why the function cannot be recorded; None if it can.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from wrapping `__torch_dispatch__`: the wrapper imports its compiler, in 1.5 s and 150 MiB."""
        return False

    def __init__(self, leaves: Leaves, parts: Parts) -> None:
        super().__init__()
        self.graph, self.root, self.parts = Graph(), nn.Module(), parts
        self.refused: str | None = None
        self._nodes = WeakTensorKeyDictionary()  # weak, so that recording keeps no tensor alive
        for position, leaf in enumerate(leaves):
            node = self.graph.placeholder(f"argument{position}")
            if leaf is not None:
                self._enter(leaf, node, [])  # arguments that share memory now may have memory of their own later

    def refuse(self, why: str) -> None:
        """Raise an error that says why the function cannot be recorded."""
        self.refused = self.refused or why
        raise UnrecordableError(self.refused)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run an operation and append it to the graph."""
        del types
        if func in self.parts:
            with self:
                return self.parts[func](*args, **(kwargs or {}))
        if torch.Tag.data_dependent_output in func.tags:
            self.refuse(_NUMBER)
        if torch.Tag.dynamic_output_shape in func.tags and (func is not torch.ops.aten.index.Tensor or _masks(args[1])):
            self.refuse(_SHAPE)
        if func is torch.ops.aten.lift_fresh.default:  # a tensor made from numbers is made anew in each call
            func, args = torch.ops.aten.clone.default, (args[0].clone(),)
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
        node.meta["layout"] = (tuple(tensor.shape), tensor.stride(), tensor.storage_offset())
        node.meta["kind"] = (tensor.dtype, tensor.is_conj(), tensor.is_neg())
        self._nodes[tensor] = node


def _masks(indices: Sequence[Tensor | None]) -> bool:
    """Return whether an operation indexes by a mask."""
    return any(index is not None and index.dtype in (torch.bool, torch.uint8) for index in indices)
