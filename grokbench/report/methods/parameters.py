"""The settings of a folder's tasks and methods, in sentences, and the gaps in the record of their sources."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grokbench.judging.comparison import Comparisons
from grokbench.records import Cell, Use
from grokbench.text.lists import listed

__all__ = ["settings"]


def settings(found: Comparisons) -> Iterator[str]:
    """Yield the settings of tasks and methods, plugins that do not ship, and privileges."""
    cells = found.manifest.cells
    tasks = {cell.task: _said(cell.recipe.task) for cell in cells}
    yield f"Tasks: {_together(tasks)}."
    methods: dict[str, dict[str, str]] = {}  # label -> task -> settings
    for cell in cells:
        methods.setdefault(cell.regularizer, {})[cell.task] = _method(cell)
    yield f"Methods: {_together({label: _by_task(on) for label, on in methods.items()})}."
    yield from _not_shipped(cells)
    if privileged := {cell.regularizer: cell.privileges for cell in cells if cell.privileges}:
        uses = "; ".join(f"{label}: {listed(what)}" for label, what in privileged.items())
        yield f"Methods that use what the baseline does not have: {uses}."
    yield (
        "Not recorded: which of these settings were read from a publication and which were fitted, and how many others "
        "were tried."
    )


def _together(said: Mapping[str, str]) -> str:
    """Join every label with its text, which may begin with the label."""
    repeated = {label: text == label or text.startswith(f"{label} (") for label, text in said.items()}
    return "; ".join(text if repeated[label] else f"{label}: {text}" for label, text in said.items())


def _by_task(on: Mapping[str, str]) -> str:
    """Write the settings of a method; by task where they differ."""
    tasks: dict[str, list[str]] = {}
    for task, said in on.items():
        tasks.setdefault(said, []).append(task)
    said_on = [f"{said} on {listed(names)}" for said, names in tasks.items()]
    return ", ".join(said_on if len(tasks) > 1 else tasks)


def _method(cell: Cell) -> str:
    return " with ".join(map(_said, cell.recipe.regularizers))


def _said(use: Use) -> str:
    """Write a plugin and its parameters."""
    shown = ", ".join(f"{name} = {_value(value)}" for name, value in use.parameters.items())
    return f"{use.name} ({shown})" if shown else use.name


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _not_shipped(cells: Sequence[Cell]) -> Iterator[str]:
    origins = {name: origin for cell in cells for name, origin in cell.origins.items()}
    others = [f"{name} ({origin.with_digest})" for name, origin in origins.items() if not origin.built_in]
    if others:
        yield f"Plugins that do not ship with grokbench: {'; '.join(others)}."
