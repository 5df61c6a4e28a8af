"""The places of a task's rows by each crossing that can count as grokking, and notes on rows whose place differs."""

from collections.abc import Sequence
from dataclasses import replace

from grokbench.judging.note import Kind, Note, caution
from grokbench.judging.row import Row
from grokbench.text.lists import listed, plural
from grokbench.text.numbers import times

__all__ = ["with_places"]

ENDPOINTS = {  # attribute of a row, a mean time -> the name of its crossing
    "first_mean": "the first crossing",
    "lasting_mean": "lasting grokking",
    "strict_mean": "its strict version, every evaluation",
}
SAME = 1e-9  # means that differ by at most this share count as equal, because of rounding


def with_places(rows: Sequence[Row], baseline: str) -> list[Row]:
    """Add a note to every row whose place in its task depends on the crossing that counts as grokking.

    Places follow the restricted means. Incomplete rows, and rows of tasks that do not stop by `{hold: H}`, have none.

    Args:
        rows: the rows of all tasks, in any order.
        baseline: the label of the method with which the others are compared.
    """
    notes = {id(row): note for task in {row.task for row in rows} for row, note in _notes(rows, task, baseline)}
    return [replace(row, notes=(*row.notes, notes[id(row)])) if id(row) in notes else row for row in rows]


def _notes(rows: Sequence[Row], task: str, baseline: str) -> list[tuple[Row, Note]]:
    ranked = [row for row in rows if row.task == task and _complete(row)]
    plain = next((row for row in ranked if row.regularizer == baseline), None)
    return [(row, _note(row, places, plain)) for row, places in _places(ranked) if len(set(places)) > 1]


def _places(ranked: Sequence[Row]) -> list[tuple[Row, tuple[int, ...]]]:
    """Return the place of every row by each of ENDPOINTS: 1 + the number of rows with a smaller mean."""
    means = {name: [getattr(row, name) for row in ranked] for name in ENDPOINTS}
    return [
        (row, tuple(1 + sum(mean < getattr(row, name) * (1 - SAME) for mean in means[name]) for name in ENDPOINTS))
        for row in ranked
    ]


def _complete(row: Row) -> bool:
    done = row.grokked + row.censored + row.diverged
    return done == row.seeds > 0 and all(getattr(row, name) is not None for name in ENDPOINTS)


def _note(row: Row, places: tuple[int, ...], plain: Row | None) -> Note:
    ranks = [f"{place} by {what}" for place, what in zip(places, ENDPOINTS.values(), strict=True)]
    ratios = [ratio for name in ENDPOINTS if (ratio := _ratio(plain, row, name)) is not None]
    text = f"its rank by mean epochs depends on what counts as grokking: {listed(ranks)}"
    text += f"; ratios of means {listed(map(times, ratios))}" if ratios else ""
    if unknown := (row.lasting or 0) - (row.strict or 0):
        ended = f"training of {plural(unknown, 'seed')} ended before a strict crossing"
        text += f"; {ended}, so the last ratio is an upper bound"
    return caution(Kind.PLACE_DIFFERS, text, row.task, row.regularizer, *places, unknown)


def _ratio(plain: Row | None, row: Row, name: str) -> float | None:
    """Compute the baseline's mean time / the row's."""
    if plain is None or plain is row or not getattr(row, name):
        return None
    return float(getattr(plain, name) / getattr(row, name))
