"""Published and ours side by side, from `results/paper`: `python -m tests.reproduction_table` prints it."""

from pathlib import Path

from tabulate import tabulate

from grokbench import pipeline
from grokbench.leaderboard import Leaderboard, Row
from grokbench.notes import BOUND_SIGN, number
from grokbench.store import Store

PAPER = Path(__file__).parents[1] / "results" / "paper"
HEADERS = ("task", "method", "epochs, paper", "epochs, ours", "speed-up, paper", "speed-up, ours", "Holm p", "verdict")


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


def _or_dash(value: float | None) -> str:
    return "-" if value is None else number(value)


if __name__ == "__main__":
    print(table(board()))
