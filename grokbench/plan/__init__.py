"""Cells with stable identities, made from a suite and a registry, and the step of each cell.

A cell's identity is the hash of its recipe: canonical JSON of everything that decides when its replicas grok. Labels,
the order of the file, devices and metrics are not part of the recipe: changing them does not repeat a run. The budget
is part of it only if a method or a schedule reads the budget.

`faults` finds the mistakes in a suite that only plugins reveal. `metrics` lists the metrics that a task records.
`holds` gives the default number of epochs over which grokking has to last.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from grokbench.errors import PluginError, SuiteError
from grokbench.metric import Metric
from grokbench.plan.faults import misfits, plan_faults
from grokbench.plan.holds import stop_of
from grokbench.plan.marks import marks, optimizer_data
from grokbench.plan.metrics import recorded, standard_labels
from grokbench.plan.recipes import resolved_settings
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.records import FORMAT, MOST_REPLICAS, Cell, Manifest, Origin, Recipe, Use, identity
from grokbench.regularizer import Regularizer
from grokbench.step import Step
from grokbench.step.build import build_step
from grokbench.step.recipes import schedule
from grokbench.suite import RegularizerEntry, Suite, TaskEntry
from grokbench.task import Task

__all__ = ["cell_step", "check_sources", "expand", "identity", "manifest", "without_misfits"]

CONTRACT = 2  # current version of the plugin contract


def expand(suite: Suite, registry: Registry, precision: str, engine: int) -> tuple[Cell, ...]:
    """Make the cells of a suite, in the order of the suite.

    Args:
        suite: a suite of valid structure.
        registry: the plugins that the suite may name.
        precision: "float32" or "float64".
        engine: revision of the engine.

    Raises:
        SuiteError: the message lists every mistake: unknown plugins and parameters, values that a factory refuses,
            criteria on metrics that a task does not record.
    """
    faults = list(dict.fromkeys(plan_faults(suite, registry)))
    if faults:
        raise SuiteError("\n".join(faults))
    skipped = {(skip.task, skip.regularizer) for skip in suite.skip}
    return tuple(
        _cell(suite, task, regularizer, registry, {"precision": precision, "engine": engine})
        for task in suite.tasks
        for regularizer in suite.regularizers
        if (task.label, regularizer.label) not in skipped
    )


def without_misfits(suite: Suite, registry: Registry) -> Suite:
    """Skip the cells of added methods whose task lacks facts that the method needs, or is refused by the method.

    With a suite's own method, such a cell is an error, because the suite's author can add the cell to `skip`. A user
    who adds a method to a shipped suite cannot do this.

    Args:
        suite: the suite, with the methods that the command added.
        registry: the registry, with the suite's own plugins.
    """
    return dataclasses.replace(suite, skip=(*suite.skip, *misfits(suite, registry)))


def manifest(suite: Suite, cells: tuple[Cell, ...], seeds: tuple[int, ...], execution: Mapping[str, Any]) -> Manifest:
    """Make the manifest of a results folder. It describes the whole suite, even if only a part of it is run now.

    Args:
        suite: the suite; its name, baseline, statistics and published numbers are copied.
        cells: all cells of the suite.
        seeds: the seeds planned for the folder. If one of them is not a seed of the suite, these seeds are declared in
            place of the suite's.
        execution: device kind, precision, engine revision, group size, compilation.

    Raises:
        SuiteError: there are more replicas than a folder may hold.
    """
    if (replicas := len(cells) * len(seeds)) > MOST_REPLICAS:
        raise SuiteError(f"{replicas} replicas, expected at most {MOST_REPLICAS} in a folder: plan fewer seeds")
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
        declared_seeds=suite.seeds if set(seeds) <= set(suite.seeds) else seeds,
        protocol=suite.protocol,
    )


def cell_step(cell: Cell, registry: Registry) -> Step:
    """Build the step of a cell.

    Args:
        cell: the cell of a plan or of a manifest.
        registry: the registry, with every plugin that the cell names.

    Raises:
        PluginError: the cell names a plugin that is not registered.
    """
    recipe = cell.recipe
    task = _make(registry, "tasks", recipe.task)
    regularizers = [_make(registry, "regularizers", use) for use in recipe.regularizers]
    metrics = {
        label: _make(registry, "metrics", Use(how["use"], how["parameters"])) for label, how in cell.measured.items()
    }
    every = {label: how["every"] for label, how in cell.measured.items() if how["every"]}
    raw = frozenset(label for label, how in cell.measured.items() if how.get("weights") == "raw")
    more = {"raw": raw, "budget": cell.budget}
    return build_step(task, regularizers, metrics, recipe.grokked, every, recipe.optimizer, **more)


def check_sources(cell: Cell, registry: Registry) -> None:
    """Check that a cell's plugins have not changed since planning.

    The provenance of a run names the sources at the time of planning; a later change would make it wrong.

    Args:
        cell: the cell, with the origins of its plugins at the time of planning.
        registry: the registry, loaded from the present sources.

    Raises:
        PluginError: the source of a plugin was edited or removed since planning.
    """
    for plugin, origin in cell.origins.items():
        kind, name = plugin.split(".", maxsplit=1)
        if name not in getattr(registry, kind):
            why = "".join(f" ({broken})" for broken in registry.broken)
            raise PluginError(
                f"{name} ({origin}) cannot be loaded any more{why}: its source was removed or broken after this run "
                "began. Restore it and give the same command again."
            )
        if not registry.get(kind, name).origin.agrees_with(origin):
            raise PluginError(
                f"{name} ({origin}) was changed after this run began. It is not trained, because its results would be "
                "attributed to the earlier source. Give the same command again to train the new version."
            )


def _make(registry: Registry, kind: str, use: Use) -> Any:
    return registry.get(kind, use.name).make(use.parameters)


def _cell(
    suite: Suite, entry: TaskEntry, method: RegularizerEntry, registry: Registry, execution: Mapping[str, Any]
) -> Cell:
    uses = method.uses_for(entry.label)
    made: list[Regularizer] = [registry.get("regularizers", use.name).make(use.parameters) for use in uses]
    task_use, task = _coordinates(entry.use, registry, made)
    metrics, budget = dict(recorded(suite, task, registry)), entry.epochs or task.epochs
    settings = resolved_settings(task.optimizer, method.optimizer_for(entry.label))
    recipe = Recipe(
        format=FORMAT,
        **execution,
        task=_resolved(registry.get("tasks", entry.use.name), task_use, task.revision),
        regularizers=tuple(
            _resolved(registry.get("regularizers", use.name), use, regularizer.revision)
            for use, regularizer in zip(uses, made, strict=True)
        ),
        **_judging(entry, task, metrics, registry),
        budget=budget if _reads_budget(made, settings) else None,
        contract=_contract(registry, uses, made),
        optimizer=settings or None,
    )
    return Cell(
        task=entry.label,
        regularizer=method.label,
        identity=identity(recipe.data()),
        recipe=recipe,
        budget=budget,
        evaluate_every=recipe.evaluate_every,
        metrics={label: metric.better for label, (metric, _) in metrics.items()},
        measured={label: use for label, (_, use) in metrics.items()},
        privileges=tuple(sorted({privilege for regularizer in made for privilege in regularizer.privileges})),
        origins=_origins(registry, entry.use, uses, [use for _, use in metrics.values()]),
        marks=tuple(marks(task, made, settings)),
        optimizer=optimizer_data(task, settings),
        compare_to=suite.compared(method, entry),
        weights=suite.weights if entry.weights is None else entry.weights,
    )


def _reads_budget(made: Iterable[Regularizer], settings: Mapping[str, Any]) -> bool:
    """Return whether the results depend on the budget: a method reads it, or a schedule ends with it."""
    scheduled = schedule(settings)
    return any("budget" in regularizer.needs for regularizer in (*made, *([scheduled] if scheduled else [])))


def _contract(registry: Registry, uses: Iterable[Use], made: Iterable[Regularizer]) -> int | None:
    """Return the version of the plugin contract that a user's method depends on; None without such a method.

    In version 2, `At.params` holds the parameters at which the gradient was taken, in `project` too. In version 1,
    `At.params` held the updated parameters in `project`. No built-in method reads `At.params` in `project`.
    """
    users = (not registry.get("regularizers", use.name).builtin for use in uses)
    projects = any(user and one.project is not None for user, one in zip(users, made, strict=True))
    return CONTRACT if projects else None


def _judging(
    entry: TaskEntry, task: Task, metrics: Mapping[str, tuple[Metric, dict[str, Any]]], registry: Registry
) -> dict[str, Any]:
    """Return the fields of a recipe that decide when a replica is evaluated, when it has grokked and when it stops."""
    grokked, standard = dict(entry.grokked or task.grokked), standard_labels(task)
    return {
        "evaluate_every": entry.evaluate_every or task.evaluate_every,
        "grokked": grokked,
        "judged_by": {label: metrics[label][1] for label in grokked if label not in standard},
        "stop": stop_of(entry, task, registry),
    }


def _coordinates(use: Use, registry: Registry, methods: Iterable[Regularizer]) -> tuple[Use, Task]:
    """Choose the task's coordinates: full ones unless all methods are independent of rotations.

    With the same seed, both choices give the same network on the same data up to rounding, so replicas stay paired.
    """
    plugin = registry.get("tasks", use.name)
    task: Task = plugin.make(use.parameters)
    if task.full is None or all(method.rotates for method in methods):
        return use, task
    use = Use(use.name, {**use.parameters, "rotate": False})
    return use, plugin.make(use.parameters)


def _resolved(plugin: Plugin, use: Use, revision: int) -> Use:
    return Use(plugin.name, plugin.recorded(use.parameters), revision)


def _origins(
    registry: Registry, task: Use, uses: Iterable[Use], metrics: Iterable[Mapping[str, Any]]
) -> dict[str, Origin]:
    plugins = [registry.get("tasks", task.name), *(registry.get("regularizers", use.name) for use in uses)]
    plugins += [registry.get("metrics", use["use"]) for use in metrics]
    return {f"{plugin.kind}.{plugin.name}": plugin.origin for plugin in plugins}
