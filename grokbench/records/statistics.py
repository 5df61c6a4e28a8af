"""The statistics of a suite: tests, correction, levels and looks."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from grokbench.records.bounds import Count

__all__ = ["MOST_LOOKS", "Statistics"]

MOST_LOOKS = 100  # the boundaries of so many take seconds

CHOICES = {
    "primary": ("sign_flip", "paired_t", "wilcoxon", "logrank"),
    "correction": ("holm", "none"),
    "rank_by": ("first", "lasting"),
}


@dataclass(frozen=True)
class Statistics:
    """The comparison of a suite's cells with its baseline.

    Attributes:
        primary: the test behind `p_holm`: "sign_flip", "paired_t", "wilcoxon" or "logrank".
        correction: "holm" or "none".
        alpha: level of the test.
        confidence: of intervals.
        rank_by: the crossing that is a replica's time: "first", or "lasting" where every task holds.
        equivalence: the margin within which a ratio counts as no effect, such as 0.05 for 5%. None: not tested.
        interim_looks: numbers of seeds, ascending, at which a group-sequential design tests; the last is the suite's
            full number. Empty for one test at the end.

    Raises:
        ValueError: the looks are not ascending numbers of seeds, or another field has no meaning.
    """

    primary: str = "sign_flip"
    correction: str = "holm"
    alpha: float = 0.05
    confidence: float = 0.95
    rank_by: str = "first"
    equivalence: float | None = None
    interim_looks: Annotated[tuple[Count, ...], Field(max_length=MOST_LOOKS)] = ()

    def __post_init__(self) -> None:
        """Refuse statistics that cannot be computed: a file may have been edited."""
        looks = (0, *self.interim_looks)
        if any(one >= other for one, other in pairwise(looks)):
            raise ValueError(f"interim_looks {self.interim_looks}")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r}, expected one of {', '.join(allowed)}")
        shares = (self.alpha, self.confidence, *([] if self.equivalence is None else [self.equivalence]))
        if not all(0 < share < 1 for share in shares):
            raise ValueError("alpha, confidence and equivalence lie between 0 and 1")

    def tests(self, comparisons: int) -> int:
        """Count the tests a p is corrected for: with Holm all planned comparisons, without a correction its own."""
        return comparisons if self.correction == "holm" else 1

    def deciding(self, primary: float | None, adjusted: float | None) -> float | None:
        """Select the p that decides significance: the adjusted one, or without any adjustment that of the primary test.

        Args:
            primary: p of the primary test.
            adjusted: that p adjusted for looks, if the suite has any, and by Holm, if it corrects; None without either.
        """
        return adjusted if self.adjusts else primary

    @property
    def adjusts(self) -> bool:
        """True if the p of the primary test does not decide by itself."""
        return self.correction == "holm" or bool(self.interim_looks)

    @property
    def name_of_p(self) -> str:
        """The name of that p in a sentence."""
        if self.correction == "holm":
            return "Holm p"
        return "sequential p" if self.interim_looks else "uncorrected p"
