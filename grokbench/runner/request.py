"""A user's request to run a suite, and the plan that it resolves to: suite, plugins, cells, seeds and devices."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.data.published import check_names
from grokbench.errors import SuiteError
from grokbench.launchers.choice import Choice, choose
from grokbench.launchers.limits import TimeLimits
from grokbench.records import Cell, Manifest
from grokbench.runner.compiling import check as check_compiler
from grokbench.runner.devices import devices
from grokbench.runner.observing import AttachedObserver, make_observers
from grokbench.seeds import parse_seeds
from grokbench.suite import Suite, load_suite
from grokbench.suite.additions import TakenLabel
from grokbench.suite_files import committed_results
from grokbench.text.escape import printable
from grokbench.text.options import Option
from grokbench.text.suggest import did_you_mean

if TYPE_CHECKING:
    from grokbench.plugins import Registry
    from grokbench.plugins.plugin import Plugin

__all__ = ["Plan", "Request", "check_labels", "distinct", "resolve", "unused"]

NO_REFERENCE = "none"  # the value of `reference` that trains every row
ADDED_BY = {"regularizers": "methods", "observers": "log"}  # kind of plugin -> keyword of the option that adds one


@dataclass(frozen=True)
class Request:
    """The options of `grokbench run`, as the user gave them.

    Attributes:
        suite: a path, or the bare name of a shipped suite.
        out: the results folder; None means `runs/<name of the suite>`.
        device: "auto", "cpu", "cuda", or CUDA devices by number such as "cuda:0,1".
        precision: the precision of parameters, data and states: "float32" or "float64".
        group_size: replicas to train together; None to choose it by the task's size and the device's memory.
        compile: True to train by compiled code, on a CPU.
        num_seeds: how many of the suite's seeds to train, from the first on; None means all.
        seeds: seeds that replace the suite's, such as "0-4,7".
        tasks: labels of the tasks to train; empty means all.
        regularizers: labels of the regularizers to train, besides those of `methods`; empty means all.
        plugins: files of plugins, besides those that the suite names.
        methods: regularizers to add to the suite; each is a name, or an entry of a suite in YAML.
        checkpoint_seconds: seconds between two checkpoints of a group in training.
        stall_timeout: seconds without progress after which a group is started again; None: see `TimeLimits`.
        cell_timeout: seconds that a cell may train, see `TimeLimits`; None: no limit.
        rerun: the finished runs to train again: a key of `store.reuse.RERUN`.
        log: the observers; each is a name, or an entry in YAML with parameters.
        timing: True to measure the seconds per epoch of every cell after training.
        unverified_data: data sets that may differ from the published ones, besides those that the suite names.
        reference: a results folder that supplies rows instead of training them; NO_REFERENCE for no such folder. None:
            with `methods`, the committed results of the suite, if there are any.
        launcher: a name of `launchers.choice.LAUNCHERS`; None for that of the user's settings.
        no_wait: True to submit jobs to Slurm without awaiting their results.
    """

    suite: str
    out: str | None = None
    device: str = "auto"
    precision: str = "float32"
    group_size: int | None = None
    compile: bool = False
    num_seeds: int | None = None
    seeds: str | None = None
    tasks: tuple[str, ...] = ()
    regularizers: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    checkpoint_seconds: float = 60.0
    stall_timeout: float | None = None
    cell_timeout: float | None = None
    rerun: str = "failed"
    log: tuple[str, ...] = ()
    timing: bool = True
    unverified_data: tuple[str, ...] = ()
    reference: str | None = None
    launcher: str | None = "local"
    no_wait: bool = False


@dataclass(frozen=True)
class Plan:
    """A resolved request.

    Attributes:
        suite: the suite, without the cells that cannot be built.
        registry: the plugins.
        manifest: the planned contents of the results folder.
        cells: the cells of the manifest that this request trains.
        seeds: the seeds of every cell.
        devices: one for each worker, such as "cpu" or "cuda:0".
        precision: "float32" or "float64".
        group_size: replicas to train together; None to choose it for each cell.
        compile: True to compile the cells that are worth it.
        plugins: files of plugins, first the files that the suite names.
        directory: the results folder.
        checkpoint_seconds: seconds between two checkpoints of a group.
        limits: the time limits of jobs.
        rerun: a key of `store.reuse.RERUN`.
        observers: the observers that are notified during the run.
        timing: True to measure the seconds per epoch of every cell after training.
        unverified_data: names of data sets that may differ from the published ones.
        reference: the results folder that supplies rows; None if everything is trained here.
        reference_named: True if the user named that folder.
        launcher: the launcher that runs the jobs.
    """

    suite: Suite
    registry: "Registry"
    manifest: Manifest
    cells: tuple[Cell, ...]
    seeds: tuple[int, ...]
    devices: tuple[str, ...]
    precision: str
    group_size: int | None
    plugins: tuple[str, ...]
    directory: Path
    checkpoint_seconds: float
    limits: TimeLimits
    rerun: str
    observers: tuple[AttachedObserver, ...]
    timing: bool = True
    unverified_data: tuple[str, ...] = ()
    reference: Path | None = None
    reference_named: bool = False
    compile: bool = False
    launcher: Choice = Choice()

    @property
    def kind(self) -> str:
        """The kind of device: "cpu" or "cuda"."""
        return self.devices[0].split(":")[0]


def distinct(cells: Iterable[Cell]) -> list[Cell]:
    """Return one cell for each recipe: among cells with the same recipe, the one with the largest budget.

    Labels with the same recipe share its runs, so the cell keeps the weights that any of these labels requests.
    """
    longest: dict[str, Cell] = {}
    for cell in cells:
        other = longest.get(cell.identity, cell)
        longest[cell.identity] = replace(max(other, cell, key=lambda c: c.budget), weights=other.weights | cell.weights)
    return list(longest.values())


def resolve(request: Request) -> Plan:
    """Resolve a request into a plan; torch is imported only once the structure of the suite is valid.

    Raises:
        SuiteError: the suite or an option is wrong; the message lists every mistake of the suite.
        PluginError: the plugins cannot be loaded.
    """
    check_names(request.unverified_data)
    suite = _load(request)
    seeds = _seeds(suite, request)
    check_labels("tasks", request.tasks, [entry.label for entry in suite.tasks])
    check_labels("regularizers", request.regularizers, [entry.label for entry in suite.regularizers])
    return _planned(request, suite, seeds)


def _planned(request: Request, suite: Suite, seeds: tuple[int, ...]) -> Plan:
    """Expand a suite of valid structure; the imports here load torch."""
    from grokbench import engine
    from grokbench.plan import expand, manifest, without_misfits

    plugins = (*suite.plugins, *request.plugins)
    registry = _registry(request, plugins)
    suite = without_misfits(suite, registry)
    cells = expand(suite, registry, request.precision, engine.REVISION)
    launcher = choose(request.launcher, not request.no_wait)
    workers = launcher.devices(request.device, request.group_size) or devices(request.device)
    kind = workers[0].split(":")[0]
    execution = {"device": kind, "precision": request.precision, "engine": engine.REVISION}
    execution |= {"group_size": request.group_size} if request.group_size else {}
    if request.compile:
        check_compiler(kind)
        execution["compile"] = True
    return Plan(
        suite=suite,
        registry=registry,
        manifest=manifest(suite, cells, seeds, execution),
        cells=tuple(cell for cell in cells if _wanted(cell, request, suite.added)),
        seeds=seeds,
        devices=workers,
        precision=request.precision,
        group_size=request.group_size,
        plugins=plugins,
        directory=Path(request.out or f"runs/{suite.name}"),
        checkpoint_seconds=request.checkpoint_seconds,
        limits=TimeLimits(request.stall_timeout, request.cell_timeout),
        rerun=request.rerun,
        observers=make_observers(request.log, registry),
        timing=request.timing,
        unverified_data=tuple(dict.fromkeys((*suite.unverified_data, *request.unverified_data))),
        reference=_reference(request, suite),
        reference_named=request.reference is not None,
        compile=request.compile,
        launcher=launcher,
    )


def _reference(request: Request, suite: Suite) -> Path | None:
    """Return the reference folder; None if the request wants none, or trains everything again."""
    if request.reference == NO_REFERENCE or request.rerun == "all":
        return None
    if request.reference is not None:
        return Path(request.reference)
    found = committed_results(suite.name) if request.methods else None
    out = Path(request.out or f"runs/{suite.name}")
    return found if found and found.resolve() != out.resolve() else None


def _registry(request: Request, plugins: Sequence[str]) -> "Registry":
    from grokbench.plugins import load_registry

    for file in request.plugins:
        if not Path(file).is_file():
            raise SuiteError(f"{Option('plugins', file)}: no such file, expected a Python file with a grokbench hook")
    return load_registry(plugins)


def unused(plan: Plan) -> Iterator[str]:
    """Yield a warning for each file of `--plugin` that the suite does not use, with the options that would use it."""
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
    """Load the suite with the request's additional regularizers."""
    try:
        return load_suite(request.suite, request.methods)
    except TakenLabel:  # often because a plugin's name is taken, which `load_registry` reports
        if request.plugins:
            from grokbench.plugins import load_registry

            load_registry(request.plugins)
        raise


def _wanted(cell: Cell, request: Request, added: Collection[str]) -> bool:
    """Return whether a cell is selected. Added methods are selected too, unless `--regularizer` names some of them."""
    named = set(request.regularizers)
    chosen = named if named & set(added) else named | set(added)
    return (not request.tasks or cell.task in request.tasks) and (not named or cell.regularizer in chosen)


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
            f"name more seeds ({Option('seeds')})"
        )
    return suite.seeds[: request.num_seeds]


def check_labels(kinds: str, given: Sequence[str], known: Sequence[str]) -> None:
    """Raise SuiteError if a given label is unknown; the message names the most similar label.

    Args:
        kinds: the option that gives the labels: "tasks" or "regularizers".
        given: the labels that the user gave.
        known: the labels of the suite.
    """
    for label in given:
        if label not in known:
            raise SuiteError(
                f"{Option(kinds, label)}: the suite has no such {kinds.removesuffix('s')}, "
                f"expected one of: {printable(', '.join(known))}{did_you_mean(label, known)}"
            )
