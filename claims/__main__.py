"""`python -m claims`: train the cut-down suites and judge the claims on them."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from claims.evidence import Missing, Results
from claims.page import RESULTS, folders
from claims.paper import ITEMS, Claim, Item
from claims.reduced import REDUCED, write


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(list(REDUCED)))
@click.option("--out", default="runs/claims", show_default=True, help="The folder of the suites and their results.")
def main(names: tuple[str, ...], out: str) -> None:
    """Train the suites NAMES, by default all, and judge their claims.

    A claim that holds on the committed results must hold on the cut-down suite too; otherwise the exit status is 1.
    Claims without committed results are only printed. After an interruption, the same command resumes.
    """
    broken = [text for name in names or REDUCED for text in _checked(name, Path(out))]
    if broken:
        raise click.ClickException("claims that the committed results support do not hold: " + "; ".join(broken))


def _checked(name: str, out: Path) -> Iterator[str]:
    """Train a suite, print the judgement of each of its claims, and yield the claims that should hold but do not."""
    folder = trained(name, out)
    for item, claim in claims_of(name):
        said, wrong = verdict(claim, Results(folder), (Results(each) for each in folders(item, RESULTS).values()))
        click.echo(f"{item.name}, {claim.text}: {said}")
        if wrong:
            yield f"{item.name}, {claim.text}"


def trained(name: str, out: Path) -> Path:
    """Train what is missing of a cut-down suite, and return its results folder."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "grokbench", "run", str(write(name, out)), "--out", str(out / name)]
    subprocess.run(command, check=True)
    return out / name


def claims_of(name: str) -> Iterator[tuple[Item, Claim]]:
    """Yield the claims that are judged on a cut-down suite."""
    return ((item, claim) for item in ITEMS for claim in item.claims if claim.reduced == name)


def verdict(claim: Claim, reduced: Results, committed: Iterable[Results]) -> tuple[str, bool]:
    """Judge a claim on a cut-down suite.

    Args:
        claim: the claim.
        reduced: the results of the cut-down suite.
        committed: committed results; the first on which the claim can be judged decides whether it must hold.

    Returns:
        A text, and True if the claim fails on the cut-down suite: it cannot be judged there, or it holds on the
        committed results only.
    """
    try:
        judged = claim.judge(reduced)
    except Missing as error:
        return f"cannot be judged: {error}", True
    held = "holds" if judged.holds else "does not hold"
    for results in committed:
        try:
            expected = claim.judge(results).holds
        except Missing:
            continue
        known = "holds" if expected else "does not hold"
        return f"{held} ({judged.said}); on the committed results it {known}", expected and not judged.holds
    return f"{held} ({judged.said}); not asserted, without committed results", False


if __name__ == "__main__":
    main()
