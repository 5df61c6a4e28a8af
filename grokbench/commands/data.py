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
    """Show which data sets are present, and how to get the others."""
    from grokbench.data import status

    for each in status():
        echo(f"{each.name}: {'present' if each.present else 'missing'} in {each.folder}")
        for file in each.missing:
            echo(f"  missing: {file}")
        if not each.present:
            echo(f"  {each.how}")


@data.command("fetch")
@click.argument("name", shell_complete=data_sets)
def data_fetch(name: str) -> None:
    """Download the data set NAME and verify its checksums."""
    from grokbench.data import fetch

    echo(f"{name}: {fetch(name)}")
