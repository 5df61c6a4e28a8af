"""What a user asks to run, and what that comes to: the suite, its plugins, its cells, the seeds and the devices."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.errors import SuiteError
from grokbench.records import Cell, Manifest
from grokbench.runner.devices import devices
from grokbench.runner.observing import AttachedObserver, make_observers
from grokbench.seeds import parse_seeds
from grokbench.suite import Suite, load_suite
from grokbench.suite.additions import TakenLabel
from grokbench.text.options import Option
from grokbench.text.suggest import did_you_mean

if TYPE_CHECKING:
    from grokbench.plugins import Registry
    from grokbench.plugins.plugin import Plugin

__all__ = ["Plan", "Request", "distinct", "resolve", "unused"]

ADDED_BY = {"regularizers": "methods", "observers": "log"}  # kind of plugin -> keyword of the option that adds one


@dataclass(frozen=True)
class Request:
    """What a user asks to run."""

    suite: str  # a path, or the bare name of a shipped suite
    out: str | None = None  # default: runs/<suite>
    device: str = "auto"
    precision: str = "float32"
    group_size: int | None = None  # replicas to train together; by the task's size and the device's memory if None
    num_seeds: int | None = None  # the first so many of the suite's
    seeds: str | None = None  # these instead of the suite's: "0-4,7"
    tasks: tuple[str, ...] = ()  # labels; all if empty
    regularizers: tuple[str, ...] = ()  # labels; all if empty
    plugins: tuple[str, ...] = ()  # files
    methods: tuple[str, ...] = ()  # further regularizers: names, or entries of a suite in YAML
    checkpoint_seconds: float = 60.0  # between two checkpoints of a group in training
    rerun: str = "failed"  # which finished runs are made again: a key of `store.reuse.RERUN`
    log: tuple[str, ...] = ()  # observers: names, or entries in YAML with their parameters


@dataclass(frozen=True)
class Plan:
    """A request, resolved: what the folder will hold, and which cells of it are wanted now."""

    suite: Suite
    registry: "Registry"
    manifest: Manifest
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    devices: tuple[str, ...]  # one for each worker
    precision: str
    group_size: int | None
    plugins: tuple[str, ...]
    directory: Path
    checkpoint_seconds: float
    rerun: str
    observers: tuple[AttachedObserver, ...]

    @property
    def kind(self) -> str:
        """The kind of device: "cpu" or "cuda"."""
        return self.devices[0].split(":")[0]


def distinct(cells: Iterable[Cell]) -> list[Cell]:
    """Each recipe once, with the largest budget: labels that share a recipe also share its runs."""
    longest: dict[str, Cell] = {}
    for cell in cells:
        if cell.identity not in longest or cell.budget > longest[cell.identity].budget:
            longest[cell.identity] = cell
    return list(longest.values())


def resolve(request: Request) -> Plan:
    """Resolve a request; SuiteError, with every mistake at once, when it cannot be run as it is."""
    suite = _load(request)
    seeds = _seeds(suite, request)
    _check_labels("tasks", request.tasks, [entry.label for entry in suite.tasks])
    _check_labels("regularizers", request.regularizers, [entry.label for entry in suite.regularizers])
    return _planned(request, suite, seeds)


def _planned(request: Request, suite: Suite, seeds: tuple[int, ...]) -> Plan:
    """The plan of a suite whose structure is sound: torch is imported here."""
    from grokbench import engine
    from grokbench.plan import expand, manifest, without_misfits

    plugins = (*suite.plugins, *request.plugins)
    registry = _registry(request, plugins)
    suite = without_misfits(suite, registry)
    cells = expand(suite, registry, request.precision, engine.REVISION)
    workers = devices(request.device)
    execution = {"device": workers[0].split(":")[0], "precision": request.precision, "engine": engine.REVISION}
    execution |= {"group_size": request.group_size} if request.group_size else {}
    return Plan(
        suite=suite,
        registry=registry,
        manifest=manifest(suite, cells, seeds, execution),
        cells=tuple(cell for cell in cells if _wanted(cell, request)),
        seeds=seeds,
        devices=workers,
        precision=request.precision,
        group_size=request.group_size,
        plugins=plugins,
        directory=Path(request.out or f"runs/{suite.name}"),
        checkpoint_seconds=request.checkpoint_seconds,
        rerun=request.rerun,
        observers=make_observers(request.log, registry),
    )


def _registry(request: Request, plugins: Sequence[str]) -> "Registry":
    from grokbench.plugins import load_registry

    for file in request.plugins:
        if not Path(file).is_file():
            raise SuiteError(f"{Option('plugins', file)}: no such file, expected a Python file with a grokbench hook")
    return load_registry(plugins)


def unused(plan: Plan) -> Iterator[str]:
    """A sentence for each file of `--plugin` of which the suite names nothing, and what would name it."""
    tasks, methods = plan.suite.tasks, plan.suite.regularizers
    named = {("tasks", task.use.name) for task in tasks} | {("metrics", each.use.name) for each in plan.suite.metrics}
    named |= {("regularizers", use.name) for method in methods for use in method.uses}
    named |= {("observers", observer.name) for observer in plan.observers}
    for file in plan.plugins[len(plan.suite.plugins) :]:
        found = plan.registry.of_file(file)
        if found and not any((plugin.kind, plugin.name) in named for plugin in found):
            yield f"nothing of {Option('plugins', file)} is used: {' or '.join(map(_use_of, found))}"


def _use_of(plugin: "Plugin") -> str:
    """Say how to use a plugin."""
    if keyword := ADDED_BY.get(plugin.kind):
        return f"add {Option(keyword, plugin.name)}"
    return f"name the {plugin.kind.removesuffix('s')} {plugin.name} in a suite"


def _load(request: Request) -> Suite:
    """The suite; where a label is taken, a plugin whose name is taken is the mistake behind it, and is told instead."""
    try:
        return load_suite(request.suite, request.methods)
    except TakenLabel:
        if request.plugins:
            from grokbench.plugins import load_registry

            load_registry(request.plugins)
        raise


def _wanted(cell: Cell, request: Request) -> bool:
    task = not request.tasks or cell.task in request.tasks
    return task and (not request.regularizers or cell.regularizer in request.regularizers)


def _seeds(suite: Suite, request: Request) -> tuple[int, ...]:
    if request.seeds is not None and request.num_seeds:
        raise SuiteError(f"{Option('seeds')} and {Option('num_seeds')} exclude each other; give one of them")
    if request.seeds is not None:
        try:
            return parse_seeds(request.seeds)
        except SuiteError as error:
            raise SuiteError(f"{Option('seeds', request.seeds)}: {error}") from None
    if request.num_seeds and request.num_seeds > len(suite.seeds):
        raise SuiteError(
            f"{Option('num_seeds', request.num_seeds)}: the suite has {len(suite.seeds)} seeds; "
            f"name others ({Option('seeds')})"
        )
    return suite.seeds[: request.num_seeds]


def _check_labels(kinds: str, given: Sequence[str], known: Sequence[str]) -> None:
    for label in given:
        if label not in known:
            raise SuiteError(
                f"{Option(kinds, label)}: the suite has no such {kinds.removesuffix('s')}, "
                f"expected one of: {', '.join(known)}{did_you_mean(label, known)}"
            )
