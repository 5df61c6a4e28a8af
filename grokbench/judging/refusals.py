"""Notes on timings that were refused because CPU time and wall time disagreed. No torch."""

from collections.abc import Iterator

from grokbench.judging.note import Kind, Note, caution
from grokbench.judging.outcomes import Measured
from grokbench.records import CLOCKS_AGREE, TRIES

__all__ = ["CAUSE", "refusal", "refusal_notes"]

CAUSE = (
    f"CPU time and wall time differed by more than {CLOCKS_AGREE:.0%} in all {TRIES} tries of a round, so the machine "
    "was busy, or the method waits or starts threads; `grokbench run` on a quiet machine measures them again"
)


def refusal(share: float) -> Note:
    """Make a caution that says why a cell has no seconds per epoch, and what to do.

    Args:
        share: CPU time / wall time at the last try.
    """
    text = f"no seconds per epoch: {CAUSE} (CPU time was {share:.0%} of wall time at last)"
    return caution(Kind.TIME_REFUSED, text, share)


def refusal_notes(measured: Measured) -> Iterator[Note]:
    """Yield a caution for a cell whose timing was refused."""
    if measured.refused is not None:
        yield refusal(measured.refused)
