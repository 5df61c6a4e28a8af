"""`grokbench data`: data sets, where they are and how to get them."""

import click

from grokbench.commands.completion import data_sets

__all__ = ["data"]


@click.group()
def data() -> None:
    """Data sets: where they are, and how to get them."""


@data.command("status")
def data_status() -> None:
    """Say which data sets are there, and which files to put where."""
    from grokbench.data import status

    for each in status():
        click.echo(f"{each.name}: {'present' if each.present else 'missing'} in {each.folder}")
        for file in each.missing:
            click.echo(f"  missing: {file}")
        if not each.present:
            click.echo(f"  {each.how}")


@data.command("fetch")
@click.argument("name", shell_complete=data_sets)
def data_fetch(name: str) -> None:
    """Download a data set, verifying checksums."""
    from grokbench.data import fetch

    click.echo(f"{name}: {fetch(name)}")
