"""Kept weights, put back into a group of replicas with their data, by the code that trained them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from grokbench.data.digests import recording
from grokbench.data.published import refuse_unverified
from grokbench.errors import PluginError, StoreError
from grokbench.records import Cell, Run, origins_of
from grokbench.runner.stored import of_other_data
from grokbench.store import Store
from grokbench.text.escape import printable
from grokbench.text.lists import listed

if TYPE_CHECKING:
    from grokbench.engine import Group
    from grokbench.metric import Metric
    from grokbench.plugins import Registry
    from grokbench.step import Step

__all__ = ["as_workers_do", "check_unchanged", "fetch_data", "restored", "step_of"]


def step_of(cell: Cell, metrics: Mapping[str, "Metric"], registry: "Registry") -> "Step":
    """Build the step of a cell. Its evaluations use the given parameters unchanged.

    Args:
        cell: the cell.
        metrics: label -> metric; the only ones that the step measures.
        registry: the registry, with every plugin that the cell names.

    Raises:
        PluginError: the engine or a plugin has another revision than at the training.
    """
    from grokbench.engine import REVISION
    from grokbench.step.build import build_step

    recipe = cell.recipe
    if recipe.engine not in (0, REVISION):
        raise PluginError(
            f"The engine now has revision {REVISION}, but {printable(cell.name)} was trained with revision "
            f"{recipe.engine}, whose numbers differ. Run the suite again, or use the version that trained it."
        )
    task = registry.get("tasks", recipe.task.name).make(recipe.task.parameters)
    methods = [registry.get("regularizers", use.name).make(use.parameters) for use in recipe.regularizers]
    for use, made in zip((recipe.task, *recipe.regularizers), (task, *methods), strict=True):
        if use.revision is not None and use.revision != made.revision:
            raise PluginError(
                f"{use.name} now has revision {made.revision}, but {printable(cell.name)} was trained with revision "
                f"{use.revision}, whose numbers differ. Run the suite again, or use the version that trained it."
            )
    step = build_step(task, methods, metrics, budget=cell.budget)
    unused = ["eval_params", *([] if any(metric.initial for metric in metrics.values()) else ["prepare"])]
    return replace(step, skipped=frozenset((method, phase) for method in range(len(methods)) for phase in unused))


def check_unchanged(cell: Cell, runs: Sequence[Run], registry: "Registry") -> None:
    """Check that plugins and data are those that trained the runs.

    Args:
        cell: the cell of the runs.
        runs: the runs whose weights are restored.
        registry: the registry, with every plugin that the cell names.

    Raises:
        PluginError: one of them has changed.
    """
    _check_sources(cell, runs, registry)
    _check_data(cell, runs)


def _check_sources(cell: Cell, runs: Iterable[Run], registry: "Registry") -> None:
    """Check that the user's plugins are those that trained the runs. Built-in plugins have revisions instead."""
    used = [("tasks", cell.recipe.task.name), *(("regularizers", use.name) for use in cell.recipe.regularizers)]
    for kind, name in used:
        now = registry.get(kind, name).origin
        for run in runs if not now.built_in else ():
            then = origins_of(run.provenance).get(f"{kind}.{name}")
            if then is None or not now.agrees_with(then):
                raise PluginError(
                    f"{name} ({now}) has changed since it trained {printable(cell.name)}: its weights would be "
                    "evaluated with other code. Restore the earlier code, or run the suite again to train new weights."
                )


def _check_data(cell: Cell, runs: Iterable[Run]) -> None:
    """Check that the data sets in the data folder are those that the runs read."""
    for run in runs:
        if of_other_data(run):
            read = listed(sorted(run.provenance["data"]))
            raise PluginError(
                f"The data of {printable(cell.name)} have changed since its training ({read}): its weights would be "
                "evaluated on other data. Restore the earlier files (grokbench data status names their folder), or run "
                "the suite again to train new weights."
            )


def fetch_data(step: "Step", runs: Iterable[Run], unverified: Collection[str] = ()) -> None:
    """Fetch the data of a task and its metrics, and check that they are the published ones.

    Args:
        step: the step of the runs' cell.
        runs: data sets on which these runs were trained need not be the published ones.
        unverified: other data sets that may differ from the published ones.

    Raises:
        DataError: data are missing, or are not the published data.
    """
    with recording() as read:
        for fetch in (step.task.fetch, *(metric.fetch for metric in step.metrics.values())):
            if fetch:
                fetch()
    trained_on = {name for run in runs for name in run.provenance.get("data") or {}}  # unchanged, see `_check_data`
    refuse_unverified(read, {*unverified, *trained_on})


def restored(store: Store, cell: Cell, step: "Step", runs: Sequence[Run], epoch: int, raw: bool = False) -> "Group":
    """Make a group of replicas with their data, and with the kept weights as parameters.

    Args:
        store: the results folder.
        cell: the cell of the runs.
        step: the cell's step.
        runs: runs that keep weights of the epoch.
        epoch: completed epochs.
        raw: use the trained weights even if a method evaluates averaged weights.

    Raises:
        StoreError: a file is damaged, or its weights do not fit the task.
    """
    import torch

    from grokbench.engine import DTYPES, start
    from grokbench.engine.weights import read_weights

    padded = runs if len(runs) > 1 else [*runs, *runs]  # as in training: a group has at least two rows
    group, _ = start(step, [run.seed for run in padded], "cpu", DTYPES[cell.recipe.precision])
    try:
        found = [read_weights(store.weights.read(run, epoch), not raw) for run in padded]
    except ValueError as error:  # the digest may be that of a file which never held weights
        where = f"The weights of {printable(cell.name)} in {store.directory}"
        raise StoreError(f"{where} cannot be read ({error}): put back a good copy, or run the suite again.") from error
    shapes = {name: p.shape[1:] for name, p in group.params.items()}
    if any({name: p.shape for name, p in each.items()} != shapes for each in found):
        name = printable(cell.name)
        text = f"The weights of {name} in {store.directory} do not fit the task as it is now. Run the suite again."
        raise StoreError(text)
    stacked = {name: torch.stack([each[name] for each in found]) for name in shapes}
    # The rounding of matrix products depends on the memory layout, so the parameters get the layout of training.
    params = {name: torch.empty_like(p).copy_(stacked[name]) for name, p in group.params.items()}
    return replace(group, params=params)


@contextmanager
def as_workers_do() -> Iterator[None]:
    """Compute within a block as a worker process does: on one thread, without denormal numbers."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
