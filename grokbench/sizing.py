"""How many replicas of each cell of a plan train together."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from grokbench.records import Cell
from grokbench.request import Plan
from grokbench.work import Stage, Weighing, Weight, Worker

if TYPE_CHECKING:
    from grokbench.capacity import Size

__all__ = ["estimates", "measured"]


def estimates(plan: Plan) -> Callable[[Cell], "Size"]:
    """How many replicas of a cell train together, by their weight; a task is weighed once."""
    from grokbench import engine
    from grokbench.plan import cell_step, identity

    weights: dict[str, Any] = {}  # by task
    dtype, sharing = engine.DTYPES[plan.precision], max(map(plan.devices.count, plan.devices))

    def estimated(cell: Cell) -> "Size":
        step, task = cell_step(cell, plan.registry), identity(cell.recipe["task"])
        weights[task] = weights.get(task) or engine.weigh(step.task)
        return engine.group_size(step, weights[task], plan.devices[0], dtype, sharing)

    return estimated


def measured(plan: Plan, cells: Iterable[Cell], worker: Worker) -> dict[str, int]:
    """The group sizes of cells that come close to the memory of a device, found by trial on it."""
    from grokbench.launchers.local import launch

    estimated = estimates(plan)
    trials = [] if plan.group_size else [Weighing(cell) for cell in cells if not estimated(cell).sure]
    found = {}
    for job, event in launch([Stage(trials, 1)], [worker]):
        if isinstance(event, Weight):
            found[job.cells[0].identity] = event.replicas
    return found
