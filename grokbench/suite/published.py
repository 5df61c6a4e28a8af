"""The published numbers of a suite, for every label that its grids expand to."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from grokbench.records import Published, Spread
from grokbench.suite.entries import RegularizerEntry, TaskEntry, family
from grokbench.suite.published_shapes import MEANS

__all__ = ["read_published"]

Value = TypeVar("Value")
Table = Mapping[str, Mapping[str, Any]]  # task label -> regularizer label -> a number, or a mapping


def read_published(
    given: Mapping[str, Any] | None, tasks: Sequence[TaskEntry], regularizers: Sequence[RegularizerEntry]
) -> Published | None:
    """Return the numbers of the section `published`, which must be free of mistakes; None if there is no section.

    Args:
        given: the section.
        tasks: the tasks, with grids expanded.
        regularizers: the regularizers, with grids expanded.
    """
    if given is None:
        return None
    expanded = partial(_expanded, tasks=tasks, regularizers=regularizers)
    means = {unit: expanded(given.get(unit) or {}, value=_mean) for unit in MEANS}
    spreads = {unit: expanded(given.get(unit) or {}, value=_spread) for unit in MEANS}
    speedups = expanded(given.get("speedups") or {}, value=_mean)
    finals = {label: expanded(table, value=_mean) for label, table in (given.get("metrics") or {}).items()}
    known = {unit: table for unit, table in spreads.items() if table}
    return Published(given["source"], **means, metrics=finals, spreads=known, speedups=speedups)


def _expanded(
    table: Table,
    tasks: Sequence[TaskEntry],
    regularizers: Sequence[RegularizerEntry],
    value: Callable[[Any], Value | None],
) -> dict[str, dict[str, Value]]:
    """Give each label of an expanded grid the values of the grid's label in the file; leave out labels without any."""
    found: dict[str, dict[str, Value]] = {}
    for task, by_method in table.items():
        values = {method: read for method, each in by_method.items() if (read := value(each)) is not None}
        row = {label: each for method, each in values.items() for label in family(method, regularizers)}
        for label in family(task, tasks) if row else ():
            found.setdefault(label, {}).update(row)
    return found


def _mean(given: Any) -> float:
    return given["mean"] if isinstance(given, Mapping) else given


def _spread(given: Any) -> Spread | None:
    """Read the spread of a mean; None for a plain number."""
    known = {key: given.get(key) for key in ("std", "seeds")} if isinstance(given, Mapping) else {}
    return Spread(**known) if any(value is not None for value in known.values()) else None
