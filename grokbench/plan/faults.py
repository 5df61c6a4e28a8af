"""The mistakes in a suite that cannot be found without the plugins, each with its line and column."""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.criterion import bound_fault, parse_condition
from grokbench.errors import PluginError
from grokbench.metric import Metric
from grokbench.plan.holds import hold_faults, stop_of
from grokbench.plan.metrics import can_record, recorded, standard_labels
from grokbench.plan.published_faults import published_faults
from grokbench.plan.recipes import resolved_settings, setting_faults
from grokbench.plan.search_spaces import space_faults
from grokbench.plan.uses import use_faults
from grokbench.plugins import Registry
from grokbench.records import Skip
from grokbench.regularizer import Regularizer
from grokbench.step.build import build_step
from grokbench.suite import MetricEntry, RegularizerEntry, Suite, TaskEntry, Use
from grokbench.suite.problems import dotted
from grokbench.task import Task
from grokbench.text.lists import listed
from grokbench.text.suggest import did_you_mean

__all__ = ["misfits", "plan_faults"]


def plan_faults(suite: Suite, registry: Registry) -> Iterator[str]:
    """Yield every mistake that cannot be found without the plugins.

    Args:
        suite: the suite; its document gives the line and column of each mistake.
        registry: the registry, with the suite's own plugins.
    """
    for entry in suite.tasks:
        yield from use_faults(suite, registry, "tasks", entry.use, entry.path)
    for method in suite.regularizers:
        for entry in suite.tasks:
            for use in method.uses_for(entry.label):
                yield from use_faults(suite, registry, "regularizers", use, method.path, entry.path[1])
    yield from space_faults(suite, registry)
    for measured in suite.metrics:
        yield from use_faults(suite, registry, "metrics", measured.use, measured.path)
        yield from _need_faults(suite, registry, measured)
    for entry in suite.tasks:
        task = _made(registry, "tasks", entry.use)
        if task is None:
            continue
        yield from _criterion_faults(suite, registry, entry, task)
        yield from _cadence_faults(suite, registry, entry, task)
        yield from _fact_faults(suite, registry, entry, task)
        settings = list(setting_faults(suite, entry, task))
        yield from settings or _combination_faults(suite, registry, entry, task)
        yield from _rotation_faults(suite, registry, entry, task)
        yield from published_faults(suite, registry, entry, task)


def _criterion_faults(suite: Suite, registry: Registry, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield the labels of a criterion that its task does not record, and conditions that cannot be read or met."""
    try:
        labels = dict(recorded(suite, task, registry))
    except PluginError:
        return  # reported already
    for label, condition in (entry.grokked or task.grokked).items():
        try:
            parse_condition(condition)
        except ValueError as error:
            yield f"{suite.where((*entry.path, 'grokked', label))}: tasks.{entry.label}.grokked.{label}: {error}"
            continue
        if label in labels:
            yield from _bound_faults(suite, entry, label, condition, labels[label][0])
        else:
            place = f"{suite.where((*entry.path, 'grokked', label))}: tasks.{entry.label}.grokked"
            known = f"{', '.join(labels)}{did_you_mean(label, labels)}"
            yield f"{place}: no metric {label!r}, expected one of: {known}"


def _cadence_faults(suite: Suite, registry: Registry, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield faults of a cadence: the budget must end with an evaluation, and allow as many as `stop` needs."""
    every, budget = entry.evaluate_every or task.evaluate_every, entry.epochs or task.epochs
    yield from _metric_label_faults(suite, registry, task, every)
    yield from _snapshot_faults(suite, entry, every, budget)
    stop = stop_of(entry, task, registry)
    yield from hold_faults(suite, entry, stop, every)
    if isinstance(stop, int) and stop > budget // every + 1:
        place = f"{suite.where((*entry.path, 'stop'))}: tasks.{entry.label}"
        yield f"{place}: sustained for {stop} evaluations, but {budget} epochs have only {budget // every + 1}"
    if suite.statistics.rank_by == "lasting" and not isinstance(stop, Mapping | None):
        place = f"{suite.where(('statistics', 'rank_by'))}: statistics.rank_by"
        yield f"{place}: lasting, but the task {entry.label} does not test this; give the task stop: {{hold: H}}"
    place = f"{suite.where((*entry.path, 'epochs'))}: tasks.{entry.label}"
    if every > budget:
        yield f"{place}: evaluated every {every} epochs, but trained for {budget} epochs; lower evaluate_every"
    elif budget % every:
        yield f"{place}: {budget} epochs, expected a multiple of evaluate_every, {every}"


def _snapshot_faults(suite: Suite, entry: TaskEntry, every: int, budget: int) -> Iterator[str]:
    """Yield the epochs of `weights` that have no evaluation."""
    path = ("weights",) if entry.weights is None else (*entry.path, "weights")
    for epoch in (suite.weights if entry.weights is None else entry.weights).epochs:
        if epoch > budget or epoch % every:
            have = f"expected an epoch of {entry.label}'s evaluations, every {every} epochs up to {budget}"
            other = f"; give {entry.label} its own weights" if entry.weights is None and len(suite.tasks) > 1 else ""
            yield f"{suite.where(path)}: {dotted(path)}: epoch {epoch} has no evaluation, {have}{other}"


def _fact_faults(suite: Suite, registry: Registry, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield the methods that need facts that their task does not have."""
    for method in _planned(suite, entry):
        for use in method.uses_for(entry.label):
            if missing := _missing_facts(registry, use, task):
                way = _way_out(suite, entry, method)
                yield (
                    f"{suite.where(method.path)}: regularizers.{method.label}: {use.name} needs a task with "
                    f"{' and '.join(missing)}, which {entry.label} does not have; {way}"
                )
            elif why := _refused(registry, use, task):
                place, way = f"{suite.where(method.path)}: regularizers.{method.label}", _way_out(suite, entry, method)
                yield f"{place}: {use.name} refuses {entry.label}: {why}; {way}"


def _combination_faults(suite: Suite, registry: Registry, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield the methods that cannot be combined with each other, with the task or with a schedule."""
    for method in _planned(suite, entry):
        uses = method.uses_for(entry.label)
        made = [_made(registry, "regularizers", use) for use in uses]
        if None in made or any(_missing_facts(registry, use, task) for use in uses):
            continue
        settings = resolved_settings(task.optimizer, method.optimizer_for(entry.label))
        try:
            build_step(task, made, {}, settings=settings)
        except ValueError as error:
            yield f"{suite.where(method.path)}: regularizers.{method.label}: on {entry.label}: {error}"
        except Exception:  # an error in the plugin's code: training reports it with a traceback
            continue


def _way_out(suite: Suite, entry: TaskEntry, method: RegularizerEntry) -> str:
    if method.label == suite.baseline:
        return "leave the task out"
    return f"skip the cell: skip: [{{task: {entry.label}, regularizer: {method.label}, why: ...}}]"


def _refused(registry: Registry, use: Use, task: Task) -> str | None:
    """Return why a method refuses a task; None if it does not, or if the method has faults of its own."""
    method: Regularizer | None = _made(registry, "regularizers", use)
    if method is None or not method.refuses:
        return None
    try:
        why = method.refuses(task)
    except Exception as error:  # an error in the plugin's code
        return f"its `refuses` raises {type(error).__name__}: {error}"
    return f"{why}" if why else None


def misfits(suite: Suite, registry: Registry) -> Iterator[Skip]:
    """Yield a skip, with the reason, for each cell of an added method that cannot be trained on the cell's task.

    The task lacks facts that the method needs, or the method refuses the task.

    Args:
        suite: the suite; only the methods in `Suite.added` are examined.
        registry: the registry, with the suite's own plugins.
    """
    for entry in suite.tasks:
        task = _made(registry, "tasks", entry.use)
        for method in suite.regularizers if task else ():
            uses = method.uses_for(entry.label) if method.label in suite.added else ()
            if missing := [fact for use in uses for fact in _missing_facts(registry, use, task)]:
                yield Skip(entry.label, method.label, f"needs a task with {' and '.join(missing)}")
            elif refused := [why for use in uses if (why := _refused(registry, use, task))]:
                yield Skip(entry.label, method.label, f"refused by the method: {refused[0]}")


def _missing_facts(registry: Registry, use: Use, task: Task) -> list[str]:
    """List the facts that a method needs and a task lacks; empty for a method with faults of its own."""
    method: Regularizer | None = _made(registry, "regularizers", use)
    if method is None:
        return []
    missing = [fact for fact in method.facts if fact not in task.facts]
    acts_on_hidden = method.hidden or method.hidden_always
    return [*missing, *(["hidden sites"] if acts_on_hidden and not task.has_sites else [])]


def _planned(suite: Suite, entry: TaskEntry) -> list[RegularizerEntry]:
    """List the methods that are not skipped on a task."""
    skipped = {(skip.task, skip.regularizer) for skip in suite.skip}
    return [method for method in suite.regularizers if (entry.label, method.label) not in skipped]


def _rotation_faults(suite: Suite, registry: Registry, entry: TaskEntry, task: Task) -> Iterator[str]:
    """Yield the metrics that depend on coordinates, if the task is trained in rotated coordinates."""
    for measured in suite.metrics if task.full else ():
        metric = _made(registry, "metrics", measured.use)
        if metric is not None and can_record(task, metric) and not metric.rotates:
            yield (
                f"{suite.where(measured.path)}: metrics.{measured.label}: {measured.use.name} does not declare that it "
                f"is the same in rotated coordinates, in which {entry.label} is trained; set rotate: false in this task"
            )


def _made(registry: Registry, kind: str, use: Use) -> Any:
    """Make the plugin's record; None if its use has faults, which are reported elsewhere."""
    try:
        return registry.get(kind, use.name).make(use.parameters)
    except PluginError:
        return None


def _records(registry: Registry, task: Task, entry: MetricEntry) -> bool:
    """Return whether a metric can be recorded on a task."""
    metric = _made(registry, "metrics", entry.use)
    return metric is not None and can_record(task, metric)


def _need_faults(suite: Suite, registry: Registry, entry: MetricEntry) -> Iterator[str]:
    """Yield a metric's needs that no task meets: the metric would silently be left out of every cell."""
    metric: Metric | None = _made(registry, "metrics", entry.use)
    tasks = [_made(registry, "tasks", task.use) for task in suite.tasks]
    if metric is None or None in tasks or any(can_record(task, metric) for task in tasks):
        return
    place, facts = f"{suite.where(entry.path)}: metrics.{entry.label}", " and ".join(metric.facts)
    known = list(dict.fromkeys(name for task in tasks for name in task.split_names))
    if not any(set(metric.facts) <= set(task.facts) for task in tasks):
        yield f"{place}: {entry.use.name} needs a task with {facts}; no task here has it"
    elif unknown := [name for name in metric.splits if name not in known]:
        place = f"{suite.where((*entry.path, 'split'))}: metrics.{entry.label}"
        near = did_you_mean(unknown[0], known)
        yield f"{place}: no task has the split {unknown[0]!r}, expected one of: {', '.join(known)}{near}"
    else:
        needs = " and ".join(
            filter(None, [facts, f"the split{'s' * (len(metric.splits) > 1)} {listed(metric.splits)}"])
        )
        yield f"{place}: {entry.use.name} needs a task with {needs}; no task here has all of them"


def _bound_faults(suite: Suite, entry: TaskEntry, label: str, condition: str, metric: Metric) -> Iterator[str]:
    """Yield a condition that no value of its metric meets, or that every value meets."""
    if metric.bounds and (wrong := bound_fault(condition, *metric.bounds)):
        yield f"{suite.where((*entry.path, 'grokked', label))}: tasks.{entry.label}.grokked.{label}: {wrong}"


def _metric_label_faults(suite: Suite, registry: Registry, task: Task, cadence: int) -> Iterator[str]:
    """Yield the metrics whose label is taken, or whose cadence in epochs is not a multiple of the task's."""
    for entry in suite.metrics:
        place = f"{suite.where(entry.path)}: metrics.{entry.label}"
        if entry.label in standard_labels(task):
            yield f"{place}: every task records a metric of this label already; leave this one out"
        if isinstance(entry.every, int) and entry.every % cadence and _records(registry, task, entry):
            yield f"{place}: every {entry.every} epochs, expected a multiple of evaluate_every, {cadence}"
