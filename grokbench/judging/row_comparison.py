"""A row of a leaderboard compared with a row other than the baseline."""

from dataclasses import dataclass, field, fields
from typing import Any

from grokbench.judging.note import Note
from grokbench.records import Statistics
from grokbench.text.numbers import known_bound, to_print

__all__ = ["RowComparison", "end_to_print"]


@dataclass(frozen=True, kw_only=True)
class RowComparison:
    """A row compared with a row other than the baseline; `Row` explains the fields that both records have.

    Attributes:
        other: the label of the other method; its key in JSON is `with`.
        speedup: the speed-up over the other row; None if the two cannot be compared.
        speedup_low: lower end of its interval.
        speedup_high: upper end of its interval.
        speedup_bound: "lower", "upper", "mixed" or None, see `Row`.
        speedup_valid_end: the number to print, see `Row`.
        speedup_of_means: mean time of the other row / mean time of this row.
        deciding_test: the test that decides, see `Row`.
        p: the p of the deciding test.
        speedup_of_means_low: lower end of the 95% interval of `speedup_of_means`.
        speedup_of_means_high: upper end of the 95% interval of `speedup_of_means`.
        p_holm: `p` after Holm's correction over all comparisons of the family.
        p_sequential: `p` adjusted for the declared looks, before Holm's correction; None without looks.
        family: the number of the family of comparisons, see `Row`.
        effect_size: d_z of the log ratios.
        superiority: share of seeds on which the method groks before the other; a tie counts half.
        note: a sentence that states the result.
    """

    other: str
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    speedup_bound: str | None = None
    speedup_valid_end: float | None = field(init=False)
    speedup_of_means: float | None = None
    deciding_test: str | None = None
    speedup_of_means_low: float | None = None
    speedup_of_means_high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_sequential: float | None = None
    family: int | None = None
    effect_size: float | None = None
    superiority: float | None = None
    note: Note

    def __post_init__(self) -> None:
        """Set the valid end, which is the number to print."""
        object.__setattr__(self, "speedup_valid_end", end_to_print(self, "speedup"))

    def deciding_p(self, statistics: Statistics) -> float | None:
        """Select the p that decides significance."""
        adjusted = self.p_holm if statistics.correction == "holm" else self.p_sequential
        return statistics.deciding(self.p, adjusted)

    @property
    def shown(self) -> float | None:
        """The speed-up to show, as in `Row`."""
        return self.speedup if self.speedup_valid_end is None else self.speedup_valid_end

    @property
    def shown_bound(self) -> str | None:
        """The kind of bound of the shown speed-up, as in `Row`."""
        return known_bound(self.speedup_low, self.speedup_high, self.speedup_bound)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The text of the note."""
        return (self.note.text,)

    def significant(self, statistics: Statistics) -> bool:
        """Return whether the p that decides is at most alpha."""
        p = self.deciding_p(statistics)
        return p is not None and p <= statistics.alpha

    def as_dict(self) -> dict[str, Any]:
        """Convert the comparison to JSON data."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "other"}
        return {"with": self.other} | values | {"note": self.note.text}


def end_to_print(row: Any, name: str) -> float | None:
    """Choose the number to print for a ratio; None if there is no ratio, or if no end of its interval holds.

    Args:
        row: a record with the ratio; the fields with its ends and its bound have the name of the ratio as prefix.
        name: the name of the ratio.
    """
    return to_print(*(getattr(row, f"{name}{part}") for part in ("", "_low", "_high", "_bound")))
