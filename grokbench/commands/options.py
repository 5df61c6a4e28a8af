"""Options that several commands share."""

import click

__all__ = ["METHODS", "PLUGINS"]

PLUGINS = click.option("--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.")
METHODS = click.option(
    "--with",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Also this method: its name, or an entry as in a suite, 'half: {use: grokalign, strength: 0.5}'; repeatable.",
)
