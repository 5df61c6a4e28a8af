"""The tables of docs/paper.md, made from the folders below `results/`: `python -m claims.page` writes them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from claims.evidence import Missing, Results
from claims.markdown import between_marks, table
from claims.paper import ITEMS, THEOREMS, Claim, Item, Theorem
from grokbench.suite import load_suite
from grokbench.text.lists import plural

__all__ = ["NOT_RUN", "PAGE", "RESULTS", "folders", "picture", "tables"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "paper.md"
RESULTS = ROOT / "results"
NOT_RUN = "*not run*"
FIGURES = ("", "shows", "commands", "run", "claim", "outcome", "figure")
STATEMENTS = ("", "says", "outcome", "tests")


def folders(item: Item, results: Path = RESULTS) -> dict[str, Path]:
    """Map each suite of an item that has a results folder to this folder; the suite of the paper's size comes first."""
    return {name: results / name for name in item.suites if (results / name / "manifest.json").exists()}


def tables(results: Path = RESULTS) -> str:
    """Return the two tables, each with its heading."""
    rows = [line for item in ITEMS for line in _lines(item, results)]
    statements = [_statement(theorem) for theorem in THEOREMS]
    parts = [
        "## Figures and tables",
        table(FIGURES, rows),
        "## Theorems, and what alignment costs",
        table(STATEMENTS, statements),
    ]
    return "\n\n".join(parts)


def _lines(item: Item, results: Path) -> Iterator[list[str]]:
    """Yield the cells of a line of the table for every claim of an item, a single line if it has none."""
    found = folders(item, results)
    start = [item.name, item.shows, _commands(item), _ran(item, found)]
    for i, claim in enumerate(item.claims or [None]):
        outcome = "" if claim is None else _outcome(claim, found)
        last = picture(item, found) if i == 0 else ""
        yield [*(start if i == 0 else [""] * 4), claim.text if claim else "", outcome, last]


def _commands(item: Item) -> str:
    suite, *small = item.suites
    run = f"`grokbench run {suite}`" + "".join(f" (or `{name}`)" for name in small)
    shown = f"grokbench plot runs/{suite} {item.plot}" if item.plot else f"grokbench leaderboard runs/{suite}"
    return f"{run}<br>`{shown}`"


def _ran(item: Item, found: dict[str, Path]) -> str:
    """Name the sizes that have been run, with their numbers of seeds."""
    if not found:
        return NOT_RUN
    return "<br>".join(
        f"{'full size' if name == item.suites[0] else 'reduced'}, {_seeds(name, folder)}: `results/{name}`"
        for name, folder in found.items()
    )


def _seeds(name: str, folder: Path) -> str:
    """Count the seeds of a folder, beside those of the suite if the suite has more."""
    seeds, planned = _results(folder).seeds, load_suite(name).seeds
    return plural(len(seeds), "seed") if len(seeds) >= len(planned) else f"{len(seeds)} of {len(planned)} seeds"


@cache
def _results(folder: Path) -> Results:
    return Results(folder)


def _outcome(claim: Claim, found: dict[str, Path]) -> str:
    """Judge a claim on the first folder on which it can be judged."""
    why = NOT_RUN
    for name, folder in found.items():
        try:
            judged = claim.judge(_results(folder))
        except Missing as error:
            why = f"{NOT_RUN} ({error})"
            continue
        size = " (reduced)" if name.endswith("-small") else ""
        return f"**{'held' if judged.holds else 'did not hold'}**{size}: {judged.said}"
    return why


def picture(item: Item, found: dict[str, Path]) -> str:
    """Return a thumbnail of the first plot in the results folders; empty if there is no plot."""
    for name, folder in found.items():
        for file in sorted(folder.glob(f"figures/{item.plot}*.png")) if item.plot else ():
            return f"![{item.name}](../results/{name}/figures/{file.name})"
    return ""


def _statement(theorem: Theorem) -> list[str]:
    named: dict[str, list[str]] = {}
    for test in theorem.tests:
        file, name = test.split("::")
        named.setdefault(file, []).append(name)
    tests = "<br>".join(f"`{file}`: {', '.join(f'`{name}`' for name in names)}" for file, names in named.items())
    return [theorem.name, theorem.says, theorem.outcome, tests]


if __name__ == "__main__":
    PAGE.write_text(between_marks(PAGE.read_text(encoding="utf-8"), tables(), "claims.page"), encoding="utf-8")
