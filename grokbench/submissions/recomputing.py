"""Training of the drawn replicas, and comparison of their outcomes with the submitted ones."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

from grokbench.judging.outcomes import Measured
from grokbench.launchers.interface import Stage, Worker
from grokbench.launchers.jobs import Training
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.local import pool
from grokbench.provenance import environment
from grokbench.records import Cell, Outcome, Run, Snapshots
from grokbench.runner.data_checks import fetch_data
from grokbench.runner.request import Plan
from grokbench.submissions.draws import Replica
from grokbench.submissions.tolerance import Tolerance

__all__ = ["Recomputed", "compared", "endpoints", "recompute"]


MARGIN, LEAST_SECONDS = 5.0, 600.0  # the time limit of a cell: MARGIN x its estimated seconds + LEAST_SECONDS


class Recomputed(NamedTuple):
    """A replica with the run that was submitted and the run that was trained here.

    Attributes:
        replica: the submitted replica.
        run: the run that was trained here; its outcome is "failed" if training raised an error.
    """

    replica: Replica
    run: Run


def recompute(drawn: Sequence[Replica], plan: Plan) -> Iterator[Recomputed]:
    """Train replicas on the CPU, the replicas of a cell together; nothing is stored.

    Args:
        drawn: the replicas.
        plan: the plan with their cells and the present plugins.

    Yields:
        Each replica when it has finished.

    Raises:
        DataError: the data of a task is missing, or is not the published data.
    """
    planned = {cell.identity: replace(cell, weights=Snapshots()) for cell in plan.manifest.cells}
    wanted = {(each.cell.identity, each.run.seed): each for each in drawn}
    cells = [planned[identity] for identity in dict.fromkeys(identity for identity, _ in wanted)]
    fetch_data(plan, cells)
    jobs = [_job(cell, sorted(seed for identity, seed in wanted if identity == cell.identity)) for cell in cells]
    workers = [Worker(device, plan.precision, plan.plugins, environment()) for device in plan.devices]
    limits = TimeLimits(cell=MARGIN * max(_seconds(cell, drawn) for cell in cells) + LEAST_SECONDS)
    with closing(pool.launch([Stage(jobs, len(workers))], workers, limits)) as events:
        for _, event in events:
            if isinstance(event, Run):
                yield Recomputed(wanted[event.identity, event.seed], event)


def _seconds(cell: Cell, drawn: Sequence[Replica]) -> float:
    """Add up the estimated seconds of a cell's replicas."""
    return sum(each.seconds or 0.0 for each in drawn if each.cell.identity == cell.identity)


def _job(cell: Cell, seeds: Sequence[int]) -> Training:
    return Training(cell, tuple(seeds), frozenset(seeds))


def endpoints(cell: Cell) -> tuple[str, ...]:
    """Return the crossings whose epochs are compared: the first, and the lasting one if the task stops by `hold`."""
    return ("first", "lasting") if cell.recipe.hold is not None else ("first",)


def compared(found: Recomputed, tolerances: dict[str, Tolerance]) -> tuple[str, bool]:
    """Compare the recomputed outcome of a replica with the submitted one.

    Args:
        found: the replica and its two runs.
        tolerances: the tolerance of each of the cell's `endpoints`.

    Returns:
        A clause with both outcomes, and True if rounding explains their difference.
    """
    cell, submitted = found.replica.cell, found.replica.run
    if found.run.outcome is Outcome.FAILED:
        last = (found.run.error or "").strip().splitlines()[-1:]
        return f"training failed here ({''.join(last)[:200]})", False
    clauses, accepted = [], True
    for endpoint in endpoints(cell):
        (was, words), (now, words_now) = (_time(cell, run, endpoint) for run in (submitted, found.run))
        accepted &= tolerances[endpoint].accepts(was, now, cell.evaluate_every)
        clauses.append(f"{endpoint} crossing: submitted {words}, here {words_now}")
    return "; ".join(clauses), accepted


def _time(cell: Cell, run: Run, endpoint: str) -> tuple[float, str]:
    """Return the time of a run as the leaderboard counts it, and in words."""
    measured = Measured(cell, (run,), rank_by=endpoint)
    if not measured.finished:
        return float(cell.budget), f"unfinished after {run.epochs} epochs"
    time, grokked = measured.ratio_times[0], measured.grokked[0]
    return time, f"{time:.0f}" if grokked else f"none within {cell.budget} epochs"
