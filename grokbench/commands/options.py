"""Options shared by several commands."""

import click

from grokbench.commands.completion import files, methods

__all__ = ["METHODS", "PLUGINS", "UNVERIFIED_DATA"]

PLUGINS = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.", shell_complete=files
)
METHODS = click.option(
    "--with",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Add a method: its name, or an entry as in a suite, 'half: {use: grokalign, strength: 0.5}'; repeatable.",
    shell_complete=methods,
)
UNVERIFIED_DATA = click.option(
    "--unverified-data",
    multiple=True,
    metavar="NAME",
    help="Accept a data set, mnist or cifar10, that is not the published one; rows say so; repeatable.",
)
