"""`--compile`: the cells that repay compiling, and the reasons why this machine cannot compile.

torch's compiler takes half a minute to minutes for a cell, once for every size of a group. A cell repays this only if
it trains long enough. Its seconds are estimated from its plan alone, so that the choice never depends on a measurement.
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

LEAST_SECONDS = 300.0  # estimated seconds of a group's training that repay compiling
LAUNCHES = 1e-3  # seconds of a step for starting its operations
RATE = 5e10  # operations per second of a core
LEAST_TORCH = (2, 8)  # it has torch._inductor.standalone_compile
PASSES = 6  # operations per weight and example: a multiplication and an addition, forward and twice backward


def check(device: str) -> None:
    """Check that code can be compiled here.

    Args:
        device: the kind of device: "cpu" or "cuda".

    Raises:
        SuiteError: it cannot; the message says what to do.
    """
    option, leave = Option("compile"), "leave the option out"
    if device != "cpu":
        raise SuiteError(f"{option}: only training on a CPU is compiled; {leave}, or add {Option('device', 'cpu')}")
    if why := missing_compiler():
        raise SuiteError(f"{option}: {why}; or {leave}")
    torch = str(environment()["torch"])  # without an import, at which the compiler would choose its folder
    if tuple(map(int, torch.split(".")[:2])) < LEAST_TORCH:
        raise SuiteError(f"{option}: torch {torch} lacks what it needs; install torch 2.8 or later, or {leave}")


def repaid(plan: "Plan", cells: Sequence[Cell]) -> set[str]:
    """Choose the cells to compile.

    Args:
        plan: the resolved request.
        cells: the cells to train.

    Returns:
        The identities of the cells that repay compiling; none without `--compile`.
    """
    if not plan.compile:
        return set()
    from grokbench.engine import replica_size
    from grokbench.plan import cell_step

    def repays(cell: Cell) -> bool:
        try:
            step = cell_step(cell, plan.registry)
            return step.mapped and seconds(cell, step, replica_size(step.task)[0], len(plan.seeds)) >= LEAST_SECONDS
        except Exception:  # of a plugin: training raises it again and reports it for the cell
            return False

    return {cell.identity for cell in cells if repays(cell)}


def seconds(cell: Cell, step: "Step", params: "Params", seeds: int) -> float:
    """Estimate the least seconds that a group trains until its budget.

    Args:
        cell: the cell.
        step: the cell's step.
        params: the parameters of a replica, of which only shapes count.
        seeds: the seeds of the plan.
    """
    from grokbench.engine.group_size import LARGEST_GROUP

    replicas, task = min(seeds, LARGEST_GROUP["cpu"]), step.task
    operations = PASSES * sum(p.numel() for p in params.values()) * task.train_size * replicas  # of an epoch
    return cell.budget * (task.steps * LAUNCHES + operations / RATE)
