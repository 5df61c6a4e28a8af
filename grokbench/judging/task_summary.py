"""Summaries of tasks: the budget, the cadence, and the baseline's delay, which methods can shorten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grokbench.judging.comparison import Comparison
from grokbench.judging.note import Kind, Note, caution
from grokbench.text.numbers import number

__all__ = ["TaskSummary", "summarize"]

COARSE = 0.02  # share of the fastest median; a longer evaluation interval gets a note
LEAST_DELAY = 2.0  # epochs to grok / epochs to memorise; below this ratio there is hardly a delay to shorten


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One task of a leaderboard.

    Attributes:
        budget: the maximum number of epochs.
        evaluate_every: epochs between evaluations.
        criterion: the criterion of grokking, in words.
        hold: H, the epochs over which grokking has to last. None: it need not last.
        baseline_delay: the baseline's median epochs to grok / its median epochs to memorise. None if one of them is not
            known.
        notes: notes that a reader of the task's rows should know.
    """

    budget: int
    evaluate_every: int
    criterion: str = ""
    hold: int | None = None
    baseline_delay: float | None = None
    notes: tuple[Note, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Convert the summary to JSON data; its notes become sentences."""
        return vars(self) | {"notes": [note.text for note in self.notes]}


def summarize(cells: Sequence[Comparison]) -> TaskSummary:
    """Summarize a task.

    Args:
        cells: all planned cells of the task, at least one.
    """
    cell = cells[0].measured.cell
    delay = next((_delay(each) for each in cells if each.is_baseline), None)
    medians = [median for each in cells if (median := each.measured.median()) is not None]
    return TaskSummary(
        budget=cell.budget,
        evaluate_every=cell.evaluate_every,
        criterion=cell.criterion,
        hold=cell.recipe.hold,
        baseline_delay=delay,
        notes=(*_cadence(cell.evaluate_every, min(medians, default=None)), *_hardly(delay)),
    )


def _delay(baseline: Comparison) -> float | None:
    grokked, memorised = baseline.measured.median(), baseline.measured.memorised()
    return grokked / memorised if grokked is not None and memorised else None


def _cadence(every: int, fastest: float | None) -> Iterator[Note]:
    if fastest is not None and every > COARSE * fastest:
        share = f", {number(100 * every / fastest)}% of the fastest median" if fastest else ""
        epochs = "every epoch" if every == 1 else f"every {every} epochs"
        text = f"evaluated {epochs}{share}: p and intervals are those of the least favourable times in between"
        yield caution(Kind.COARSE_CADENCE, text, every, fastest)


def _hardly(delay: float | None) -> Iterator[Note]:
    if delay is not None and delay < LEAST_DELAY:
        text = f"there is hardly a delay to shorten: the baseline groks at {delay:.3g} times its epochs to memorise"
        yield caution(Kind.HARDLY_DELAYED, text, delay)
