"""The way of the data: a suite's path in, a results folder and a leaderboard out.

load_suite -> load_registry -> expand -> open the store -> jobs -> launch -> save -> compare -> rank
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.errors import SuiteError
from grokbench.leaderboard import Leaderboard, compare, rank
from grokbench.provenance import environment
from grokbench.records import Cell, Manifest, Outcome, Run, Timing
from grokbench.seeds import parse_seeds
from grokbench.store import Store, merge
from grokbench.suite import Suite, load_suite
from grokbench.work import Event, Job, Stage, Training, Worker, timekeeping, training
from grokbench.yaml_problems import did_you_mean

if TYPE_CHECKING:
    from grokbench.plugins import Registry

__all__ = ["Plan", "Request", "judge", "open_store", "perform", "plan"]


@dataclass(frozen=True)
class Request:
    """What a user asks to run."""

    suite: str  # a path, or the bare name of a shipped suite
    out: str | None = None  # default: runs/<suite>
    device: str = "auto"
    precision: str = "float32"
    num_seeds: int | None = None  # the first so many of the suite's
    seeds: str | None = None  # these instead of the suite's: "0-4,7"
    tasks: tuple[str, ...] = ()  # labels; all if empty
    regularizers: tuple[str, ...] = ()  # labels; all if empty
    plugins: tuple[str, ...] = ()  # files


@dataclass(frozen=True)
class Plan:
    """A request, resolved: what the folder will hold, and which cells of it are wanted now."""

    suite: Suite
    registry: "Registry"
    manifest: Manifest
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    devices: tuple[str, ...]  # one per worker
    precision: str
    plugins: tuple[str, ...]
    directory: Path

    @property
    def kind(self) -> str:
        """The kind of device: "cpu" or "cuda"."""
        return self.devices[0].split(":")[0]

    @property
    def distinct(self) -> list[Cell]:
        """The wanted cells, each recipe once: labels that share one also share its runs, up to the largest budget."""
        longest = sorted(self.cells, key=lambda cell: -cell.budget)
        first = {cell.identity: cell for cell in reversed(longest)}
        return [cell for cell in self.cells if first[cell.identity] is cell]


def plan(request: Request) -> Plan:
    """Resolve a request; SuiteError, with every mistake at once, when it cannot be run as it is."""
    suite = load_suite(request.suite)
    seeds = _seeds(suite, request)
    _check_labels("task", request.tasks, [entry.label for entry in suite.tasks])
    _check_labels("regularizer", request.regularizers, [entry.label for entry in suite.regularizers])

    from grokbench import engine  # torch is imported once the structure of the suite is sound
    from grokbench.plan import expand, manifest
    from grokbench.plugins import load_registry

    plugins = (*suite.plugins, *request.plugins)
    for file in request.plugins:
        if not Path(file).is_file():
            raise SuiteError(f"--plugin {file}: no such file, expected a Python file with a grokbench hook")
    registry = load_registry(plugins)
    cells = expand(suite, registry, request.precision, engine.REVISION)
    devices = _devices(request.device)
    execution = {"device": devices[0].split(":")[0], "precision": request.precision, "engine": engine.REVISION}
    wanted = tuple(cell for cell in cells if _wanted(cell, request))
    return Plan(
        suite=suite,
        registry=registry,
        manifest=manifest(suite, cells, seeds, execution),
        cells=wanted,
        seeds=seeds,
        devices=devices,
        precision=request.precision,
        plugins=plugins,
        directory=Path(request.out or f"runs/{suite.name}"),
    )


def open_store(plan: Plan) -> Store:
    """The results folder, made or gone on with; StoreError when it holds something else."""
    return Store.open(plan.directory, plan.manifest)


def existing_store(plan: Plan) -> Store | None:
    """The results folder as it is, for a dry run; StoreError when this plan could not go on with it."""
    if not (plan.directory / "manifest.json").exists():
        return None
    stored = Store.load(plan.directory)
    merge(stored.manifest, plan.manifest, plan.directory)
    return stored


def fetch_data(plan: Plan, work: Sequence[Job]) -> None:
    """Have the files of the tasks to be trained; DataError where they are missing and cannot be had."""
    from grokbench.plan import cell_step

    names = {cell.recipe["task"]["use"]: cell for job in work for cell in job.cells}
    for cell in names.values():
        task = cell_step(cell, plan.registry).task
        if task.fetch:
            task.fetch()


def jobs(plan: Plan, store: Store | None) -> list[Training]:
    """The groups left to train."""
    from grokbench import engine
    from grokbench.plan import cell_step, identity

    def finished(cell: Cell) -> set[int]:
        return (store.finished(cell, plan.seeds) - outdated(store, cell, plan.seeds)) if store else set()

    sizes: dict[str, int] = {}  # by task: its network is initialised once to be weighed

    def size(cell: Cell) -> int:
        task = identity(cell.recipe["task"])
        if task not in sizes:
            dtype = engine.DTYPES[plan.precision]
            sizes[task] = engine.group_size(cell_step(cell, plan.registry), plan.devices[0], dtype)
        return sizes[task]

    return training(plan.distinct, plan.seeds, finished, size)


def outdated(store: Store, cell: Cell, seeds: Sequence[int]) -> set[int]:
    """Seeds whose run was made by a user's plugin that has changed since; built-ins have revisions instead."""
    runs = store.runs_of(cell, seeds) if _users(cell.origins) else []
    trained = [run for run in runs if run.outcome is not Outcome.FAILED]
    return {run.seed for run in trained if _users(run.provenance.get("origins")) != _users(cell.origins)}


def _users(origins: Mapping[str, str] | None) -> dict[str, str]:
    """The plugins that did not ship with the program."""
    return {name: origin for name, origin in (origins or {}).items() if not origin.startswith("built in")}


def perform(plan: Plan, store: Store) -> Iterator[tuple[Job, Event]]:
    """Train what is missing, then time what has not been timed; everything is saved before it is yielded."""
    from grokbench.launchers.local import launch

    provenance = {**environment(), **plan.manifest.execution, "device_name": _device_name(plan.devices[0])}
    crew = [Worker(device, plan.precision, plan.plugins, provenance) for device in plan.devices]
    for cell in plan.distinct:
        for seed in outdated(store, cell, plan.seeds):
            store.supersede(cell.identity, seed)
    work = jobs(plan, store)
    fetch_data(plan, work)
    for job, event in launch(_stages(plan, store, work, provenance), crew):
        if isinstance(event, Run):
            store.save(event)
        elif isinstance(event, Timing):
            store.save_timing(event)
        yield job, event


def _stages(plan: Plan, store: Store, work: Sequence[Job], provenance: Mapping[str, Any]) -> Iterator[Stage]:
    """Training on every worker, then timing on one, for the cells of which no replica failed."""
    yield Stage(work, len(plan.devices))
    failed = {run.identity for run in store.runs() if run.outcome is Outcome.FAILED}
    sound = [cell for cell in plan.distinct if cell.identity not in failed]
    yield Stage(timekeeping(sound, _timed(plan, store, provenance)), 1)


def _timed(plan: Plan, store: Store, provenance: Mapping[str, Any]) -> set[str]:
    """Cells that were timed as they are, on this machine; after a change of plugin or machine they are timed anew."""
    here = (provenance["machine"], provenance["device_name"])
    now = {cell.identity: (*here, _users(cell.origins)) for cell in plan.cells}
    facts = {timing.identity: timing.provenance for timing in store.timings()}
    then = {i: (p.get("machine"), p.get("device_name"), _users(p.get("origins"))) for i, p in facts.items()}
    return {identity for identity in now if then.get(identity) == now[identity]}


def judge(store: Store) -> Leaderboard:
    """The leaderboard of a results folder."""
    return rank(compare(store.manifest, store.runs(), store.timings()))


def _wanted(cell: Cell, request: Request) -> bool:
    task = not request.tasks or cell.task in request.tasks
    return task and (not request.regularizers or cell.regularizer in request.regularizers)


def _seeds(suite: Suite, request: Request) -> tuple[int, ...]:
    if request.seeds is not None and request.num_seeds:
        raise SuiteError("--seeds and --num-seeds exclude each other; give one of them")
    if request.seeds is not None:
        try:
            return parse_seeds(request.seeds)
        except SuiteError as error:
            raise SuiteError(f"--seeds {request.seeds}: {error}") from None
    if request.num_seeds and request.num_seeds > len(suite.seeds):
        raise SuiteError(
            f"--num-seeds {request.num_seeds}: the suite has {len(suite.seeds)} seeds; name others with --seeds"
        )
    return suite.seeds[: request.num_seeds]


def _check_labels(kind: str, given: Sequence[str], known: Sequence[str]) -> None:
    for label in given:
        if label not in known:
            raise SuiteError(
                f"--{kind} {label}: the suite has no such {kind}, expected one of: {', '.join(known)}"
                f"{did_you_mean(label, known)}"
            )


def _devices(asked: str) -> tuple[str, ...]:
    """One device per worker: every core of the CPU, or the CUDA devices named."""
    import torch

    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cpu":
        return ("cpu",) * environment()["cores"]
    kind, _, numbers = asked.partition(":")
    chosen = numbers.split(",") if numbers else [str(i) for i in range(torch.cuda.device_count())]
    if kind != "cuda" or not all(number.isdecimal() for number in chosen):
        raise SuiteError(f"--device {asked}: expected auto, cpu, cuda, or cuda:0,1")
    if not chosen or any(int(number) >= torch.cuda.device_count() for number in chosen):
        raise SuiteError(
            f"--device {asked}: torch sees {torch.cuda.device_count()} CUDA devices here; "
            "use --device cpu, or check the driver and that torch was installed with CUDA"
        )
    return tuple(f"cuda:{number}" for number in chosen)


def _device_name(device: str) -> str:
    if device == "cpu":
        return str(environment()["cpu"])
    import torch

    return torch.cuda.get_device_name(device)
