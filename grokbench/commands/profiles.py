"""`grokbench run --profile`: where the time of every cell goes."""

from typing import TYPE_CHECKING

import click

from grokbench.errors import PluginError

if TYPE_CHECKING:
    from grokbench.pipeline import Plan
    from grokbench.records import Profile

__all__ = ["print_profiles"]

LEGEND = """
Milliseconds per epoch of one seed, trained in its group by one worker on {device}. forward: the network, its loss and
penalties; transform: what a method does to gradients; rest: the engine's own work. An evaluation counts as often as
the task's cadence has it. Nothing was kept."""


def print_profiles(plan: "Plan") -> None:
    """Milliseconds of a seed's epoch and the share of each phase; PluginError for a cell that cannot be trained."""
    from grokbench import pipeline
    from grokbench.records import Profile
    from grokbench.tables import table

    rows, phases = [], [""]
    for job, event in pipeline.profiles(plan):
        cell = job.cells[0]
        click.echo(f"measured {cell.task} / {cell.regularizer}", err=True)
        if not isinstance(event, Profile):
            raise PluginError(f"{cell.task} / {cell.regularizer} cannot be trained:\n{getattr(event, 'error', '')}")
        rows.append(_row(event))
        phases = list(event.seconds)
    click.echo(table(rows, ["task", "regularizer", "seeds", "ms", *phases]))
    click.echo(LEGEND.format(device=plan.devices[0]))


def _row(profile: "Profile") -> list[object]:
    shares = [f"{profile.share(phase):.0%}" for phase in profile.seconds]
    return [profile.cell.task, profile.cell.regularizer, profile.replicas, f"{1e3 * profile.total:.2f}", *shares]
