"""Print the epochs to grok of readings, as measured and on the grid of recorded epochs, for docs/open_cells.md.

    python results/readings/outcomes.py results/readings/open_parity [ANOTHER_FOLDER ...]

Epochs are means over seeds with standard deviations; a seed that did not grok counts as its budget. The grid has every
epoch below 100, every 10th below 1,000 and every 100th below 10,000; epochs are rounded up to it. A ratio is that of
the means over the same seeds. The distance is |log(ours / published)| on the grid, with the standard error of
log(ours). It compares mean epochs for a baseline, and ratios for a method.
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, stdev

from tabulate import tabulate

from grokbench.records import Cell
from grokbench.store import Store
from grokbench.suite import load_suite

COLUMNS = ("task", "row", "grokked", "epochs", "on the grid", "against", "ratio", "on the grid", "sd of differences",
           "published", "distance")  # fmt: skip
METHODS = {"grokfast_ema": "grokfast", "scaled_loss": "baseline"}  # plugin -> label in the suite `paper`


def on_grid(epoch: int) -> int:
    """Round up to the first recorded epoch."""
    step = 10 ** max(0, len(str(epoch)) - 2)
    return math.ceil(epoch / step) * step


def epochs(store: Store) -> dict[tuple[str, str], list[int]]:
    """Map (task, regularizer) to the epochs of the planned seeds, or the budget; unfinished cells are left out."""
    runs = {(run.identity, run.seed): run for run in store.runs()}
    found = {}
    for cell in store.manifest.cells:
        mine = [runs.get((cell.identity, seed)) for seed in store.manifest.seeds]
        if all(mine):
            found[cell.key] = [cell.budget if run.grokked_at is None else run.grokked_at for run in mine]
    return found


def control(cell: Cell, baseline: str) -> str:
    """Return the label of the row with which a cell is compared: the last of its `compare_to`, else the baseline."""
    return cell.compare_to[-1] if cell.compare_to else baseline


def published(cell: Cell) -> tuple[float | None, float | None]:
    """Return the published mean epochs of the baseline and of the cell's method on its task; None if unknown."""
    task, loss = cell.recipe.task.name, cell.recipe.task.parameters.get("loss")
    label = {"cross_entropy": "mnist_ce", "mse": "mnist_mse"}[str(loss or "cross_entropy")] if task == "mnist" else task
    row = load_suite("paper").published.epochs[label]  # type: ignore[union-attr] - the suite has published numbers
    names = [METHODS.get(use.name, use.name) for use in cell.recipe.regularizers]
    method = next((name for name in names if name != "baseline"), "baseline")
    return row.get("baseline"), row.get(method)  # type: ignore[return-value]


def ratio(theirs: Sequence[float], mine: Sequence[float]) -> tuple[float, float]:
    """Return the ratio of the means of paired epochs, and its standard error by the delta method."""
    found = mean(theirs) / mean(mine)
    parts = [a / mean(theirs) - b / mean(mine) for a, b in zip(theirs, mine, strict=True)]
    return found, found * stdev(parts) / math.sqrt(len(parts))


def distance(ours: float, error: float, theirs: float | None) -> str:
    """Write |log(ours / theirs)| with the standard error of log(ours)."""
    return f"{abs(math.log(ours / theirs)):.3f} ± {error / ours:.3f}" if theirs else "-"


def rows(store: Store) -> Iterator[list[str]]:
    """Yield a line of the table for each finished cell of a folder."""
    found = epochs(store)
    for cell in store.manifest.cells:
        if cell.key in found:
            yield _row(cell, found, control(cell, store.manifest.baseline), store.manifest.baseline)


def _row(cell: Cell, found: Mapping[tuple[str, str], list[int]], other: str, baseline: str) -> list[str]:
    mine, grid = found[cell.key], [on_grid(epoch) for epoch in found[cell.key]]
    base, method = published(cell)
    grokked = sum(epoch < cell.budget for epoch in mine)
    start = [cell.task, cell.regularizer, f"{grokked} of {len(mine)}", _spread(mine), _spread(grid)]
    theirs = found.get((cell.task, other))
    if all(use.name in ("baseline", "scaled_loss") for use in cell.recipe.regularizers):
        error = stdev(grid) / math.sqrt(len(grid))
        return [*start, "-", "-", "-", "-", _number(base), distance(mean(grid), error, base)]
    if theirs is None:
        return [*start, other, "-", "-", "-", _number(method), "-"]
    off, on = ratio(theirs, mine), ratio([on_grid(epoch) for epoch in theirs], grid)
    apart = stdev(a - b for a, b in zip(theirs, mine, strict=True))
    goal = base / method if base and method else None
    shown = "-" if goal is None else f"{goal:.2f}"
    return [*start, other, f"{off[0]:.3g}", f"{on[0]:.3g}", f"{apart:.3g}", shown, distance(*on, goal)]


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.1f} ({stdev(values):.1f})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def table(folder: str) -> str:
    """Return the table of a results folder, packed or not."""
    return tabulate(rows(Store.load(folder)), COLUMNS, tablefmt="pipe", disable_numparse=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(table(name), end="\n\n")
