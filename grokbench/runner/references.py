"""Rows of a reference folder, such as the committed `results/paper`, shown beside the rows that a command trains.

The reference's runs are copied into the results folder of the command, where every reader of the folder finds
them. A copied run has the key `reference` in its provenance, which names the reference folder. Its seconds are not
copied, because they were measured on another machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from grokbench.errors import SuiteError
from grokbench.records import Cell, Ledger, Outcome, Run
from grokbench.runner.request import Plan, distinct
from grokbench.runner.stored import of_other_data
from grokbench.store import Store
from grokbench.store.layout import Layout
from grokbench.store.reuse import satisfies
from grokbench.text.lists import listed, plural
from grokbench.text.options import Option
from grokbench.text.private import without_place

__all__ = ["Reference", "fill", "past", "reference_of"]


@dataclass(frozen=True)
class Reference:
    """A reference folder, and the part of it that a plan uses.

    Attributes:
        store: the folder.
        usable: identity of a cell -> the seeds whose runs satisfy the plan.
        others: labels of the reference's rows whose recipes are not in the plan.
    """

    store: Store
    usable: dict[str, frozenset[int]]
    others: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the folder as it may be published."""
        return without_place(str(self.store.directory))

    def sentence(self) -> str:
        """A sentence about the rows that the reference supplies, and about how to train these here."""
        replicas, cells = sum(map(len, self.usable.values())), sum(map(bool, self.usable.values()))
        if not replicas:
            return f"{self.name} is not used as reference: it holds none of these cells with the same recipe."
        here = f"{Option('reference', 'none')} trains them here."
        left = f" Not in this suite, so not shown: {listed(self.others)}." if self.others else ""
        return (
            f"Reference: {self.name} supplies {plural(replicas, 'replica')} of {plural(cells, 'cell')}, marked @ "
            f"(other machine): compare epochs with them, not seconds. {here}{left}"
        )


def reference_of(plan: Plan) -> Reference | None:
    """Open the reference of a plan; None if the plan has none.

    Raises:
        StoreError: the folder that the user named is no results folder, or is damaged.
        SuiteError: the folder that the user named holds no replica that the plan can use.
    """
    if plan.reference is None:
        return None
    store = Store.load(plan.reference)
    tasks = {cell.task for cell in plan.cells}
    wanted = [cell for cell in distinct(plan.manifest.cells) if cell.task in tasks]
    usable = {cell.identity: _usable(cell, plan, store) for cell in wanted}
    known = {cell.identity for cell in plan.manifest.cells}
    others = tuple(cell.name for cell in store.manifest.cells if cell.task in tasks and cell.identity not in known)
    if plan.reference_named and not any(usable.values()):
        raise SuiteError(
            f"{Option('reference', str(plan.reference))}: it holds no finished replica of these tasks, methods and "
            f"seeds with the same recipe ({_execution(store)}); name another folder, or train everything here "
            f"({Option('reference', 'none')})"
        )
    return Reference(store, usable, others)


def _execution(store: Store) -> str:
    """Name the suite of a folder, and its device, precision and engine."""
    facts = ", ".join(f"{key} {value}" for key, value in store.manifest.execution.items())
    return f"its suite is {store.manifest.suite}, {facts}"


def _usable(cell: Cell, plan: Plan, store: Store) -> frozenset[int]:
    runs = store.runs_of(cell, plan.seeds)
    return frozenset(run.seed for run in runs if satisfies(run, cell) and not of_other_data(run))


def past(plan: Plan, reference: Reference | None) -> Ledger:
    """Return the ledger with which a new results folder begins: the ledger of the reference.

    The comparisons of the reference then stay in their family, and those of added methods form a family of their own.

    Args:
        plan: the resolved request.
        reference: the reference of the plan. Without a reference, or if the folder exists, the ledger is empty.
    """
    new = not Layout(plan.directory).manifest.exists()
    return reference.store.history().ledger if reference and new else Ledger()


def fill(plan: Plan, store: Store, reference: Reference) -> None:
    """Copy the usable runs of a reference that a results folder lacks.

    Args:
        plan: the resolved request.
        store: the plan's results folder, open for writing.
        reference: the reference of the plan.
    """
    for cell in distinct(plan.manifest.cells):
        wanted = reference.usable.get(cell.identity, frozenset())
        missing = sorted(wanted - store.finished(cell, sorted(wanted)))
        for run in _marked(reference, cell, missing):
            store.save(run)


def _marked(reference: Reference, cell: Cell, seeds: list[int]) -> Iterator[Run]:
    """Yield runs of a reference with their curves, marked as runs of another machine."""
    for run in reference.store.runs_of(cell, seeds, curves=True):
        if run.outcome is not Outcome.FAILED:
            yield replace(run, provenance={**run.provenance, "reference": reference.name})
