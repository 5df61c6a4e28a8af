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
    """Train the suites NAMES, all by default, and judge the claims that they bear on.

    A claim that holds on the committed results must hold on the cut-down suite too, or the exit status is 1. Claims
    without committed results are printed only. An interrupted command goes on where it was.
    """
    broken = [text for name in names or REDUCED for text in _checked(name, Path(out))]
    if broken:
        raise click.ClickException("claims that the committed results support do not hold: " + "; ".join(broken))


def _checked(name: str, out: Path) -> Iterator[str]:
    """Train a suite, print what becomes of its claims, and yield those that should hold and do not."""
    folder = trained(name, out)
    for item, claim in claims_of(name):
        said, wrong = verdict(claim, Results(folder), (Results(each) for each in folders(item, RESULTS).values()))
        click.echo(f"{item.name}, {claim.text}: {said}")
        if wrong:
            yield f"{item.name}, {claim.text}"


def trained(name: str, out: Path) -> Path:
    """Train a cut-down suite, unless that was done, and return its results folder."""
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
        committed: committed results, of which the first that has what the claim is about decides whether it must hold.

    Returns:
        A text, and whether the claim holds on the committed results but not on the cut-down suite.
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
