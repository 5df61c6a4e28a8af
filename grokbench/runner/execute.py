"""Execution of a plan in its results folder, with a display and observers, for the command and for Python."""

from contextlib import closing, suppress

from grokbench.errors import StoreError
from grokbench.events import Event, NoProgress, Notice, Progress
from grokbench.judging.refusals import refusal
from grokbench.launchers.interface import Job
from grokbench.records import Cell, Outcome, Planned, Run, Timing
from grokbench.runner import pipeline
from grokbench.runner.devices import in_words
from grokbench.runner.observing import Observers
from grokbench.runner.progress import Display, display
from grokbench.runner.progress.matrix import CellKey
from grokbench.runner.request import Plan
from grokbench.runner.stored import finished
from grokbench.store import Store

__all__ = ["execute"]


def execute(plan: Plan, store: Store, fail_fast: bool = False) -> list[tuple[Cell, Run]]:
    """Train and time what is missing in a results folder, and show the progress.

    Args:
        plan: the resolved request.
        store: the plan's results folder, open for writing.
        fail_fast: stop at the first replica that fails.

    Returns:
        The replicas that failed, each with its cell.

    Raises:
        DataError: a task's data is missing.
        StoreError: the folder cannot be written.
    """
    failed = []
    # `closing` also stops the workers after an interruption. Without it, the generator would be closed only when it is
    # garbage-collected, and the traceback that a notebook keeps would refer to it.
    with (
        display() as show,
        Observers(plan.observers, show.say) as observers,
        closing(pipeline.perform(plan, store)) as events,
    ):
        show.say(f"{plan.suite.name} on {_where(plan)}, results in {plan.directory}")
        stored = _stored(plan, store)
        show.begin(plan.cells, len(plan.seeds), stored, plan.manifest.statistics.rank_by)
        _notify_begin(observers, plan, store, stored)
        try:
            for job, event in events:
                _show(show, plan, job, event)
                _notify(observers, plan, event)
                if isinstance(event, Run) and event.outcome is Outcome.FAILED:
                    failed.append((job.cells[0], event))
                    if fail_fast:
                        break
            else:  # after `fail_fast`, replicas are missing, so there is no leaderboard to report
                if observers.wants("end"):
                    observers.notify("end", pipeline.judge(store))
        finally:
            with suppress(StoreError):  # such as a full disk; the next command records the look
                store.look()
    return failed


def _where(plan: Plan) -> str:
    """Describe where a plan is trained, such as `the CPU, 2 workers` or `ray: the CPU, 40 workers`."""
    return (f"{plan.launcher.name}: " if plan.launcher.elsewhere else "") + in_words(plan.devices)


def _notify_begin(observers: Observers, plan: Plan, store: Store, stored: dict[CellKey, list[Run]]) -> None:
    """Notify observers of the plan and of the stored runs, whose curves are read one replica at a time."""
    observers.notify("begin", Planned(store.manifest, plan.cells, plan.seeds, plan.directory))
    if observers.wants("stored"):
        for cell in plan.cells:
            for seed in (run.seed for run in stored[cell.key]):
                for run in store.runs_of(cell, [seed], curves=True):
                    observers.notify("stored", run, cell)


def _notify(observers: Observers, plan: Plan, event: Event) -> None:
    if isinstance(event, Progress):
        observers.notify("progress", event)
    elif isinstance(event, Run):
        for cell in _cells_of(plan, event):
            observers.notify("finished", event, cell)


def _show(show: Display, plan: Plan, job: Job, event: Event) -> None:
    if isinstance(event, Progress):
        show.progress(event.cell, event.seeds, event.epoch, event.active)
    elif isinstance(event, Run):
        for cell in _cells_of(plan, event):
            show.finished(event, cell)
    elif isinstance(event, NoProgress):
        show.no_progress(job.name, event.seconds)
    elif isinstance(event, Notice):
        show.say(event.text)
    elif isinstance(event, Timing):
        cells = [cell.identity for cell in job.cells]
        done = cells.index(event.identity)
        show.timing(job.cells[0].task, done + 1, len(cells))
        if event.refused is not None:
            show.say(f"{job.cells[done].name}: {refusal(event.refused)}")


def _cells_of(plan: Plan, run: Run) -> list[Cell]:
    """Return the plan's cells that a run belongs to: labels that share a recipe share its runs."""
    return [cell for cell in plan.cells if cell.identity == run.identity]


def _stored(plan: Plan, store: Store) -> dict[CellKey, list[Run]]:
    """Return the runs that need not be trained, by the labels of their cell."""
    return {cell.key: store.runs_of(cell, sorted(finished(plan, store, cell))) for cell in plan.cells}
