"""Notes that a leaderboard shows only once, naming the rows that they concern, instead of row by row.

Formats for programs keep these notes in every row, because programs may read a single row.
"""

from collections.abc import Iterator

from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.note import Kind, Note, caution
from grokbench.judging.refusals import CAUSE
from grokbench.judging.row_notes import UNSTEADY
from grokbench.text.lists import listed, plural

__all__ = ["COLLECTED", "collected"]

MOST_NAMED = 8  # most rows that are named; the others are counted
COLLECTED = {  # kind -> the sentence about its rows
    Kind.TIME_UNCERTAIN: (
        "time is uncertain by more than {unsteady:.0%} for {rows}: the ratio of seconds per epoch to the baseline's "
        "differed between rounds of timing; see `grokbench seconds`"
    ),
    Kind.TIME_REFUSED: "no seconds per epoch for {rows}: {cause}",
}


def collected(leaderboard: Leaderboard) -> Iterator[Note]:
    """Yield a caution for each kind of note in COLLECTED that at least one row has."""
    for kind, sentence in COLLECTED.items():
        rows = [row for row in leaderboard.rows if any(note.kind is kind for note in row.notes)]
        if rows:
            named = [f"{row.task} / {row.regularizer}" for row in rows]
            shown = listed(named) if len(named) <= MOST_NAMED else plural(len(named), "row")
            yield caution(kind, sentence.format(rows=shown, unsteady=UNSTEADY, cause=CAUSE), *named)
