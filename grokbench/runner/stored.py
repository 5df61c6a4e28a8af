"""Comparison of a plan with the runs that its results folder holds."""

from collections.abc import Iterator, Mapping

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
        plan: for its seeds and its `--rerun`.
        store: None where no results folder exists yet, which gives no seeds.
        cell: one of the plan's.
    """
    return store.finished(cell, plan.seeds) - seeds_to_retrain(plan, store, cell) if store else set()


def seeds_to_retrain(plan: Plan, store: Store, cell: Cell) -> set[int]:
    """Return the seeds whose stored run did not fail but is trained again, because of `--rerun` or of other data.

    Args:
        plan: for its seeds and its `--rerun`.
        store: of the results folder.
        cell: one of the plan's, with the origins of its plugins now.
    """
    here = environment()
    stored = [run for run in store.runs_of(cell, plan.seeds) if run.outcome is not Outcome.FAILED]
    return {
        run.seed for run in stored if outdated(run.provenance, cell.origins, here, plan.rerun) or of_other_data(run)
    }


def of_other_data(run: Run) -> bool:
    """Return whether a run read a data set whose content has changed; False where this is not known."""
    digests: Mapping[str, str] = run.provenance.get("data") or {}
    return any(current_digest(name) not in (None, digest) for name, digest in digests.items())


def environment_differences(plan: Plan, store: Store) -> Iterator[str]:
    """Yield a warning for each way in which stored runs differ from new ones: torch, grokbench or the device.

    Args:
        plan: of which the first device is compared.
        store: all its runs that did not fail are compared.
    """
    here = {**environment(), "device_name": device_name(plan.devices[0])}
    runs = [run for run in store.runs() if run.outcome is not Outcome.FAILED and run.provenance]
    for key in ("torch", "grokbench", "device_name"):
        others = sorted({str(run.provenance.get(key)) for run in runs} - {str(here[key])})
        if others:
            again = Option("rerun", "all" if key == "device_name" else "stale")
            yield (
                f"{store.directory} holds runs made with {key} {' and '.join(others)}, and here it is {here[key]}: "
                f"the leaderboard marks every comparison between them; {again} makes them again, "
                f"another folder ({Option('out')}) keeps them apart."
            )


def missing_seeds_outside_plan(plan: Plan, store: Store) -> tuple[int, ...]:
    """Return the seeds of the folder that this plan does not train and that some cell lacks: its row is incomplete.

    Args:
        plan: for its seeds and its cells.
        store: for the seeds in its manifest.
    """
    others = [seed for seed in store.manifest.seeds if seed not in plan.seeds]
    cells = plan.manifest.cells
    return tuple(seed for seed in others if not all(store.finished(cell, [seed]) for cell in cells))
