"""The page docs/leaderboard.md, made from the folders below `results/`: `python -m claims.leaderboard` writes it."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from claims.board import Board
from claims.markdown import between_marks, table
from claims.page import RESULTS, ROOT
from claims.reported import overview, sections
from claims.standings import leaders, placebo, standings, tuning
from claims.verdicts import OVER_TASKS, PER_TASK, Verdict

__all__ = ["MODULE", "PAGE", "SUITES", "digest", "made"]

MODULE = "claims.leaderboard"
PAGE = ROOT / "docs" / "leaderboard.md"
SUITES = ("accelerators", "accelerators-tuned")


def made(results: Path = RESULTS) -> str:
    """Return the part of the page that is made from results.

    Args:
        results: the folder with the results folders of SUITES; either may be missing.
    """
    boards = {name: Board(name, results) for name in SUITES}
    untuned, tuned = boards.values()
    return "\n\n".join(
        [
            "## The fastest methods",
            "With the settings of the literature:",
            leaders(untuned),
            "Tuned:",
            leaders(tuned),
            "## Verdicts on claims of the literature",
            overview(boards),
            "On one task, the first rule that applies decides. An end of an interval that seeds without grokking make "
            "invalid counts as 0, or as infinite:",
            _rules(PER_TASK),
            "Over the tasks that decide:",
            _rules(OVER_TASKS),
            "## Settings of the literature",
            *standings(untuned),
            "## Tuned settings",
            *standings(tuned),
            "## What tuning changes",
            *tuning(untuned, tuned),
            "## The placebo",
            placebo((untuned, tuned)),
            "## Claim by claim",
            *sections(boards),
            f"<!-- inputs: {digest(results)} -->",
        ]
    )


def digest(results: Path = RESULTS) -> str:
    """Return the sha256 of all files that the page is made from, as far as they exist; figures are not among them."""
    files = [file for name in SUITES for file in sorted((results / name).rglob("*")) if file.is_file()]
    kept = [file for file in files if "figures" not in file.parts and file.suffix in (".json", ".jsonl")]
    parts = [f"{file.relative_to(results).as_posix()} {sha256(file.read_bytes()).hexdigest()}" for file in kept]
    return sha256("\n".join(parts).encode()).hexdigest()


def _rules(rules: Mapping[Verdict, str]) -> str:
    return table(("verdict", "rule"), [[f"*{verdict}*", text] for verdict, text in rules.items()])


if __name__ == "__main__":
    PAGE.write_text(between_marks(PAGE.read_text(encoding="utf-8"), made(), MODULE), encoding="utf-8")
