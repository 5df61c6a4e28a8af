"""Options shared by several commands."""

from math import isnan
from typing import Any

import click

from grokbench.commands.completion import files, methods

__all__ = ["LIMITS", "METHODS", "PLUGINS", "UNVERIFIED_DATA", "Seconds"]


class Seconds(click.FloatRange):
    """A number of seconds within a range. nan is refused, although click's ranges accept it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number; see `click.ParamType`."""
        found = super().convert(value, param, ctx)
        if isnan(found):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return found


PLUGINS = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.", shell_complete=files
)
LIMITS = (
    click.option(
        "--stall-timeout",
        type=Seconds(min=1),
        metavar="S",
        help="Seconds without progress after which a group starts again; at its third attempt it fails.  "
        "[default: 1800, or 20 times the group's longest pause so far]",
    ),
    click.option(
        "--cell-timeout",
        type=Seconds(min=1),
        metavar="S",
        help="Seconds that a cell may train; then it fails and leaves a checkpoint.  [default: no limit]",
    ),
)
METHODS = click.option(
    "--with",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Add a method: its name, or an entry of a suite such as 'half: {use: grokalign, strength: 0.5}'; repeatable.",
    shell_complete=methods,
)
UNVERIFIED_DATA = click.option(
    "--unverified-data",
    multiple=True,
    metavar="NAME",
    help="Accept a data set, mnist or cifar10, that is not the published one; the leaderboard says so; repeatable.",
)
