"""Commands about a results folder: `leaderboard` and `status`."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from grokbench.store import Store

__all__ = ["leaderboard", "print_leaderboard", "status"]

FORMATS = ("table", "markdown", "latex", "csv", "json")  # those of `report`, which takes long to import


@click.command()
@click.argument("directory", metavar="DIR")
@click.option("--format", "style", default="table", show_default=True, type=click.Choice(FORMATS))
def leaderboard(directory: str, style: str) -> None:
    """Print the leaderboard of a results folder."""
    from grokbench.store import Store

    print_leaderboard(Store.load(directory), style)


def print_leaderboard(store: "Store", style: str) -> None:
    """Print it, and which files of the folder are damaged."""
    from grokbench import pipeline
    from grokbench.report import render

    click.echo(render(pipeline.judge(store), style))
    for name in store.damaged:
        click.echo(f"Warning: {name} is damaged and counts as missing; `grokbench run` trains it again.", err=True)


@click.command()
@click.argument("directory", metavar="DIR")
def status(directory: str) -> None:
    """Say how much of a results folder is done, what is left, and whether a process is writing to it."""
    from grokbench.store import Store
    from grokbench.survey import survey

    for line in survey(Store.load(directory)):
        click.echo(line)
