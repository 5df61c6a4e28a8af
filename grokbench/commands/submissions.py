"""`grokbench prepare-submission` and `grokbench check-submission`: rows for the open leaderboard."""

import sys
from pathlib import Path

import click

from grokbench.commands.completion import files, folders, suites
from grokbench.commands.output import echo
from grokbench.text.escape import printable, printable_lines

__all__ = ["check_submission", "prepare_submission"]


@click.command("prepare-submission")
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--out", metavar="FOLDER", help="The new folder.  [default: submissions/<suite>]", shell_complete=folders)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="FILE",
    help="A plugin file that made the runs; it becomes part of the submission; repeatable.",
    shell_complete=files,
)
def prepare_submission(directory: str, out: str | None, plugins: tuple[str, ...]) -> None:
    """Check a packed folder, and write the folder and the text of a pull request.

    Refused are files that do not fit the schema of submissions, paths and names of users and hosts, incomplete rows,
    and outcomes that contradict their curves.
    """
    from grokbench.io import atomic
    from grokbench.store import Store
    from grokbench.store.layout import NAME
    from grokbench.submissions.folder import BODY
    from grokbench.submissions.preparing import prepare

    prepared = prepare(Path(directory), [Path(plugin) for plugin in plugins])
    if prepared.faults:
        for sentence in prepared.faults:
            echo(f"Error: {printable(sentence)}", err=True)
        sys.exit(1)
    suite = Store.load(directory).manifest.suite
    if out is None and not NAME.fullmatch(suite):
        raise click.UsageError(f"The suite's name, {suite!r}, cannot name a folder: choose one with --out.")
    target = Path("submissions", suite) if out is None else Path(out)
    atomic.write_folder(target, prepared.files, within=Path() if out is None else None)
    size = sum(map(len, prepared.files.values())) / 2**20
    echo(f"{len(prepared.files)} files, {size:.1f} MB in {target}.")
    echo(
        f"Answer the questions in {target / BODY}, which is the text of the pull request, and see docs/submissions.md."
    )


@click.command("check-submission")
@click.argument("directory", metavar="DIR", shell_complete=folders)
@click.option("--base", metavar="COMMIT", required=True, help="The base commit; the folder and it determine the draw.")
@click.option(
    "--suite",
    metavar="SUITE",
    help="The suite.  [default: the shipped suite that the folder names]",
    shell_complete=suites,
)
@click.option(
    "--reference",
    metavar="DIR",
    help="The committed results at the base commit.  [default: results/<suite>, if there is one]",
    shell_complete=folders,
)
@click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="A plugin file; repeatable.", shell_complete=files
)
@click.option(
    "--draws", type=click.IntRange(min=1, max=1000), default=12, show_default=True, help="Replicas to train again."
)
def check_submission(
    directory: str, base: str, suite: str | None, reference: str | None, plugins: tuple[str, ...], draws: int
) -> None:
    """Check a submission as a pull request is checked, and train some of its replicas again.

    The exit status is 1 if the submission is refused; every reason is printed.
    """
    from grokbench.submissions.checking import PullRequest, check, committed

    there = Path(reference) if reference else committed(Path(directory))
    reasons = 0
    for finding in check(PullRequest(Path(directory), base, suite, plugins, there, draws)):
        echo(f"{'Refused: ' if finding.refused else ''}{printable_lines(finding.text)}")
        reasons += finding.refused
    if reasons:
        echo(f"The submission is refused for {reasons} reason{'s' * (reasons > 1)}.", err=True)
        sys.exit(1)
    echo("The submission passes.")
