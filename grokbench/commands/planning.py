"""The command about a suite that is yet to be run, or run again: `power`."""

import click

__all__ = ["power"]

FORMATS = ("table", "markdown", "json")  # those of `power_report`


@click.command()
@click.argument("suite")
@click.option("--out", metavar="DIR", help="Results to take the spread from.  [default: runs/<suite>]")
@click.option(
    "--speedup", default=1.1, show_default=True, type=click.FloatRange(min=1, min_open=True), help="To be detected."
)
@click.option(
    "--power",
    "wanted",
    default=0.8,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="How often it must be detected.",
)
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
def power(suite: str, out: str | None, speedup: float, wanted: float, style: str) -> None:
    """Say how many paired seeds each cell of a suite needs, from the spread in a results folder of it.

    A few seeds below 1000 are enough to plan with: `grokbench run SUITE --seeds 0-7 --out DIR` makes such a folder.
    """
    from grokbench import pipeline
    from grokbench.power import Aim, needs
    from grokbench.power_report import render
    from grokbench.suite import load_suite

    plan = load_suite(suite)
    found = pipeline.compared(plan, out)
    aim = Aim(speedup, wanted, len(plan.seeds), plan.comparisons, plan.statistics.alpha)
    click.echo(render(list(needs(found, aim)), aim, style))
