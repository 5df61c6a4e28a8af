"""Simplifications of a flat graph that keep every bit of its results.

A chain of views becomes one view, operations that change nothing are left out, and equal operations are run only
once. A node of a tensor has three facts in `meta`: "layout" (shape, strides and offset), "kind" (the dtype, and two
flags of lazily conjugated and negated tensors), and "storage", the node that allocated the tensor's memory.
"""

from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_arg

__all__ = ["compute_constants", "looks_like", "merge_equal", "merge_views", "overwritten"]

LARGEST = 2**20  # elements of a tensor that is kept as a constant
as_strided, clone = torch.ops.aten.as_strided.default, torch.ops.aten.clone.default


def overwritten(graph: Graph) -> set[Node]:
    """Return the nodes of memory that operations overwrite."""
    return {argument.meta["storage"] for node in graph.nodes for argument in _targets(node)}


def _targets(node: Node) -> list[Node]:
    """List the arguments that a node overwrites."""
    if not isinstance(node.target, OpOverload):
        return []
    found: list[Any] = []
    for position, argument in enumerate(node.target._schema.arguments):
        if argument.alias_info and argument.alias_info.is_write:
            value = node.args[position] if position < len(node.args) else node.kwargs.get(argument.name)
            found += value if isinstance(value, list | tuple) else [value]
    return [value for value in found if isinstance(value, Node)]


def merge_views(graph: Graph) -> None:
    """Replace every view by one view of the memory it shows, or by the tensor that already shows it in this way."""
    for node in list(graph.nodes):
        storage = node.meta.get("storage", node)
        if storage is node or not isinstance(node.target, OpOverload) or _targets(node) or "kind" not in storage.meta:
            continue
        if looks_like(node, storage):
            node.replace_all_uses_with(storage)
        elif storage.meta["kind"] == node.meta["kind"]:
            with graph.inserting_before(node):
                view = graph.call_function(as_strided, (storage, *node.meta["layout"]))
            view.meta.update(node.meta)
            node.replace_all_uses_with(view)
    graph.eliminate_dead_code()


def looks_like(node: Node, other: Node) -> bool:
    """Return whether two nodes have the same layout and kind.

    Args:
        node: a node of a tensor.
        other: another one.
    """
    return all(node.meta[fact] == other.meta[fact] for fact in ("layout", "kind"))


def merge_equal(graph: Graph) -> None:
    """Replace nodes that compute the same result by one of them.

    A node is left alone if the memory of an argument or of the result is overwritten. Two results that are kept between
    calls stay apart, because the next call may overwrite one of them.
    """
    written, kept, first = overwritten(graph), _kept(graph), dict[Any, Node]()
    for node in list(graph.nodes):
        own = _memory(node)
        if node.op != "call_function" or written & own.union(*map(_memory, node.all_input_nodes)):
            continue
        if node.is_impure() or torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            continue
        twin = first.setdefault((node.target, _hashable(node.args), _hashable(node.kwargs)), node)
        if node.target is clone and node.args[0].op == "get_attr" and looks_like(node, node.args[0]):
            twin = node.args[0]
        memory = _memory(twin)
        if twin is node or (own & kept and memory & kept and own != memory):
            continue
        node.replace_all_uses_with(twin)
        if own & kept:
            kept |= memory
    graph.eliminate_dead_code()


def compute_constants(module: GraphModule) -> None:
    """Replace integers that follow from `torch.arange` alone by constants of the module.

    torch's compiler writes such integers as products of loop counters, signed and of 64 bits. The products in random
    draws overflow. The C++ compiler may assume that they do not, and removes conditions of the loop: the code then
    wrote beyond the end of a tensor.

    Args:
        module: a recorded module, which is changed.
    """
    graph, values = module.graph, dict[Node, Tensor]()
    untouched = overwritten(graph).union(*map(_memory, graph.output_node().all_input_nodes))
    for node in list(graph.nodes):
        if node.op == "call_function" and _follows(node, values) and not _memory(node) & untouched:
            value = node.target(*map_arg(node.args, values.get), **node.kwargs)
            if isinstance(value, Tensor) and not value.is_floating_point() and value.numel() <= LARGEST:
                values[node] = value
    for number, (node, value) in enumerate(values.items()):
        if any(user not in values for user in node.users):
            _replace(module, node, f"computed{number}", value)
    graph.eliminate_dead_code()


def _follows(node: Node, values: dict[Node, Tensor]) -> bool:
    """Return whether an operation depends on nothing but `torch.arange` and tensors of known values."""
    if node.is_impure() or not isinstance(node.target, OpOverload):
        return False
    inputs = node.all_input_nodes
    return all(each in values for each in inputs) if inputs else node.target.overloadpacket is torch.ops.aten.arange


def _replace(module: GraphModule, node: Node, name: str, value: Tensor) -> None:
    """Replace a node by a constant of the module."""
    module.register_buffer(name, value)
    with module.graph.inserting_before(node):
        constant = module.graph.get_attr(name)
    constant.meta.update(node.meta, storage=constant)
    node.replace_all_uses_with(constant)


def _kept(graph: Graph) -> set[Node]:
    """Return the nodes of memory that is kept between calls: what the graph returns, and its constants."""
    constants = {node for node in graph.nodes if node.op == "get_attr"}
    return constants.union(*map(_memory, graph.output_node().all_input_nodes))


def _memory(node: Node) -> set[Node]:
    """Return the nodes of the memory of a node's results."""
    tensors = [node] if "storage" in node.meta else list(node.users)  # an operation with several results
    return {each.meta["storage"] for each in tensors if "storage" in each.meta}


def _hashable(value: Any) -> Any:
    """Return a value that is equal for equal arguments; 1, 1.0 and True differ."""
    if isinstance(value, list | tuple):
        return tuple(_hashable(each) for each in value)
    if isinstance(value, dict):
        return tuple((key, _hashable(each)) for key, each in value.items())
    return value if isinstance(value, Node) else (type(value), str(value))
