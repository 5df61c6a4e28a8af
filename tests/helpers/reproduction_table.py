"""Tables 1 and 4, published and ours, made from `results/paper`.

`python -m tests.helpers.reproduction_table` prints them.
"""

from pathlib import Path

from tabulate import tabulate

from grokbench.judging.comparison import Comparison, Comparisons, compare
from grokbench.judging.ranking import Row, rank
from grokbench.judging.seconds import Cost, costs
from grokbench.report.text.seconds import estimate
from grokbench.store import Store
from grokbench.text.numbers import NOTHING, figure, interval, ratio

PAPER = Path(__file__).parents[2] / "results" / "paper"
EPOCHS = ("task", "method", "epochs, paper", "epochs, ours", "ratio, paper", "ratio, ours [95%]", "Holm p", "verdict")
OVERHEADS = ("overhead, paper", "overhead, ours [95%]")
SECONDS = ("task", "method", "s/epoch", *OVERHEADS, "time ratio, paper", "time ratio, ours [95%]")


def compared() -> Comparisons:
    """The committed results."""
    store = Store.load(PAPER)
    return compare(store.manifest, store.runs(), store.timings())


def table(found: Comparisons) -> str:
    """A line for every cell that was run; epochs are means, ratios those of the means."""
    rows = {(row.task, row.regularizer): row for row in rank(found).rows}
    cells = [each for each in found.cells if each.measured.finished]
    lines = [_line(rows[each.measured.cell.task, each.measured.cell.regularizer], each) for each in cells]
    align = ("left", "left", *["right"] * 5, "left")
    return tabulate(lines, EPOCHS, tablefmt="pipe", disable_numparse=True, colalign=align)


def _line(row: Row, each: Comparison) -> list[str]:
    missed = "" if row.grokked == row.seeds else f" ({row.grokked} of {row.seeds} grok)"
    ours = each.effect
    return [
        row.task,
        row.regularizer,
        figure(row.published_epochs),
        ("> " if missed and not row.grokked else "") + figure(row.epochs_mean) + missed,
        _ratio(row.published_speedup),
        interval(ours.of_means, ours.of_means_low, ours.of_means_high, ours.bound, unit="") if ours else NOTHING,
        "-" if row.p_holm is None else f"{row.p_holm:.2g}",
        row.verdict.value if row.verdict else "-",
    ]


def seconds_table(found: Comparisons) -> str:
    """A line for every cell that was timed and trained: Table 4."""
    lines = [_seconds_line(cost) for cost in costs(found) if cost.seconds_per_epoch and cost.seconds]
    align = ("left", "left", *["right"] * 5)
    return tabulate(lines, SECONDS, tablefmt="pipe", disable_numparse=True, colalign=align)


def _seconds_line(cost: Cost) -> list[str]:
    return [
        cost.task,
        cost.regularizer,
        figure(cost.seconds_per_epoch and cost.seconds_per_epoch.value),
        _ratio(cost.published_overhead),
        estimate(cost.overhead, unit=""),
        _ratio(cost.published_speedup),
        estimate(cost.speedup, cost.bound, unit=""),
    ]


def _ratio(value: float | None) -> str:
    return NOTHING if value is None else ratio(value)


if __name__ == "__main__":
    print(table(compared()), seconds_table(compared()), sep="\n\n")
