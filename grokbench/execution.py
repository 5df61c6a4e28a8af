"""The work of a plan, done in its results folder while a display shows it: from the command line and from Python."""

from contextlib import closing

from grokbench import pipeline
from grokbench.display import Display, display
from grokbench.matrix import plural
from grokbench.pipeline import Plan
from grokbench.records import Cell, Outcome, Progress, Run, Timing
from grokbench.store import Store
from grokbench.work import Event, Job

__all__ = ["execute", "place"]


def execute(plan: Plan, store: Store, fail_fast: bool = False) -> list[tuple[Cell, Run]]:
    """Train and time what is missing; the replicas that failed, and their cells. With `fail_fast` the first ends it.

    Workers end with it, also when it is interrupted: a notebook keeps the frames of an interruption, and in them
    what would otherwise end by itself.

    Raises:
        DataError: a task's data is missing.
        StoreError: the folder cannot be written.
    """
    failed = []
    with display() as show, closing(pipeline.perform(plan, store)) as events:
        show.say(f"{plan.suite.name} on {place(plan)}, results in {plan.directory}")
        show.begin(plan.cells, len(plan.seeds), _stored(plan, store))
        for job, event in events:
            _tell(show, plan, job, event)
            if isinstance(event, Run) and event.outcome is Outcome.FAILED:
                failed.append((job.cells[0], event))
                if fail_fast:
                    break
    return failed


def place(plan: Plan) -> str:
    """The devices of a plan in words."""
    return f"the CPU, {plural(len(plan.devices), 'worker')}" if plan.kind == "cpu" else ", ".join(plan.devices)


def _tell(show: Display, plan: Plan, job: Job, event: Event) -> None:
    if isinstance(event, Progress):
        show.progress(event.cell, event.seeds, event.epoch, event.active)
    elif isinstance(event, Run):
        for cell in plan.cells:  # labels that share a recipe share its runs
            if cell.identity == event.identity:
                show.finished(event, cell)
    elif isinstance(event, Timing):
        cells = [cell.identity for cell in job.cells]
        show.timing(job.cells[0].task, cells.index(event.identity) + 1, len(cells))


def _stored(plan: Plan, store: Store) -> dict[tuple[str, str], list[Run]]:
    """The runs that need not be trained, by the labels of their cell."""
    return {
        (cell.task, cell.regularizer): store.runs_of(cell, sorted(pipeline.finished(plan, store, cell)))
        for cell in plan.cells
    }
