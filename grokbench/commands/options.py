"""Options shared by several commands."""

import click

from grokbench.commands.completion import files, methods

__all__ = ["LIMITS", "METHODS", "PLUGINS"]

PLUGINS = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.", shell_complete=files
)
LIMITS = (
    click.option(
        "--stall-timeout",
        type=click.FloatRange(min=1),
        metavar="S",
        help="Seconds without progress after which a group starts again; at its third attempt it fails.  "
        "[default: 1800, or 20 times the group's longest pause so far]",
    ),
    click.option(
        "--cell-timeout",
        type=click.FloatRange(min=1),
        metavar="S",
        help="Seconds that a cell may train; it then fails, with a checkpoint.  [default: no limit]",
    ),
)
METHODS = click.option(
    "--with",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Add a method: its name, or an entry as in a suite, 'half: {use: grokalign, strength: 0.5}'; repeatable.",
    shell_complete=methods,
)
