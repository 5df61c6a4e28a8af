"""`grokbench data`: the status of data sets, and downloads."""

import click

from grokbench.commands.completion import data_sets
from grokbench.commands.output import echo

__all__ = ["data"]


@click.group()
def data() -> None:
    """Show the data sets of the shipped tasks, or download one."""


@data.command("status")
def data_status() -> None:
    """Show which data sets are present, whether they are the published ones, and how to get the others."""
    from grokbench.data import condition, status

    for each in status():
        word, remark = condition(each)
        echo(f"{each.name}: {word} in {each.folder}")
        for file in each.missing:
            echo(f"  missing: {file}")
        if remark:
            echo(f"  {remark}")


@data.command("fetch")
@click.argument("name", shell_complete=data_sets)
def data_fetch(name: str) -> None:
    """Download the data set NAME, unless it is present, and verify it."""
    from grokbench.data import fetch

    echo(f"{name}: {fetch(name)}")
