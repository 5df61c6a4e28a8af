"""The text of `grokbench show TASK` about the task's network: its parameters and its hidden sites."""

from collections.abc import Iterator

from torch import Tensor

from grokbench import random
from grokbench.plugins.plugin import Plugin
from grokbench.task import Task
from grokbench.text.table import table
from grokbench.types import Params

__all__ = ["network"]


def network(plugin: Plugin) -> str:
    """Describe the network of a task at its default parameters; empty if it cannot be made without data.

    Args:
        plugin: the task's plugin.
    """
    try:
        return "\n".join(_lines(plugin.make({})))
    except Exception:  # an error in a user's task; `check` explains it
        return ""


def _lines(task: Task) -> Iterator[str]:
    params = task.init(random.key(0, "meta"))
    rows = [(name, _shape(p), task.roles.get(name, ""), _note(task, name)) for name, p in params.items()]
    yield "parameters of the network at these defaults, weights (fan_in, fan_out):"
    yield table(rows, ("name", "shape", "role", ""))
    if sites := _sites(task, params):
        yield f"hidden sites, in order: {', '.join(sites)}"


def _sites(task: Task, params: Params) -> list[str]:
    """List the hidden sites with their shapes, from a forward pass; none for a task that reads data from files."""
    if not task.has_sites or task.fetch:
        return []
    found: list[str] = []

    def site(h: Tensor, name: str) -> Tensor:
        found.append(f"{name} (n, {', '.join(map(str, h.shape[1:]))})")
        return h

    batch = task.splits(random.key(0, "meta"))["train"]
    task.forward(params, task.embedded(params, batch.inputs), site=site)
    return found


def _note(task: Task, name: str) -> str:
    return "frozen" if name in task.frozen else ""


def _shape(p: Tensor) -> str:
    return f"({', '.join(map(str, p.shape))})"
