"""The work of a plan, done in its results folder while a display and observers are told: for commands and Python."""

from contextlib import closing

from grokbench.events import Event, Progress
from grokbench.launchers.jobs import Job
from grokbench.records import Cell, Outcome, Planned, Run, Timing
from grokbench.runner import pipeline
from grokbench.runner.devices import in_words
from grokbench.runner.observing import Observers
from grokbench.runner.progress import Display, display
from grokbench.runner.progress.matrix import Key
from grokbench.runner.request import Plan
from grokbench.store import Store

__all__ = ["execute"]


def execute(plan: Plan, store: Store, fail_fast: bool = False) -> list[tuple[Cell, Run]]:
    """Train and time what is missing; the replicas that failed, and their cells. With `fail_fast` the first ends it.

    Workers end with it, also when it is interrupted: a notebook keeps the frames of an interruption, and in them
    what would otherwise end by itself.

    Raises:
        DataError: a task's data is missing.
        StoreError: the folder cannot be written.
    """
    failed = []
    with (
        display() as show,
        Observers(plan.observers, show.say) as observers,
        closing(pipeline.perform(plan, store)) as events,
    ):
        show.say(f"{plan.suite.name} on {in_words(plan.devices)}, results in {plan.directory}")
        stored = _stored(plan, store)
        show.begin(plan.cells, len(plan.seeds), stored)
        _notify_begin(observers, plan, store, stored)
        for job, event in events:
            _show(show, plan, job, event)
            _notify(observers, plan, event)
            if isinstance(event, Run) and event.outcome is Outcome.FAILED:
                failed.append((job.cells[0], event))
                if fail_fast:
                    break
        else:  # not where the first failure ended it: replicas are missing, and nothing is at its end
            if observers.wants("end"):
                observers.notify("end", pipeline.judge(store))
    return failed


def _notify_begin(observers: Observers, plan: Plan, store: Store, stored: dict[Key, list[Run]]) -> None:
    """Tell observers what is planned and what is there; curves are read one replica at a time."""
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
    elif isinstance(event, Timing):
        cells = [cell.identity for cell in job.cells]
        show.timing(job.cells[0].task, cells.index(event.identity) + 1, len(cells))


def _cells_of(plan: Plan, run: Run) -> list[Cell]:
    """The wanted cells of a run: labels that share a recipe share its runs."""
    return [cell for cell in plan.cells if cell.identity == run.identity]


def _stored(plan: Plan, store: Store) -> dict[Key, list[Run]]:
    """The runs that need not be trained, by the labels of their cell."""
    return {cell.key: store.runs_of(cell, sorted(pipeline.finished(plan, store, cell))) for cell in plan.cells}
