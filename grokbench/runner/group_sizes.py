"""The group size of every cell of a plan; `engine.group_size` estimates and measures the size for one cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from grokbench.events import MeasuredGroupSize
from grokbench.launchers.interface import Stage, Worker, memory_fraction
from grokbench.launchers.jobs import GroupSizeProbe
from grokbench.records import Cell
from grokbench.runner.request import Plan

if TYPE_CHECKING:
    from grokbench.engine.group_size import Size

__all__ = ["sizes"]


def sizes(plan: Plan, cells: Sequence[Cell], workers: Sequence[Worker] = ()) -> dict[str, int]:
    """Choose the group size of each cell.

    The size is the user's `--group-size`, otherwise an estimate. If a group of the estimated size might not fit into
    memory, a worker measures the size on its device. Each cell is measured in a new process, so that its size depends
    on no other cell.

    Args:
        plan: the resolved request.
        cells: the cells, with distinct identities.
        workers: settings of the workers that may measure. Without workers, or if measuring fails, the estimate is used.

    Returns:
        Identity of a cell -> replicas to train together.
    """
    if plan.group_size:
        return {cell.identity: plan.group_size for cell in cells}
    estimates = _estimates(plan, cells)
    found = {identity: size.replicas for identity, size in estimates.items()}
    for cell in cells if workers else ():
        if not estimates[cell.identity].sure:
            found[cell.identity] = _measured(plan, cell, workers) or found[cell.identity]
    return found


def _estimates(plan: Plan, cells: Sequence[Cell]) -> dict[str, "Size"]:
    """Estimate the group sizes from the size of a replica, which is computed once for each task.

    If the estimate raises an error, the size is two: training raises the same error again and reports it for the cell.
    """
    from grokbench import engine
    from grokbench.engine.group_size import Size
    from grokbench.plan import cell_step, identity

    sizes_of_tasks: dict[str, Any] = {}  # by task
    dtype, (device, sharing) = engine.DTYPES[plan.precision], _tightest(plan.devices)

    def estimate(cell: Cell) -> "Size":
        step, task = cell_step(cell, plan.registry), identity(cell.recipe.task.data())
        try:
            sizes_of_tasks[task] = sizes_of_tasks.get(task) or engine.replica_size(step.task)
            return engine.estimated_group_size(step, sizes_of_tasks[task], device, dtype, memory_fraction(sharing))
        except Exception:
            return Size(2, sure=True)

    return {cell.identity: estimate(cell) for cell in cells}


def _measured(plan: Plan, cell: Cell, workers: Sequence[Worker]) -> int | None:
    """Measure the size on the device with the least memory per worker; None if that fails."""
    from grokbench.launchers.local.pool import launch

    device, _ = _tightest(plan.devices)
    worker = next(worker for worker in workers if worker.device == device)
    measured = [
        event
        for _, event in launch([Stage([GroupSizeProbe(cell)], 1)], [worker], plan.limits)
        if isinstance(event, MeasuredGroupSize)
    ]
    return measured[0].replicas if measured else None


def _tightest(devices: Sequence[str]) -> tuple[str, int]:
    """Return the device with the least memory per worker, and its number of workers; groups must fit everywhere."""
    if devices[0] == "cpu":
        return "cpu", len(devices)
    import torch

    def share(device: str) -> float:
        return float(torch.cuda.get_device_properties(device).total_memory) / devices.count(device)

    device = min(dict.fromkeys(devices), key=share)
    return device, devices.count(device)
