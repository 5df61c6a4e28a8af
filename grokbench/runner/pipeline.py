"""The phases of a run, from a plan to a results folder and a leaderboard.

resolve (load_suite, load_registry, expand) -> open_store -> jobs -> launch -> save -> compare -> rank
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from grokbench.events import Event, KeptWeights
from grokbench.judging.comparison import compare
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.ranking import rank
from grokbench.launchers.interface import Job, Stage, Worker
from grokbench.launchers.jobs import Profiling, Timekeeping, Training
from grokbench.provenance import environment
from grokbench.records import Cell, Outcome, Run, Timing
from grokbench.runner import compiling, group_sizes
from grokbench.runner.activity import ActivityRecorder
from grokbench.runner.data_checks import fetch_data
from grokbench.runner.devices import device_name
from grokbench.runner.order import longest_first
from grokbench.runner.references import Reference, fill, past
from grokbench.runner.request import Plan, distinct
from grokbench.runner.scheduling import timekeeping, training
from grokbench.runner.stored import finished, seeds_to_retrain
from grokbench.store import Store
from grokbench.store.layout import Layout
from grokbench.store.manifests import merge
from grokbench.store.reuse import outdated

__all__ = [
    "existing_store",
    "jobs",
    "judge",
    "open_store",
    "perform",
    "profiles",
]


def open_store(plan: Plan, reference: Reference | None = None) -> AbstractContextManager[Store]:
    """Create the plan's results folder, or open it to continue, and lock it for writing.

    Args:
        plan: the resolved request.
        reference: the reference of the plan, whose runs are copied into the folder.

    Raises:
        DataError: there is no folder yet, and data that the plan needs are missing or not the published ones.
        StoreError: the folder holds another suite, or another process writes to it.
    """
    if not Layout(plan.directory).manifest.exists():
        fetch_data(plan, distinct(plan.cells))  # checked first, because nothing is written if nothing can be trained
    return _filled(plan, reference)


@contextmanager
def _filled(plan: Plan, reference: Reference | None) -> Iterator[Store]:
    """Open the folder of a plan, and copy the reference's runs that it lacks."""
    with Store.open(plan.directory, plan.manifest, past(plan, reference)) as store:
        if reference:
            fill(plan, store, reference)
        yield store


def existing_store(plan: Plan) -> Store | None:
    """Load the plan's results folder without changing it, for a dry run.

    Returns:
        The folder; None if there is none yet.

    Raises:
        StoreError: the plan cannot continue in this folder.
    """
    if not Layout(plan.directory).manifest.exists():
        return None
    stored = Store.load(plan.directory)
    merge(stored.manifest, plan.manifest, plan.directory)
    return stored


def jobs(
    plan: Plan, store: Store | None, workers: Sequence[Worker] = (), reference: Reference | None = None
) -> list[Training]:
    """List the groups of replicas that must be trained.

    Args:
        plan: the resolved request.
        store: the results folder; None if nothing is stored.
        workers: settings of the workers that will train. With workers, the data is fetched and uncertain group sizes
            are measured. Without workers, as in a dry run, all sizes are estimates.
        reference: the reference of the plan, if its runs have not been copied into the folder yet.

    Returns:
        A job for each group with a missing replica, in the order of the suite.

    Raises:
        DataError: a task's data is missing, or is not the published data.
    """
    supplied = reference.usable if reference else {}
    done = {
        cell.identity: finished(plan, store, cell) | supplied.get(cell.identity, set()) for cell in distinct(plan.cells)
    }
    wanted = [cell for cell in distinct(plan.cells) if set(plan.seeds) - done[cell.identity]]
    if workers:
        fetch_data(plan, wanted)
    sizes, compiled = group_sizes.sizes(plan, wanted, workers), compiling.repaid(plan, wanted)

    def checkpoints(cell: Cell) -> tuple[str, float] | None:
        return (str(store.checkpoints(cell)), plan.checkpoint_seconds) if store else None

    return training(
        wanted,
        plan.seeds,
        lambda cell: done[cell.identity],
        lambda cell: sizes[cell.identity],
        checkpoints,
        lambda cell: cell.identity in compiled,
    )


def perform(plan: Plan, store: Store) -> Generator[tuple[Job, Event], None, None]:
    """Train the missing replicas, then time the cells that have not been timed.

    Args:
        plan: the resolved request.
        store: the plan's results folder, open for writing.

    Yields:
        Every event with its job. Runs, weights and timings are saved before their event is yielded.

    Raises:
        DataError: a task's data is missing.
        StoreError: the folder cannot be written.
    """
    provenance = {**environment(), **plan.manifest.execution, "device_name": _device_name(plan, plan.devices[0])}
    workers = _workers(plan, provenance)
    work = longest_first(plan, store, jobs(plan, store, workers))  # may raise, so it precedes any change of the folder
    fetch_data(plan, [cell for job in _timings(plan, store, provenance) for cell in job.cells])
    _supersede(plan, store)
    launch = plan.launcher.launcher(distinct(plan.cells), plan.registry, plan.directory)
    with ActivityRecorder(store, work, plan.launcher.name) as activity:
        for job, event in launch(_stages(plan, store, work, provenance), workers, plan.limits):
            _save(store, event)
            activity.note(job, event)
            yield job, event


def _save(store: Store, event: Event) -> None:
    """Store a run, weights or a timing; other events are only shown."""
    if isinstance(event, Run):
        store.save(event)
    elif isinstance(event, KeptWeights):
        store.weights.save(event)
    elif isinstance(event, Timing):
        store.save_timing(event)


def _workers(plan: Plan, provenance: Mapping[str, Any]) -> list[Worker]:
    """Return the settings of a worker for each entry of the plan's devices."""
    named = {device: {**provenance, "device_name": _device_name(plan, device)} for device in plan.devices}
    return [
        Worker(device, plan.precision, plan.plugins, named[device], plan.devices.count(device))
        for device in plan.devices
    ]


def _device_name(plan: Plan, device: str) -> str | None:
    """Return the name of a device's hardware; None if only the workers know it, as on other machines."""
    return None if plan.launcher.elsewhere else device_name(device)


def _supersede(plan: Plan, store: Store) -> None:
    """Supersede the runs that are trained again; `--rerun all` also forgets checkpoints and failed code."""
    for cell in distinct(plan.cells):
        for seed in seeds_to_retrain(plan, store, cell):
            store.supersede(cell.identity, seed)
        if plan.rerun == "all":
            store.forget_checkpoints(cell)
            store.forget_failed_code(cell)


def profiles(plan: Plan) -> Iterator[tuple[Job, Event]]:
    """Profile every cell of a plan, one after the other on a single worker; nothing is stored.

    Args:
        plan: the resolved request; the first group of each cell is profiled.

    Yields:
        Every event with its job: a `Profile` for each cell, or a failed run.

    Raises:
        DataError: a task's data is missing.
    """
    from grokbench.launchers.local.pool import launch

    work = [Profiling(job.cell, job.seeds) for job in jobs(plan, None)]
    first = {job.cell.identity: job for job in reversed(work)}
    fetch_data(plan, [cell for job in work for cell in job.cells])
    workers = [Worker(plan.devices[0], plan.precision, plan.plugins, environment())]
    with closing(launch([Stage([first[c.identity] for c in distinct(plan.cells)], 1)], workers, plan.limits)) as events:
        yield from events


def _stages(plan: Plan, store: Store, work: Sequence[Job], provenance: Mapping[str, Any]) -> Iterator[Stage]:
    """Yield the stage that trains on all workers, then, if the plan has timing, the stage that times on one worker.

    The second stage is made when training has ended, so that it can leave out cells with a failed replica.
    """
    yield Stage(work, len(plan.devices))
    if plan.timing:
        yield Stage(_timings(plan, store, provenance), 1)


def _timings(plan: Plan, store: Store, provenance: Mapping[str, Any]) -> list[Timekeeping]:
    """List the jobs that time the cells without a failed replica or a replica of a reference.

    There are none if the plan has no timing.
    """
    if not plan.timing:
        return []
    without = {run.identity for run in store.runs() if run.outcome is Outcome.FAILED or run.reference}
    tasks = {cell.task for cell in plan.cells}  # cells of a task are timed in turns, so all of them or none
    sound = [c for c in distinct(plan.manifest.cells) if c.task in tasks and c.identity not in without]
    return timekeeping(sound, _timed(plan, sound, store, provenance))


def _timed(plan: Plan, cells: Sequence[Cell], store: Store, here: Mapping[str, Any]) -> set[str]:
    """Return the cells with a valid timing: from this machine, not outdated, and in turns with the task's other cells.

    Under a launcher with other machines, a timing from any of them is valid. A refused timing does not count, so the
    next command times the task again.
    """
    stored = store.timings()
    made = {timing.identity: timing.provenance for timing in stored}
    refused = {timing.identity for timing in stored if timing.refused is not None}
    return {
        cell.identity
        for cell in cells
        if (then := made.get(cell.identity)) is not None
        and cell.identity not in refused
        and (plan.launcher.elsewhere or all(then.get(key) == here[key] for key in ("machine", "device_name")))
        and not outdated(then, cell.origins, here, plan.rerun)
        and _timed_together(
            [made[other.identity] for other in cells if other.task == cell.task and other.identity in made]
        )
    }


def _timed_together(provenances: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether timings were measured in turns by one job, which gives all of them the same `timed_at`."""
    return len({provenance.get("timed_at") for provenance in provenances}) <= 1


def judge(store: Store) -> Leaderboard:
    """Compare the cells of a results folder with their baseline and return the leaderboard."""
    return rank(compare(store.manifest, store.runs(), store.timings(), store.run_of, store.history()))
