"""A note: one remark on a row of a leaderboard, as a record. Only people read the sentence in it.

Programs select, share, count and place notes by kind, severity and facts, so rewording a sentence changes nothing else.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Kind", "Note", "Severity", "caution", "info"]


class Kind(StrEnum):
    """The subject of a note."""

    # the replicas of a cell
    BASELINE = "baseline"
    SKIPPED = "skipped"
    INCOMPLETE = "incomplete"
    ALL_GROKKED = "all_grokked"
    SOME_GROKKED = "some_grokked"
    NONE_GROKKED = "none_grokked"
    DIVERGED = "diverged"
    GROKKED_AT_START = "grokked_at_start"
    BELOW_AGAIN = "below_again"
    LOST = "lost"
    NOT_FINITE_AFTER = "not_finite_after"
    PLACE_DIFFERS = "place_differs"
    NO_DELAY = "no_delay"
    EXECUTOR = "executor"
    PRIVILEGES = "privileges"
    UNVERIFIED_DATA = "unverified_data"
    RECIPE = "recipe"
    IDENTICAL = "identical"
    # the task
    COARSE_CADENCE = "coarse_cadence"
    HARDLY_DELAYED = "hardly_delayed"
    # the comparison with the baseline
    NOT_COMPARED = "not_compared"
    NO_SPEEDUP = "no_speedup"
    NO_P = "no_p"
    SIGNIFICANCE = "significance"
    FAILURES = "failures"
    BOUND = "bound"
    COMPARED_TO = "compared_to"
    EQUIVALENCE = "equivalence"
    SIMULTANEOUS = "simultaneous"
    TOO_FEW_SEEDS = "too_few_seeds"
    SKEWED = "skewed"
    PUBLISHED_VERDICT = "published_verdict"
    PUBLISHED_METRIC = "published_metric"
    # the family of a comparison, and its looks
    PART_OF_SEEDS = "part_of_seeds"
    LOOKED_BEFORE = "looked_before"
    CHANGED_AFTER_LOOK = "changed_after_look"
    LATER_FAMILY = "later_family"
    WITHDRAWN = "withdrawn"
    COUNTED_ONCE = "counted_once"
    COPY_OF_BASELINE = "copy_of_baseline"
    DECIDED_AT_LOOK = "decided_at_look"
    STOPPED_AT_LOOK = "stopped_at_look"
    # the origin of runs and timings
    PROVENANCE_DIFFERS = "provenance_differs"
    REFERENCE = "reference"
    ENVIRONMENT_DIFFERS = "environment_differs"
    COORDINATES_DIFFER = "coordinates_differ"
    CLOCKS_DIFFER = "clocks_differ"
    TIME_UNCERTAIN = "time_uncertain"
    TIME_REFUSED = "time_refused"
    # the power of a cell's test
    TOO_FEW_PAIRS = "too_few_pairs"
    SPREAD_UNDERSTATED = "spread_understated"
    BEYOND_MOST_SEEDS = "beyond_most_seeds"
    # the comparison of two folders
    FOLDERS_DIFFER = "folders_differ"
    CELLS_DIFFER = "cells_differ"
    SEEDS_DIFFER = "seeds_differ"
    UNFINISHED = "unfinished"


class Severity(StrEnum):
    """The importance of a note to a reader."""

    INFO = "info"
    CAUTION = "caution"  # a reader who does not know this can misread the numbers of the row


@dataclass(frozen=True)
class Note:
    """One remark. Two notes that differ only in wording are equal.

    Attributes:
        kind: the subject of the note.
        severity: the weight of the note.
        facts: the values in the sentence; all notes of a kind have them in the same order.
        text: the sentence, without a capital and a full stop.
    """

    kind: Kind
    severity: Severity
    facts: tuple[Hashable, ...]
    text: str = field(compare=False)

    def __str__(self) -> str:
        """The sentence."""
        return self.text


def info(kind: Kind, text: str, *facts: Hashable) -> Note:
    """Make a note that informs.

    Args:
        kind: the subject of the note.
        text: the sentence, without a capital and a full stop.
        *facts: the values in the sentence; all notes of a kind have them in the same order.
    """
    return Note(kind, Severity.INFO, facts, text)


def caution(kind: Kind, text: str, *facts: Hashable) -> Note:
    """Make a note that warns.

    Args:
        kind: the subject of the note.
        text: the sentence, without a capital and a full stop.
        *facts: the values in the sentence; all notes of a kind have them in the same order.
    """
    return Note(kind, Severity.CAUTION, facts, text)
