"""Simplifications of a flat graph that keep every bit of its results.

A chain of views becomes one view, operations that change nothing are left out, and what is computed twice is computed
once. A node of a tensor has two facts in `meta`: "layout" (shape, strides, offset and dtype), and "storage", the node
that allocated the tensor's memory.
"""

from typing import Any

import torch
from torch._ops import OpOverload
from torch.fx import Graph, Node

__all__ = ["merge_equal", "merge_views", "overwritten"]

as_strided = torch.ops.aten.as_strided.default


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
        if storage is node or not isinstance(node.target, OpOverload) or _targets(node) or "layout" not in storage.meta:
            continue
        shape, strides, offset, dtype = node.meta["layout"]
        if storage.meta["layout"] == node.meta["layout"]:
            node.replace_all_uses_with(storage)
        elif storage.meta["layout"][3] == dtype:
            with graph.inserting_before(node):
                view = graph.call_function(as_strided, (storage, shape, strides, offset))
            view.meta.update(node.meta)
            node.replace_all_uses_with(view)
    graph.eliminate_dead_code()


def merge_equal(graph: Graph) -> None:
    """Compute once what several nodes compute, unless the memory of an argument or of the result is overwritten."""
    written, first = overwritten(graph), dict[Any, Node]()
    for node in list(graph.nodes):
        involved = [node, *node.all_input_nodes]
        if node.op != "call_function" or any(each.meta.get("storage") in written for each in involved):
            continue
        if node.is_impure() or torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            continue
        key = (node.target, _hashable(node.args), _hashable(node.kwargs))
        if first.setdefault(key, node) is not node:
            node.replace_all_uses_with(first[key])
    graph.eliminate_dead_code()


def _hashable(value: Any) -> Any:
    """Return a value that is equal for equal arguments; 1, 1.0 and True differ."""
    if isinstance(value, list | tuple):
        return tuple(_hashable(each) for each in value)
    if isinstance(value, dict):
        return tuple((key, _hashable(each)) for key, each in value.items())
    return value if isinstance(value, Node) else (type(value), str(value))
