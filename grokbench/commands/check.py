"""The command that checks a plugin: `check`."""

import os
import shutil
import sys
from collections.abc import Callable

import click

from grokbench.commands.completion import names_or_files
from grokbench.commands.options import PLUGINS
from grokbench.commands.output import echo, replace_line

__all__ = ["check"]


@click.command()
@click.argument("plugin", metavar="NAME|FILE", shell_complete=names_or_files)
@PLUGINS
@click.option("--format", "style", default="text", show_default=True, type=click.Choice(["text", "markdown"]))
@click.option("--verbose", is_flag=True, help="Print a line for every check, including those that passed.")
def check(plugin: str, plugins: tuple[str, ...], style: str, verbose: bool) -> None:
    """Run the conformance checks on a plugin.

    NAME is a task, regularizer, metric or observer. FILE is a plugin file; all plugins in it are checked. The format
    markdown is a summary for a pull request. A hint reports behaviour that may be intended. The exit status is 1 if a
    check failed.
    """
    from grokbench.commands.plugins import warn_of_broken
    from grokbench.conformance.report import report
    from grokbench.conformance.targets import find

    registry, found = find(plugin, plugins)
    warn_of_broken(registry)
    failures, tell = 0, _progress()
    for line, failed in report(registry, found, style, verbose, tell):
        tell("")
        echo(line, fg="red" if failed and style == "text" else None)
        failures += failed
    sys.exit(1 if failures else 0)


def _progress() -> Callable[[str], None]:
    """Return a function that replaces the last line on a terminal by the given text."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return lambda text: None
    width = shutil.get_terminal_size().columns - 1
    return lambda text: replace_line(text[:width])
