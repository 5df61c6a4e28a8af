"""How many replicas of each cell of a plan train together."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from grokbench.records import Cell
from grokbench.request import Plan
from grokbench.work import Stage, Weighing, Weight, Worker

if TYPE_CHECKING:
    from grokbench.capacity import Size

__all__ = ["estimates", "measured"]


def estimates(plan: Plan) -> Callable[[Cell], "Size"]:
    """How many replicas of a cell train together, by their weight; a task is weighed once.

    Two for what cannot be weighed: training will meet the fault again, and tell it of its cell alone.
    """
    from grokbench import engine
    from grokbench.capacity import Size
    from grokbench.plan import cell_step, identity

    weights: dict[str, Any] = {}  # by task
    dtype, (device, sharing) = engine.DTYPES[plan.precision], _tightest(plan.devices)

    def estimated(cell: Cell) -> "Size":
        step, task = cell_step(cell, plan.registry), identity(cell.recipe["task"])
        try:
            weights[task] = weights.get(task) or engine.weigh(step.task)
            return engine.group_size(step, weights[task], device, dtype, sharing)
        except Exception:
            return Size(2, sure=True)

    return estimated


def measured(plan: Plan, cells: Iterable[Cell], crew: Sequence[Worker]) -> dict[str, int]:
    """The group sizes of cells that come close to the memory of a device, found by trial on it.

    Each in a process of its own, so that it depends on no other. A cell whose trial fails is left out.
    """
    from grokbench.launchers.local import launch

    estimated, (device, _) = estimates(plan), _tightest(plan.devices)
    worker = next(worker for worker in crew if worker.device == device)
    found = {}
    for trial in [] if plan.group_size else [Weighing(cell) for cell in cells if not estimated(cell).sure]:
        for _, event in launch([Stage([trial], 1)], [worker]):
            if isinstance(event, Weight):
                found[trial.cell.identity] = event.replicas
    return found


def _tightest(devices: Sequence[str]) -> tuple[str, int]:
    """The device that leaves each of its workers the least memory, and how many they are: every group has to fit."""
    if devices[0] == "cpu":
        return "cpu", len(devices)
    import torch

    def share(device: str) -> float:
        return float(torch.cuda.get_device_properties(device).total_memory) / devices.count(device)

    device = min(dict.fromkeys(devices), key=share)
    return device, devices.count(device)
