"""The command that checks a plugin: `check`."""

import sys

import click

from grokbench.commands.completion import names_or_files
from grokbench.commands.options import PLUGINS

__all__ = ["check"]


@click.command()
@click.argument("plugin", metavar="NAME|FILE", shell_complete=names_or_files)
@PLUGINS
@click.option("--format", "style", default="text", show_default=True, type=click.Choice(["text", "markdown"]))
def check(plugin: str, plugins: tuple[str, ...], style: str) -> None:
    """Check a plugin by every question of the conformance tests.

    NAME is a task, regularizer, metric or observer; FILE is a plugin file, all of whose plugins are checked. The format
    markdown is a summary for a pull request. The exit status is 1 if a question failed.
    """
    from grokbench.commands.plugins import warn_of_broken
    from grokbench.conformance.report import report
    from grokbench.conformance.targets import find

    registry, found = find(plugin, plugins)
    warn_of_broken(registry)
    failures = 0
    for line, failed in report(registry, found, style):
        click.secho(line, fg="red" if failed and style == "text" else None)
        failures += failed
    sys.exit(1 if failures else 0)
