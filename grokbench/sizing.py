"""The size of the groups of every cell of a plan; `engine.capacity` knows that of one cell."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from grokbench.events import Weight
from grokbench.jobs import Stage, Weighing, Worker
from grokbench.records import Cell
from grokbench.request import Plan

if TYPE_CHECKING:
    from grokbench.engine.capacity import Size

__all__ = ["sizes"]


def sizes(plan: Plan, cells: Sequence[Cell], crew: Sequence[Worker] = ()) -> dict[str, int]:
    """The group size of each cell, by identity: what is asked for, or an estimate by weight.

    Where that comes close to the memory of a device, the crew finds it by trial there, each cell in a process of its
    own, so that it depends on no other; without a crew, or where the trial fails, the estimate holds.
    """
    if plan.group_size:
        return {cell.identity: plan.group_size for cell in cells}
    estimates = _estimates(plan, cells)
    found = {identity: size.replicas for identity, size in estimates.items()}
    for cell in cells if crew else ():
        if not estimates[cell.identity].sure:
            found[cell.identity] = _tried(plan, cell, crew) or found[cell.identity]
    return found


def _estimates(plan: Plan, cells: Sequence[Cell]) -> dict[str, "Size"]:
    """By what a replica weighs; a task is weighed once.

    Two for what cannot be weighed: training will meet the fault again, and tell it of its cell alone.
    """
    from grokbench import engine
    from grokbench.engine.capacity import Size
    from grokbench.plan import cell_step, identity

    weights: dict[str, Any] = {}  # by task
    dtype, (device, sharing) = engine.DTYPES[plan.precision], _tightest(plan.devices)

    def estimate(cell: Cell) -> "Size":
        step, task = cell_step(cell, plan.registry), identity(cell.recipe["task"])
        try:
            weights[task] = weights.get(task) or engine.weigh(step.task)
            return engine.group_size(step, weights[task], device, dtype, sharing)
        except Exception:
            return Size(2, sure=True)

    return {cell.identity: estimate(cell) for cell in cells}


def _tried(plan: Plan, cell: Cell, crew: Sequence[Worker]) -> int | None:
    """What a worker of the tightest device finds; None where it fails."""
    from grokbench.launchers.local import launch

    device, _ = _tightest(plan.devices)
    worker = next(worker for worker in crew if worker.device == device)
    weights = [event for _, event in launch([Stage([Weighing(cell)], 1)], [worker]) if isinstance(event, Weight)]
    return weights[0].replicas if weights else None


def _tightest(devices: Sequence[str]) -> tuple[str, int]:
    """The device that leaves each of its workers the least memory, and how many they are: every group has to fit."""
    if devices[0] == "cpu":
        return "cpu", len(devices)
    import torch

    def share(device: str) -> float:
        return float(torch.cuda.get_device_properties(device).total_memory) / devices.count(device)

    device = min(dict.fromkeys(devices), key=share)
    return device, devices.count(device)
