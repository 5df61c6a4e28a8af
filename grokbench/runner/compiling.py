"""The option `--compile`: which cells are worth compiling, and whether this machine can compile.

torch's compiler takes from half a minute to several minutes for a cell, once for every size of a group. Only cells that
train for long are worth this. Their training times are estimated from the plan alone, so that the choice never depends
on a measurement.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grokbench.errors import SuiteError
from grokbench.provenance import environment
from grokbench.records import Cell
from grokbench.resources.compiler import missing_compiler
from grokbench.text.options import Option

if TYPE_CHECKING:
    from grokbench.runner.request import Plan
    from grokbench.step import Step
    from grokbench.types import Params

__all__ = ["check", "repaid", "seconds"]

LEAST_SECONDS = 300.0  # estimated seconds of a group's training from which on compiling saves time
LAUNCHES = 1e-3  # seconds per step to launch its operations
RATE = 5e10  # operations per second of a core
LEAST_TORCH = (2, 8)  # the first version with torch._inductor.standalone_compile
PASSES = 6  # operations per weight and example: a multiplication and an addition, once forward and twice backward


def check(device: str) -> None:
    """Check that this machine can compile code.

    Args:
        device: the kind of device: "cpu" or "cuda".

    Raises:
        SuiteError: it cannot; the message names the remedy.
    """
    option, leave = Option("compile"), "leave the option out"
    if device != "cpu":
        raise SuiteError(f"{option}: only training on a CPU is compiled; {leave}, or add {Option('device', 'cpu')}")
    if why := missing_compiler():
        raise SuiteError(f"{option}: {why}; or {leave}")
    torch = str(environment()["torch"])  # not read from torch itself, because importing it fixes the compiler's folder
    if tuple(map(int, torch.split(".")[:2])) < LEAST_TORCH:
        raise SuiteError(f"{option} needs torch 2.8 or later, not {torch}: install a later version, or {leave}")


def repaid(plan: "Plan", cells: Sequence[Cell]) -> set[str]:
    """Choose the cells to compile.

    Args:
        plan: the resolved request.
        cells: the cells to train.

    Returns:
        The identities of the cells that are worth compiling; none without `--compile`.
    """
    if not plan.compile:
        return set()
    from grokbench.engine import replica_size
    from grokbench.plan import cell_step

    def repays(cell: Cell) -> bool:
        try:
            step = cell_step(cell, plan.registry)
            return step.mapped and seconds(cell, step, replica_size(step.task)[0], len(plan.seeds)) >= LEAST_SECONDS
        except Exception:  # a plugin's error: training raises it again and reports it for the cell
            return False

    return {cell.identity for cell in cells if repays(cell)}


def seconds(cell: Cell, step: "Step", params: "Params", seeds: int) -> float:
    """Estimate how many seconds at least a group trains until its budget.

    Args:
        cell: the cell.
        step: the cell's step.
        params: the parameters of a replica; only their shapes are used.
        seeds: the number of seeds of the plan.
    """
    from grokbench.engine.group_size import LARGEST_GROUP

    replicas, task = min(seeds, LARGEST_GROUP["cpu"]), step.task
    operations = PASSES * sum(p.numel() for p in params.values()) * task.train_size * replicas  # of an epoch
    return cell.budget * (task.steps * LAUNCHES + operations / RATE)
