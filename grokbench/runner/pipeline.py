"""The way of the data: a request in, a results folder and a leaderboard out.

resolve (load_suite, load_registry, expand) -> open_store -> jobs -> launch -> save -> compare -> rank
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from grokbench.events import Event
from grokbench.judging.ranking import Leaderboard, compare, rank
from grokbench.launchers.jobs import Job, Profiling, Stage, Training, Worker
from grokbench.provenance import environment
from grokbench.records import Cell, Outcome, Run, Timing
from grokbench.runner import group_sizes
from grokbench.runner.request import Plan, distinct
from grokbench.runner.scheduling import timekeeping, training
from grokbench.store import Store
from grokbench.store.layout import Layout
from grokbench.store.manifests import merge
from grokbench.store.reuse import outdated

__all__ = [
    "existing_store",
    "finished",
    "jobs",
    "judge",
    "left_aside",
    "made_elsewhere",
    "open_store",
    "perform",
    "profiles",
]


def open_store(plan: Plan) -> AbstractContextManager[Store]:
    """The results folder, made or gone on with, and ours alone to write to; StoreError when it holds something else."""
    return Store.open(plan.directory, plan.manifest)


def existing_store(plan: Plan) -> Store | None:
    """The results folder as it is, for a dry run; StoreError when this plan could not go on with it."""
    if not Layout(plan.directory).manifest.exists():
        return None
    stored = Store.load(plan.directory)
    merge(stored.manifest, plan.manifest, plan.directory)
    return stored


def fetch_data(plan: Plan, cells: Iterable[Cell]) -> None:
    """Have the files of tasks to be trained and of their metrics; DataError where they are missing."""
    from grokbench.plan import cell_step, identity

    tasks = {identity(cell.recipe.task.data()): cell for cell in cells}
    for cell in tasks.values():
        step = cell_step(cell, plan.registry)
        for fetch in (step.task.fetch, *(metric.fetch for metric in step.metrics.values())):
            if fetch:
                fetch()


def jobs(plan: Plan, store: Store | None, workers: Sequence[Worker] = ()) -> list[Training]:
    """The groups left to train; a workers fetches their data and tries what an estimate of their size leaves open."""
    done = {cell.identity: finished(plan, store, cell) for cell in distinct(plan.cells)}
    wanted = [cell for cell in distinct(plan.cells) if set(plan.seeds) - done[cell.identity]]
    if workers:
        fetch_data(plan, wanted)
    sizes = group_sizes.sizes(plan, wanted, workers)

    def checkpoints(cell: Cell) -> tuple[str, float] | None:
        return (str(store.checkpoints(cell)), plan.checkpoint_seconds) if store else None

    return training(
        wanted, plan.seeds, lambda cell: done[cell.identity], lambda cell: sizes[cell.identity], checkpoints
    )


def finished(plan: Plan, store: Store | None, cell: Cell) -> set[int]:
    """The seeds of a cell that need not be trained."""
    return store.finished(cell, plan.seeds) - replaced(plan, store, cell) if store else set()


def replaced(plan: Plan, store: Store, cell: Cell) -> set[int]:
    """Seeds whose run did not fail and is made anew all the same, as `--rerun` says."""
    here = environment()
    stored = [run for run in store.runs_of(cell, plan.seeds) if run.outcome is not Outcome.FAILED]
    return {run.seed for run in stored if outdated(run.provenance, cell.origins, here, plan.rerun)}


def made_elsewhere(plan: Plan, store: Store) -> Iterator[str]:
    """A sentence for each thing of consequence in which stored runs differ from what this plan would train now."""
    here = {**environment(), "device_name": _device_name(plan.devices[0])}
    runs = [run for run in store.runs() if run.outcome is not Outcome.FAILED and run.provenance]
    for key in ("torch", "grokbench", "device_name"):
        others = sorted({str(run.provenance.get(key)) for run in runs} - {str(here[key])})
        if others:
            yield (
                f"{store.directory} holds runs made with {key} {' and '.join(others)}, and here it is {here[key]}: "
                f"the leaderboard marks where they meet; --rerun {'all' if key == 'device_name' else 'stale'} makes "
                "them again, --out keeps them apart."
            )


def left_aside(plan: Plan, store: Store) -> tuple[int, ...]:
    """Seeds that the folder plans beside this plan's and that some cell lacks: without them its rows are incomplete."""
    others = [seed for seed in store.manifest.seeds if seed not in plan.seeds]
    cells = plan.manifest.cells
    return tuple(seed for seed in others if not all(store.finished(cell, [seed]) for cell in cells))


def perform(plan: Plan, store: Store) -> Generator[tuple[Job, Event], None, None]:
    """Train what is missing, then time what has not been timed; everything is saved before it is yielded."""
    from grokbench.launchers.local.pool import launch

    provenance = {**environment(), **plan.manifest.execution, "device_name": _device_name(plan.devices[0])}
    workers = _workers(plan, provenance)
    work = jobs(plan, store, workers)  # before anything is moved or written
    _set_aside(plan, store)
    for job, event in launch(_stages(plan, store, work, provenance), workers):
        if isinstance(event, Run):
            store.save(event)
        elif isinstance(event, Timing):
            store.save_timing(event)
        yield job, event


def _workers(plan: Plan, provenance: Mapping[str, Any]) -> list[Worker]:
    """A worker for each of the plan's devices, as often as it is named."""
    named = {device: {**provenance, "device_name": _device_name(device)} for device in plan.devices}
    return [
        Worker(device, plan.precision, plan.plugins, named[device], plan.devices.count(device))
        for device in plan.devices
    ]


def _set_aside(plan: Plan, store: Store) -> None:
    """Supersede the runs that are to be made anew; with `--rerun all` groups also begin at their beginning."""
    for cell in distinct(plan.cells):
        for seed in replaced(plan, store, cell):
            store.supersede(cell.identity, seed)
        if plan.rerun == "all":
            store.forget_checkpoints(cell)


def profiles(plan: Plan) -> Iterator[tuple[Job, Event]]:
    """The phases of every wanted cell, one cell after the other on one worker; nothing is stored."""
    from grokbench.launchers.local.pool import launch

    work = [Profiling(job.cell, job.seeds) for job in jobs(plan, None)]
    first = {job.cell.identity: job for job in reversed(work)}  # one group of each cell
    fetch_data(plan, [cell for job in work for cell in job.cells])
    workers = [Worker(plan.devices[0], plan.precision, plan.plugins, environment())]
    yield from launch([Stage([first[cell.identity] for cell in distinct(plan.cells)], 1)], workers)


def _stages(plan: Plan, store: Store, work: Sequence[Job], provenance: Mapping[str, Any]) -> Iterator[Stage]:
    """Training on every worker, then timing on one, for the cells of which no replica failed."""
    yield Stage(work, len(plan.devices))
    failed = {run.identity for run in store.runs() if run.outcome is Outcome.FAILED}
    tasks = {cell.task for cell in plan.cells}  # the methods of a task take turns, so all are timed or none
    sound = [c for c in distinct(plan.manifest.cells) if c.task in tasks and c.identity not in failed]
    yield Stage(timekeeping(sound, _timed(sound, store, provenance, plan.rerun)), 1)


def _timed(cells: Sequence[Cell], store: Store, here: Mapping[str, Any], rerun: str) -> set[str]:
    """Cells that were timed as they are, on this machine, in turns with the others of their task."""
    made = {timing.identity: timing.provenance for timing in store.timings()}
    return {
        cell.identity
        for cell in cells
        if (then := made.get(cell.identity)) is not None
        and all(then.get(key) == here[key] for key in ("machine", "device_name"))
        and not outdated(then, cell.origins, here, rerun)
        and _took_turns([made[other.identity] for other in cells if other.task == cell.task and other.identity in made])
    }


def _took_turns(made: Sequence[Mapping[str, Any]]) -> bool:
    """Whether timings were measured together, by their provenance."""
    return len({then.get("timed_at") for then in made}) <= 1


def judge(store: Store) -> Leaderboard:
    """The leaderboard of a results folder."""
    return rank(compare(store.manifest, store.runs(), store.timings()))


def _device_name(device: str) -> str:
    if device == "cpu":
        return str(environment()["cpu"])
    import torch

    return torch.cuda.get_device_name(device)
