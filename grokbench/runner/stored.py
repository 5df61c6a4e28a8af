"""Comparison of a plan with the runs that its results folder holds."""

from collections.abc import Iterable, Iterator, Mapping

from grokbench.data import current_digest
from grokbench.provenance import environment
from grokbench.records import Cell, Outcome, Run
from grokbench.runner.devices import device_name
from grokbench.runner.request import Plan
from grokbench.store import Store
from grokbench.store.reuse import outdated
from grokbench.text.options import Option

__all__ = ["environment_differences", "finished", "missing_seeds_outside_plan", "of_other_data", "seeds_to_retrain"]


def finished(plan: Plan, store: Store | None, cell: Cell) -> set[int]:
    """Return the seeds of a cell that need not be trained.

    Args:
        plan: the plan, with its seeds and its `--rerun`.
        store: the results folder; None if it does not exist yet, so that no seed is finished.
        cell: a cell of the plan.
    """
    if store is None:
        return set()
    runs = store.runs_of(cell, plan.seeds)
    return {run.seed for run in runs if store.satisfied(run, cell)} - _retrained(plan, cell, runs)


def seeds_to_retrain(plan: Plan, store: Store, cell: Cell) -> set[int]:
    """Return the seeds whose stored run did not fail but is trained again, because of `--rerun` or changed data.

    Args:
        plan: the plan, with its seeds and its `--rerun`.
        store: the results folder.
        cell: a cell of the plan, with the present origins of its plugins.
    """
    return _retrained(plan, cell, store.runs_of(cell, plan.seeds))


def _retrained(plan: Plan, cell: Cell, runs: Iterable[Run]) -> set[int]:
    here = environment() if plan.rerun == "stale" else {}  # only this rule compares versions
    stored = [run for run in runs if run.outcome is not Outcome.FAILED]
    rules = {run.seed: plan.rerun if not run.reference or plan.rerun == "all" else "failed" for run in stored}
    return {
        run.seed
        for run in stored
        if outdated(run.provenance, cell.origins, here, rules[run.seed]) or of_other_data(run)
    }


def of_other_data(run: Run) -> bool:
    """Return whether a run read a data set whose content has changed; False if this is not known."""
    digests: Mapping[str, str] = run.provenance.get("data") or {}
    return any(current_digest(name) not in (None, digest) for name, digest in digests.items())


def environment_differences(plan: Plan, store: Store) -> Iterator[str]:
    """Yield a warning if stored runs were made with another version of torch or grokbench, or on another device.

    There is at most one warning for each of the three.

    Args:
        plan: the plan, whose first device is compared.
        store: the results folder; all runs that were trained in it and did not fail are compared.
    """
    here = environment() | ({} if plan.launcher.elsewhere else {"device_name": device_name(plan.devices[0])})
    runs = [run for run in store.runs() if run.outcome is not Outcome.FAILED and run.provenance and not run.reference]
    for key in (key for key in ("torch", "grokbench", "device_name") if key in here):
        others = sorted({str(run.provenance.get(key)) for run in runs} - {str(here[key])})
        if others:
            again = Option("rerun", "all" if key == "device_name" else "stale")
            yield (
                f"{store.directory} holds runs made with {key} {' and '.join(others)}, and here it is {here[key]}. "
                f"The leaderboard marks every comparison between such runs. {again} trains the old runs again; "
                f"another folder ({Option('out')}) keeps old and new runs apart."
            )


def missing_seeds_outside_plan(plan: Plan, store: Store) -> tuple[int, ...]:
    """Return the folder's seeds that this plan does not train and for which some cell has no finished run.

    The rows of such cells are incomplete.

    Args:
        plan: the plan, with its seeds and cells.
        store: the results folder, whose manifest has the seeds.
    """
    others = [seed for seed in store.manifest.seeds if seed not in plan.seeds]
    cells = plan.manifest.cells
    return tuple(seed for seed in others if not all(store.finished(cell, [seed]) for cell in cells))
