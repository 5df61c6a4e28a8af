"""`grokbench doctor`: check this machine and this installation."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from grokbench.commands.completion import folders
from grokbench.commands.options import PLUGINS
from grokbench.commands.output import echo

if TYPE_CHECKING:
    from grokbench.doctor.finding import Finding

__all__ = ["doctor"]

MARKS = {"ok": ("ok ", "green"), "note": ("-  ", "yellow"), "bad": ("BAD", "red")}


@click.command()
@PLUGINS
@click.option(
    "--out", default="runs", show_default=True, metavar="DIR", help="The results folder.", shell_complete=folders
)
@click.option("--format", "style", default="text", show_default=True, type=click.Choice(["text", "json"]))
def doctor(plugins: tuple[str, ...], out: str, style: str) -> None:
    """Check versions, devices, data and plugins, and whether results can be written.

    The exit status is 1 if something is broken. Missing data is only noted, since a suite may not need it.
    """
    from grokbench.doctor.checks import checkup

    findings = []
    for finding in checkup(plugins, out):
        findings.append(finding)
        if style == "text":
            _print(finding, new=all(each.about != finding.about for each in findings[:-1]))
    bad = sum(finding.state == "bad" for finding in findings)
    if style == "json":
        echo(json.dumps({"sound": not bad, "findings": list(map(asdict, findings))}, indent=2))
    else:
        echo("\nNothing is broken." if not bad else f"\nBroken: {bad}, marked BAD.")
    sys.exit(1 if bad else 0)


def _print(finding: "Finding", new: bool) -> None:
    """Print a finding; before the first finding of a section (`new`), print the section's name."""
    if new:
        echo(finding.about)
    mark, colour = MARKS[finding.state]
    first, *others = _lines(finding)
    echo("  ", nl=False)
    echo(mark, nl=False, fg=colour, bold=finding.state == "bad")
    echo(f" {first}")
    for line in others:
        echo(f"      {line}")


def _lines(finding: "Finding") -> Iterator[str]:
    yield from finding.text.splitlines()
    if finding.remedy:
        yield f"to do: {finding.remedy}"
