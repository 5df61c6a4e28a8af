"""Tables 1 and 4, published and ours, from `results/paper`: `python -m tests.reproduction_table` prints them."""

from pathlib import Path

from tabulate import tabulate

from grokbench import pipeline
from grokbench.comparison import compare
from grokbench.leaderboard import Leaderboard, Row
from grokbench.notes import BOUND_SIGN, number
from grokbench.seconds import Cost, costs
from grokbench.store import Store

PAPER = Path(__file__).parents[1] / "results" / "paper"
HEADERS = ("task", "method", "epochs, paper", "epochs, ours", "speed-up, paper", "speed-up, ours", "Holm p", "verdict")
SECONDS = (
    *("task", "method", "seconds per epoch", "overhead, paper", "overhead, ours"),
    *("speed-up in time, paper", "speed-up in time, ours"),
)


def board() -> Leaderboard:
    """The committed leaderboard."""
    return pipeline.judge(Store.load(PAPER))


def table(leaderboard: Leaderboard) -> str:
    """A line for every cell that was run; epochs are means, speed-ups ratios of means."""
    lines = [_line(row) for row in leaderboard.rows if row.epochs_mean is not None]
    align = ("left", "left", *["right"] * 5, "left")
    return tabulate(lines, HEADERS, tablefmt="pipe", disable_numparse=True, colalign=align)


def _line(row: Row) -> list[str]:
    bound = BOUND_SIGN[row.speedup_bound]
    return [
        row.task,
        row.regularizer,
        _or_dash(row.published_epochs),
        _or_dash(row.epochs_mean),
        _or_dash(row.published_speedup),
        bound + _or_dash(row.speedup_of_means),
        "-" if row.p_holm is None else f"{row.p_holm:.2g}",
        row.verdict or "-",
    ]


def seconds_table() -> str:
    """A line for every cell with published seconds that was timed: Table 4."""
    store = Store.load(PAPER)
    found = costs(compare(store.manifest, store.runs(), store.timings()))
    lines = [_seconds_line(cost) for cost in found if cost.seconds_per_epoch and cost.published_seconds]
    align = ("left", "left", *["right"] * 5)
    return tabulate(lines, SECONDS, tablefmt="pipe", disable_numparse=True, colalign=align)


def _seconds_line(cost: Cost) -> list[str]:
    return [
        cost.task,
        cost.regularizer,
        _or_dash(cost.seconds_per_epoch and cost.seconds_per_epoch.value),
        _or_dash(cost.published_overhead),
        _or_dash(cost.overhead and cost.overhead.value),
        _or_dash(cost.published_speedup),
        BOUND_SIGN[cost.bound] + _or_dash(cost.speedup and cost.speedup.value),
    ]


def _or_dash(value: float | None) -> str:
    return "-" if value is None else number(value)


if __name__ == "__main__":
    print(table(board()), seconds_table(), sep="\n\n")
