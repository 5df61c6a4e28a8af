"""Slices of kept networks through their training examples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokbench.errors import PluginError, StoreError
from grokbench.geometry import ReluNetwork, Snapshot, network_of, slice_through, triple_of
from grokbench.records import Cell, Run
from grokbench.runner.request import check_labels
from grokbench.runner.restoring import as_workers_do, check_unchanged, fetch_data, restored, step_of
from grokbench.store import Store
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from torch import Tensor

    from grokbench.plugins import Registry
    from grokbench.step import Step
    from grokbench.types import Params

__all__ = ["Selection", "snapshots"]

AGREES = 1e-6  # largest difference between the outputs of a task and those of a ReLU network, relative to the largest


@dataclass(frozen=True)
class Selection:
    """The slices to compute.

    Attributes:
        tasks: labels of tasks; empty for all.
        regularizers: labels of regularizers; empty for all.
        triples: numbers of triples of training examples, see `triple_of`.
        last: only the last kept weights of each replica.
    """

    tasks: Sequence[str] = ()
    regularizers: Sequence[str] = ()
    triples: Sequence[int] = (0,)
    last: bool = False


def snapshots(store: Store, selection: Selection, registry: "Registry") -> list[Snapshot]:
    """Compute slices of the networks of one seed of each task, at every epoch at which weights are kept.

    Args:
        store: the results folder.
        selection: the slices.
        registry: the registry, with every plugin that the cells name.

    Returns:
        The slices in the order of the tasks, then of the methods, of the epochs, and of the triples.

    Raises:
        SuiteError: there is no such task or regularizer.
        PluginError: a task's network is not a fully connected ReLU network, or a plugin, the engine or the data have
            changed since the training.
        StoreError: no weights are kept, or a file is damaged.
        DataError: the data of a task is missing, or is not the published data.
    """
    cells = store.manifest.cells
    check_labels("tasks", selection.tasks, list(dict.fromkeys(cell.task for cell in cells)))
    check_labels("regularizers", selection.regularizers, list(dict.fromkeys(cell.regularizer for cell in cells)))
    chosen = [cell for cell in cells if _within(cell, selection)]
    tasks = dict.fromkeys(cell.task for cell in chosen)
    kept = [pair for task in tasks for pair in _of_one_seed(store, [cell for cell in chosen if cell.task == task])]
    if not kept:
        raise StoreError(
            f"{store.directory} keeps no weights, without which nothing can be sliced. Write `weights: final`, or "
            "`weights: {epochs: [100], final: true}`, into the suite and run it again."
        )
    return [found for cell, run in kept for found in _of_run(store, cell, run, selection, registry)]


def _within(cell: Cell, selection: Selection) -> bool:
    """Return whether a selection has a cell."""
    return (not selection.tasks or cell.task in selection.tasks) and (
        not selection.regularizers or cell.regularizer in selection.regularizers
    )


def _of_one_seed(store: Store, cells: Sequence[Cell]) -> list[tuple[Cell, Run]]:
    """Pair the cells of a task with the runs of one seed: the first of those whose weights most cells keep."""
    by_seed: dict[int, list[tuple[Cell, Run]]] = {seed: [] for seed in store.manifest.seeds}
    for cell in cells:
        for run in store.runs_of(cell, store.manifest.seeds):
            if run.weights:
                by_seed[run.seed].append((cell, run))
    return max(by_seed.values(), key=len)


def _of_run(store: Store, cell: Cell, run: Run, selection: Selection, registry: "Registry") -> Iterator[Snapshot]:
    """Yield the slices of a replica."""
    step = step_of(cell, {}, registry)
    check_unchanged(cell, [run], registry)
    fetch_data(step, [run])
    epochs = sorted(run.weights)
    for epoch in epochs[-1:] if selection.last else epochs:
        with as_workers_do():
            group = restored(store, cell, step, [run], epoch)
        params = {name: p[0].double() for name, p in group.params.items()}
        data = (group.own | group.shared)["train"]
        inputs, targets = (part[0] if "train" in group.own else part for part in (data.inputs, data.targets))
        network = _network(cell, step, params, inputs[: 3 * (max(selection.triples) + 1)].double())
        for number in selection.triples:
            triple = triple_of(inputs.double().numpy(), targets.double().numpy(), number)
            yield Snapshot(cell.task, cell.regularizer, run.seed, epoch, triple, slice_through(network, triple.inputs))


def _network(cell: Cell, step: "Step", params: "Params", inputs: "Tensor") -> ReluNetwork:
    """Return the network as arrays, after a comparison of its outputs with those of the task.

    Raises:
        PluginError: it is not a fully connected ReLU network.
    """
    try:
        if inputs.ndim != 2:
            raise ValueError(f"its inputs have {inputs.ndim - 1} dimensions, expected one")
        network = network_of({name: p.numpy() for name, p in params.items()})
        expected = step.task.outputs(params, inputs).detach().numpy()
        if abs(network.outputs(inputs.numpy()) - expected).max() > AGREES * abs(expected).max():
            raise ValueError("its outputs are not those of a ReLU network with its weights")
    except ValueError as error:
        raise PluginError(
            f"{printable(cell.name)} cannot be sliced, because its network is not a fully connected ReLU network "
            f"({error}). Choose other tasks."
        ) from error
    return network
