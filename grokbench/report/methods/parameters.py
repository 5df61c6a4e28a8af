"""The settings of a folder's tasks and methods, in sentences; and what it does not record of where they come from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grokbench.judging.comparison import Comparisons
from grokbench.records import Cell
from grokbench.text.lists import listed

__all__ = ["settings"]

BUILT_IN = "built in"  # how the origin of a plugin begins that ships with grokbench


def settings(found: Comparisons) -> Iterator[str]:
    """Of tasks and methods, plugins that do not ship, and privileges."""
    cells = found.manifest.cells
    tasks = {cell.task: _said(cell.recipe.get("task")) for cell in cells}
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
    """Every label with what is said of it, which may begin with it."""
    repeated = {label: text == label or text.startswith(f"{label} (") for label, text in said.items()}
    return "; ".join(text if repeated[label] else f"{label}: {text}" for label, text in said.items())


def _by_task(on: Mapping[str, str]) -> str:
    """The settings of a method; by task where they differ."""
    tasks: dict[str, list[str]] = {}
    for task, said in on.items():
        tasks.setdefault(said, []).append(task)
    said_on = [f"{said} on {listed(names)}" for said, names in tasks.items()]
    return ", ".join(said_on if len(tasks) > 1 else tasks)


def _method(cell: Cell) -> str:
    uses = cell.recipe.get("regularizers")
    return " with ".join(map(_said, uses)) if isinstance(uses, list | tuple) and uses else "settings not recorded"


def _said(use: Any) -> str:
    """A plugin and its parameters."""
    if not isinstance(use, Mapping) or "use" not in use:
        return "settings not recorded"
    parameters = use.get("parameters")
    known = parameters if isinstance(parameters, Mapping) else {}
    shown = ", ".join(f"{name} = {_value(value)}" for name, value in known.items())
    return f"{use['use']} ({shown})" if shown else str(use["use"])


def _value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _not_shipped(cells: Sequence[Cell]) -> Iterator[str]:
    origins = {name: origin for cell in cells for name, origin in cell.origins.items()}
    others = [f"{name} ({origin})" for name, origin in origins.items() if not origin.startswith(BUILT_IN)]
    if others:
        yield f"Plugins that do not ship with grokbench: {'; '.join(others)}."
