"""The statistics of a suite: tests, correction, levels and looks."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from grokbench.records.bounds import Count

__all__ = ["MOST_LOOKS", "Statistics"]

MOST_LOOKS = 100  # most looks; computing the boundaries of this many takes seconds

CHOICES = {
    "primary": ("sign_flip", "paired_t", "wilcoxon", "logrank"),
    "correction": ("holm", "none"),
    "rank_by": ("first", "lasting"),
}


@dataclass(frozen=True)
class Statistics:
    """The statistics with which a suite's cells are compared with its baseline.

    Attributes:
        primary: the test that decides if every seed grokked: "sign_flip", "paired_t", "wilcoxon" or "logrank".
        correction: the correction of p for several comparisons, "holm" or "none".
        alpha: the significance level.
        confidence: the confidence level of intervals.
        rank_by: the crossing whose epoch is a replica's time, "first" or "lasting". For "lasting", every task must stop
            by `{hold: H}`.
        equivalence: the margin within which a ratio counts as no effect, such as 0.05 for 5%. None: equivalence is not
            tested.
        interim_looks: numbers of seeds, ascending, at which a group-sequential design tests; the last is the suite's
            full number. Empty for one test at the end.

    Raises:
        ValueError: the looks are not ascending numbers of seeds, or another field is invalid.
    """

    primary: str = "sign_flip"
    correction: str = "holm"
    alpha: float = 0.05
    confidence: float = 0.95
    rank_by: str = "first"
    equivalence: float | None = None
    interim_looks: Annotated[tuple[Count, ...], Field(max_length=MOST_LOOKS)] = ()

    def __post_init__(self) -> None:
        """Refuse statistics that cannot be computed, because a file may have been edited."""
        looks = (0, *self.interim_looks)
        if any(one >= other for one, other in pairwise(looks)):
            got = f"got {list(self.interim_looks)}"
            raise ValueError(f"interim_looks must be positive and strictly ascending numbers of seeds, {got}")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        shares = (self.alpha, self.confidence, *([] if self.equivalence is None else [self.equivalence]))
        if not all(0 < share < 1 for share in shares):
            got = f"got {', '.join(map(str, shares))}"
            raise ValueError(f"alpha, confidence and equivalence must lie strictly between 0 and 1, {got}")

    def tests(self, comparisons: int) -> int:
        """Count the tests over which a p is corrected: all planned comparisons with Holm, one without a correction."""
        return comparisons if self.correction == "holm" else 1

    def deciding(self, primary: float | None, adjusted: float | None) -> float | None:
        """Select the p that decides significance: the adjusted p if the suite adjusts, otherwise the p of the test.

        Args:
            primary: the p of the deciding test, before any adjustment.
            adjusted: the same p, adjusted for the declared looks and by Holm's method, as far as the suite has these.
                None if nothing is adjusted.
        """
        return adjusted if self.adjusts else primary

    @property
    def adjusts(self) -> bool:
        """True if the p that decides is an adjusted one."""
        return self.correction == "holm" or bool(self.interim_looks)

    @property
    def name_of_p(self) -> str:
        """The name, in a sentence, of the p that decides."""
        if self.correction == "holm":
            return "Holm p"
        return "sequential p" if self.interim_looks else "uncorrected p"
