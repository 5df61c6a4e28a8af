"""Suite x Registry -> cells with stable identities, and each cell back into its step.

A cell's identity is the hash of its recipe: canonical JSON of everything that decides when its replicas grok. Labels,
the order of the file, devices, metrics and the budget are not part of it, so none of them makes a run be repeated.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from grokbench.errors import PluginError, SuiteError
from grokbench.logbook import parse_condition
from grokbench.plugins import Plugin, Registry
from grokbench.records import FORMAT, Cell, Manifest
from grokbench.step import Step, build_step
from grokbench.suite import MetricEntry, RegularizerEntry, Suite, TaskEntry, Use
from grokbench.types import Metric, Regularizer, Task
from grokbench.yaml_problems import KeyPath, did_you_mean, dotted

__all__ = ["cell_step", "check_sources", "expand", "identity", "manifest"]


def expand(suite: Suite, registry: Registry, precision: str, engine: int) -> tuple[Cell, ...]:
    """The cells of a suite, in its order, at an engine's revision.

    Raises SuiteError with every mistake at once: unknown plugins and parameters, values a factory refuses, criteria
    on metrics that a task does not record.
    """
    faults = list(dict.fromkeys(_faults(suite, registry)))
    if faults:
        raise SuiteError("\n".join(faults))
    skipped = {(skip.task, skip.regularizer) for skip in suite.skip}
    return tuple(
        _cell(suite, task, regularizer, registry, {"precision": precision, "engine": engine})
        for task in suite.tasks
        for regularizer in suite.regularizers
        if (task.label, regularizer.label) not in skipped
    )


def manifest(suite: Suite, cells: tuple[Cell, ...], seeds: tuple[int, ...], execution: Mapping[str, Any]) -> Manifest:
    """What a results folder is meant to hold: the whole suite, whatever part of it is run now."""
    return Manifest(
        suite=suite.name,
        description=suite.description,
        baseline=suite.baseline,
        seeds=seeds,
        cells=cells,
        skipped=suite.skip,
        statistics=suite.statistics,
        published=suite.published,
        execution=execution,
    )


def identity(recipe: Mapping[str, Any]) -> str:
    """A name for a recipe: 16 hexadecimal digits of the sha256 of its canonical JSON."""
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def cell_step(cell: Cell, registry: Registry) -> Step:
    """The step of a cell; PluginError when a plugin it names is not there."""
    recipe = cell.recipe
    task = _make(registry, "tasks", recipe["task"])
    regularizers = [_make(registry, "regularizers", use) for use in recipe["regularizers"]]
    metrics = {label: _make(registry, "metrics", use) for label, use in cell.measured.items()}
    every = {label: use["every"] for label, use in cell.measured.items() if use["every"]}
    return build_step(task, regularizers, metrics, recipe["grokked"], every)


def check_sources(cell: Cell, registry: Registry) -> None:
    """PluginError when a plugin of the cell is not the one it was planned with: its file was edited or removed since.

    What is trained has to be what its provenance says.
    """
    for plugin, origin in cell.origins.items():
        kind, name = plugin.split(".", maxsplit=1)
        file = origin.rpartition(", sha256 ")[0]
        if name not in getattr(registry, kind):
            why = "".join(f" ({broken})" for broken in registry.broken)
            raise PluginError(
                f"{name} ({file}) cannot be loaded any more{why}: its source was removed or broken after this run "
                "began. Put it back and give the same command again."
            )
        if _origin(registry.get(kind, name)) != origin:
            raise PluginError(
                f"{name} ({file}) was changed after this run began, and is not trained, since its results would be "
                "said to come from the earlier source. Give the same command again to train it as it is now."
            )


def _make(registry: Registry, kind: str, use: Mapping[str, Any]) -> Any:
    return registry.get(kind, use["use"]).make(use["parameters"])


def _cell(
    suite: Suite, entry: TaskEntry, method: RegularizerEntry, registry: Registry, execution: Mapping[str, Any]
) -> Cell:
    task: Task = registry.get("tasks", entry.use.name).make(entry.use.parameters)
    uses = method.uses_for(entry.label)
    made: list[Regularizer] = [registry.get("regularizers", use.name).make(use.parameters) for use in uses]
    metrics = dict(_metrics(suite, task, registry))
    grokked = dict(entry.grokked or task.grokked)
    recipe = {
        "format": FORMAT,
        **execution,
        "task": _resolved(registry.get("tasks", entry.use.name), entry.use, task.revision),
        "regularizers": [
            _resolved(registry.get("regularizers", use.name), use, regularizer.revision)
            for use, regularizer in zip(uses, made, strict=True)
        ],
        "evaluate_every": entry.evaluate_every or task.evaluate_every,
        "grokked": grokked,
        "judged_by": {label: metrics[label][1] for label in grokked if label not in _standard(task)},
        "stop": entry.stop or task.stop,
    }
    return Cell(
        task=entry.label,
        regularizer=method.label,
        identity=identity(recipe),
        recipe=recipe,
        budget=entry.epochs or task.epochs,
        evaluate_every=recipe["evaluate_every"],
        metrics={label: metric.better for label, (metric, _) in metrics.items()},
        measured={label: use for label, (_, use) in metrics.items()},
        privileges=tuple(sorted({privilege for regularizer in made for privilege in regularizer.privileges})),
        origins=_origins(registry, entry.use, uses, [use for _, use in metrics.values()]),
    )


def _resolved(plugin: Plugin, use: Use, revision: int) -> dict[str, Any]:
    return {"use": plugin.name, "parameters": plugin.resolve(use.parameters), "revision": revision}


def _origins(
    registry: Registry, task: Use, uses: Iterable[Use], metrics: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    plugins = [registry.get("tasks", task.name), *(registry.get("regularizers", use.name) for use in uses)]
    plugins += [registry.get("metrics", use["use"]) for use in metrics]
    return {f"{plugin.kind}.{plugin.name}": _origin(plugin) for plugin in plugins}


def _origin(plugin: Plugin) -> str:
    return f"{plugin.origin}, sha256 {plugin.digest[:16]}"


def _metrics(suite: Suite, task: Task, registry: Registry) -> Iterator[tuple[str, tuple[Metric, dict[str, Any]]]]:
    """Loss and accuracy on every split of a task, then what the suite asks for and the task can give."""
    for split in task.split_names:
        for name in ("loss", "accuracy"):
            yield f"{split}_{name}", _metric(registry, name, {"split": split}, None)
    for entry in suite.metrics:
        metric, use = _metric(registry, entry.use.name, entry.use.parameters, entry.every)
        if set(metric.splits) <= set(task.split_names):
            yield entry.label, (metric, use)


def _metric(
    registry: Registry, name: str, parameters: Mapping[str, Any], every: int | None
) -> tuple[Metric, dict[str, Any]]:
    plugin = registry.get("metrics", name)
    return plugin.make(parameters), {"use": name, "parameters": plugin.resolve(parameters), "every": every}


def _faults(suite: Suite, registry: Registry) -> Iterator[str]:
    """Every mistake that only the plugins reveal, each with its place in the file."""
    for entry in suite.tasks:
        yield from _use_faults(suite, registry, "tasks", entry.use, entry.path)
    for method in suite.regularizers:
        for task in suite.tasks:
            for use in method.uses_for(task.label):
                yield from _use_faults(suite, registry, "regularizers", use, method.path, task.path[1])
    for measured in suite.metrics:
        yield from _use_faults(suite, registry, "metrics", measured.use, measured.path)
    for entry in suite.tasks:
        yield from _criterion_faults(suite, registry, entry)


def _use_faults(
    suite: Suite, registry: Registry, kind: str, use: Use, path: KeyPath, per_task: str | int = ""
) -> Iterator[str]:
    """What is wrong with one plugin and its parameters."""
    where = _places(suite, path, use.name, per_task)
    try:
        plugin = registry.get(kind, use.name)
        faults = list(plugin.faults(use.parameters))
        if not faults:
            plugin.make(use.parameters)
    except PluginError as error:
        yield f"{where('use')}: {error}"
        return
    yield from (f"{where(name)}: {fault}" for name, fault in faults)


def _places(suite: Suite, path: KeyPath, plugin: str, per_task: str | int) -> Callable[[str], str]:
    """A function from a parameter to where it is set: for one task, in a combination, or for the plugin itself."""
    general, special = path, (*path, "per_task", per_task)
    bases = [general, (*general, plugin), special, (*special, plugin)]

    def where(name: str) -> str:
        places = [suite.where((*base, name)) for base in bases]
        known = [place for base, place in zip(bases, places, strict=True) if place != suite.where(base)]
        place = known[-1] if known else places[0]
        return f"{place}: {dotted(path if name == 'use' else (*path, name))}"

    return where


def _criterion_faults(suite: Suite, registry: Registry, entry: TaskEntry) -> Iterator[str]:
    """A criterion must speak of metrics that its task records, and a budget must reach an evaluation."""
    try:
        task: Task = registry.get("tasks", entry.use.name).make(entry.use.parameters)
        recorded = list(dict(_metrics(suite, task, registry)))
    except PluginError:
        return  # said already
    for label, condition in (entry.grokked or task.grokked).items():
        try:
            parse_condition(condition)
        except ValueError as error:
            yield f"{suite.where((*entry.path, 'grokked', label))}: tasks.{entry.label}.grokked.{label}: {error}"
        if label not in recorded:
            place = f"{suite.where((*entry.path, 'grokked', label))}: tasks.{entry.label}.grokked"
            known = f"{', '.join(recorded)}{did_you_mean(label, recorded)}"
            yield f"{place}: no metric {label!r}, expected one of: {known}"
    every, budget = entry.evaluate_every or task.evaluate_every, entry.epochs or task.epochs
    yield from _metric_label_faults(suite, suite.metrics, task, every)
    if every > budget:
        place = f"{suite.where((*entry.path, 'epochs'))}: tasks.{entry.label}"
        yield f"{place}: evaluated every {every} epochs, more than its {budget} epochs; lower evaluate_every"
    elif budget % every:
        place = f"{suite.where((*entry.path, 'epochs'))}: tasks.{entry.label}"
        yield f"{place}: {budget} epochs, expected a multiple of evaluate_every, {every}"


def _metric_label_faults(suite: Suite, entries: Iterable[MetricEntry], task: Task, cadence: int) -> Iterator[str]:
    for entry in entries:
        place = f"{suite.where(entry.path)}: metrics.{entry.label}"
        if entry.label in _standard(task):
            yield f"{place}: is always recorded under this label; leave it out"
        if entry.every and entry.every % cadence:
            yield f"{place}: every {entry.every} epochs, expected a multiple of evaluate_every, {cadence}"


def _standard(task: Task) -> set[str]:
    """Labels that are recorded whatever the suite says."""
    return {f"{split}_{name}" for split in task.split_names for name in ("loss", "accuracy")}
