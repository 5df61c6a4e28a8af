"""A pilot: the results folder of a suite whose spread says how many seeds the suite needs."""

from collections.abc import Iterator
from typing import Any

from grokbench.errors import StoreError
from grokbench.judging.comparison import Comparisons, compare
from grokbench.records import Cell
from grokbench.request import Plan
from grokbench.store import Store

__all__ = ["compared", "unlike"]


def compared(plan: Plan) -> Comparisons:
    """The comparisons of the plan's folder as it is; StoreError where that holds another suite."""
    store = Store.load(plan.directory)
    if store.manifest.suite != plan.suite.name:
        raise StoreError(f"{store.directory} holds the suite {store.manifest.suite!r}, expected {plan.suite.name!r}.")
    return compare(store.manifest, store.runs())


def unlike(plan: Plan, found: Comparisons) -> Iterator[str]:
    """The cells of the plan that a folder does not hold as they are planned now, a sentence each."""
    there = {each.measured.cell.key: each.measured.cell for each in found.cells}
    for cell in plan.manifest.cells:
        held = there.get(cell.key)
        if held is None:
            yield f"{cell.name} is not in {plan.directory}: nothing is known of its spread"
        elif _setting(held) != _setting(cell):
            yield f"{cell.name} is planned otherwise now than it was run in {plan.directory}"


def _setting(cell: Cell) -> dict[str, Any]:
    """What decides when replicas grok, but for how they are computed."""
    return {"budget": cell.budget, **{k: v for k, v in cell.recipe.items() if k not in ("precision", "engine")}}
