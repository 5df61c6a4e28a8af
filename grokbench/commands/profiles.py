"""`grokbench run --profile`: measure the time of each phase of every cell."""

import sys
from typing import TYPE_CHECKING

from grokbench.commands.output import echo
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.events import Profile
    from grokbench.runner.request import Plan

__all__ = ["print_profiles"]

LEGEND = """
Milliseconds per epoch of one seed, trained in its group by one worker on {device}. forward: the network, its loss and
penalties; transform: the method's work on gradients; rest: the engine's own work. The time of an evaluation is spread
over the epochs between two evaluations. Nothing was kept."""
ON_CUDA = """
Operations were launched one by one here; training replays them as CUDA graphs. Group sizes are estimates."""


def print_profiles(plan: "Plan") -> None:
    """Print the milliseconds of a seed's epoch and the share of each phase; exit with 1 if a cell cannot be trained."""
    from grokbench.commands.failures import explanations
    from grokbench.events import Profile
    from grokbench.records import Run
    from grokbench.runner import pipeline
    from grokbench.text.table import table

    found, failed = [], []
    for job, event in pipeline.profiles(plan):
        cell = job.cells[0]
        echo(f"measured {printable(cell.name)}", err=True)
        if isinstance(event, Profile):
            found.append(event)
        elif isinstance(event, Run):  # of a failed replica
            failed.append((cell, event))
    if found:
        echo(table(map(_row, found), ["task", "regularizer", "seeds", "ms", *found[-1].seconds]))
        echo(LEGEND.format(device=plan.devices[0]) + (ON_CUDA if plan.kind == "cuda" else ""))
    for paragraph in explanations(failed, plan.registry, plan.plugins):
        echo(f"\n{paragraph}", err=True)
    if failed:
        sys.exit(1)


def _row(profile: "Profile") -> list[object]:
    shares = [f"{profile.share(phase):.0%}" for phase in profile.seconds]
    return [profile.cell.task, profile.cell.regularizer, profile.replicas, f"{1e3 * profile.total:.2f}", *shares]
