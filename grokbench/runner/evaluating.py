"""Measurement of a metric after training, on kept weights and on the data of each replica."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grokbench.data.published import check_names
from grokbench.errors import PluginError, StoreError, SuiteError
from grokbench.records import Cell, Run, Use
from grokbench.runner.request import check_labels
from grokbench.runner.restoring import as_workers_do, check_unchanged, fetch_data, restored, step_of
from grokbench.store import Store
from grokbench.text.escape import printable
from grokbench.text.lists import listed
from grokbench.text.options import Option
from grokbench.text.suggest import did_you_mean, short

if TYPE_CHECKING:
    from grokbench.metric import Metric
    from grokbench.plugins import Registry
    from grokbench.step import Step

__all__ = ["Inquiry", "Value", "evaluate"]


@dataclass(frozen=True)
class Inquiry:
    """A metric to measure, and the weights to measure it on.

    Attributes:
        metric: the label of a metric in the folder, measured with the label's parameters, or the name of a plugin.
        parameters: parameters of the plugin; they replace the label's parameters.
        tasks: labels of tasks; empty for all.
        regularizers: labels of regularizers; empty for all.
        epoch: completed epochs; None for the end of each replica.
        raw: True to measure the metric on the trained weights even if a method evaluates averaged weights.
        unverified_data: data sets that may differ from the published ones, besides those that the runs were trained on.
    """

    metric: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tasks: Sequence[str] = ()
    regularizers: Sequence[str] = ()
    epoch: int | None = None
    raw: bool = False
    unverified_data: Sequence[str] = ()


@dataclass(frozen=True)
class Value:
    """The value of a metric on the weights of a replica.

    Attributes:
        task: the label of the replica's task.
        regularizer: the label of the replica's regularizer.
        seed: the seed of the replica.
        epoch: completed epochs.
        value: the value of the metric.
    """

    task: str
    regularizer: str
    seed: int
    epoch: int
    value: float


def evaluate(store: Store, inquiry: Inquiry, registry: "Registry") -> tuple[list[Value], list[str]]:
    """Measure a metric on the CPU, in the precision of the training; nothing is stored.

    Args:
        store: the results folder.
        inquiry: the metric and the weights.
        registry: the registry, with every plugin that the cells name.

    Returns:
        A value for each replica that keeps such weights, and a sentence for each cell that cannot be measured.

    Raises:
        SuiteError: there is no such task, regularizer or parameter.
        PluginError: there is no such metric, no cell can be measured, or a plugin, the engine or the data have changed
            since the training.
        StoreError: no weights are kept, or a file is damaged.
        DataError: the data of a task is missing, or is not the published data.
    """
    check_names(inquiry.unverified_data)
    cells = _chosen(store, inquiry)
    kept = [(cell, _kept(store, cell, inquiry)) for cell in cells]
    if not any(runs for _, runs in kept):
        raise StoreError(_nothing_kept(store, cells, inquiry))
    values, refused = list[Value](), list[str]()
    for cell, runs in kept:
        use = _use(store, cell, inquiry, registry)
        metric = registry.get("metrics", use.name).make(use.parameters)
        step = step_of(cell, {"metric": metric}, registry)
        if why := _refusal(metric, step):
            refused.append(f"{printable(cell.name)} is left out: {use.name} {why}.")
        elif runs:
            check_unchanged(cell, runs, registry)
            values += _values(store, cell, step, runs, _at_its_weights(store, cell, inquiry))
        else:
            refused.append(f"{printable(cell.name)} is left out: it keeps no such weights.")
    if not values:
        raise PluginError(" ".join(refused))
    return values, refused


def _chosen(store: Store, inquiry: Inquiry) -> list[Cell]:
    cells = store.manifest.cells
    check_labels("tasks", inquiry.tasks, list(dict.fromkeys(cell.task for cell in cells)))
    check_labels("regularizers", inquiry.regularizers, list(dict.fromkeys(cell.regularizer for cell in cells)))
    return [
        cell
        for cell in cells
        if (not inquiry.tasks or cell.task in inquiry.tasks)
        and (not inquiry.regularizers or cell.regularizer in inquiry.regularizers)
    ]


def _kept(store: Store, cell: Cell, inquiry: Inquiry) -> list[Run]:
    """List the runs of a cell that keep the weights."""
    runs = store.runs_of(cell, store.manifest.seeds)
    return [run for run in runs if _epoch(run, inquiry) in run.weights]


def _epoch(run: Run, inquiry: Inquiry) -> int:
    return run.epochs if inquiry.epoch is None else inquiry.epoch


def _nothing_kept(store: Store, cells: Iterable[Cell], inquiry: Inquiry) -> str:
    """Return a message that says which weights are kept, and how to keep the requested ones."""
    there = sorted(
        {epoch for cell in cells for run in store.runs_of(cell, store.manifest.seeds) for epoch in run.weights}
    )
    wanted = "final" if inquiry.epoch is None else f"[{inquiry.epoch}]"
    when = "of the end of training" if inquiry.epoch is None else f"of epoch {inquiry.epoch}"
    other = f"; it keeps those of epoch {listed(list(map(str, there)))}" if there else ""
    return (
        f"{store.directory} keeps no weights {when}{other}. Write `weights: {wanted}` into the suite and run it "
        "again: the run trains the replicas anew and keeps these weights."
    )


def _use(store: Store, cell: Cell, inquiry: Inquiry, registry: "Registry") -> Use:
    """Resolve the metric to a plugin and its parameters."""
    labels = _labels(store, cell)
    known = labels.get(inquiry.metric)
    if known is None and inquiry.metric not in registry.metrics:
        near = did_you_mean(inquiry.metric, [*labels, *registry.metrics])
        raise PluginError(
            f"no metric {short(inquiry.metric)!r}, expected a label of {store.directory} "
            f"({printable(', '.join(labels))}) or one that `grokbench list metrics` shows{near}"
        )
    name = known["use"] if known else inquiry.metric
    parameters = {**(known["parameters"] if known else {}), **inquiry.parameters}
    for parameter, fault in registry.get("metrics", name).faults(parameters):
        raise SuiteError(f"{Option('parameters', parameter)}: {fault}")
    return Use(name, parameters)


def _labels(store: Store, cell: Cell) -> dict[str, Mapping[str, Any]]:
    """Map each metric of a folder to how it is measured; the cell's own settings take precedence."""
    return {label: each for one in (*store.manifest.cells, cell) for label, each in one.measured.items()}


def _at_its_weights(store: Store, cell: Cell, inquiry: Inquiry) -> Inquiry:
    """Choose the trained weights if the suite measures the metric on these."""
    how = _labels(store, cell).get(inquiry.metric, {})
    return replace(inquiry, raw=inquiry.raw or how.get("weights") == "raw")


def _refusal(metric: "Metric", step: "Step") -> str:
    """Return why a metric cannot be measured on a task; empty if it can."""
    from grokbench.plan.metrics import can_record

    if not can_record(step.task, metric):
        return f"needs a task with {listed([*metric.facts, *metric.splits])}"
    if step.task.full and not metric.rotates:
        return "does not declare that it is the same in rotated coordinates, in which the task was trained"
    return ""


def _values(store: Store, cell: Cell, step: "Step", runs: Sequence[Run], inquiry: Inquiry) -> list[Value]:
    """List the values of a cell's runs. Runs that trained together are measured together, to bound the memory."""
    from grokbench.engine import measure

    fetch_data(step, runs, inquiry.unverified_data)
    together: dict[tuple[tuple[int, ...], int], list[Run]] = {}
    for run in runs:
        together.setdefault((run.group, _epoch(run, inquiry)), []).append(run)
    measured: dict[int, float] = {}  # by seed
    for (_, epoch), group in together.items():
        with as_workers_do():
            found = restored(store, cell, step, group, epoch, inquiry.raw)
            table = measure(step, found, ["metric"], epoch, {}).tolist()
        measured |= {run.seed: row[0] for run, row in zip(group, table, strict=False)}
    return [Value(*cell.key, run.seed, _epoch(run, inquiry), measured[run.seed]) for run in runs]
