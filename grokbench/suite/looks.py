"""Problems with the interim looks that a suite declares: the numbers of seeds at which tests are made."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from grokbench.errors import SuiteError
from grokbench.records.statistics import MOST_LOOKS
from grokbench.seeds import seeds_of
from grokbench.suite.problems import KeyPath, Problem

__all__ = ["look_problems"]

PATH: KeyPath = ("statistics", "interim_looks")


def look_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems: looks that do not ascend, too many looks, a last look that does not include every seed.

    Args:
        data: the suite, whose structure is valid; invalid values are null.
    """
    looks = (data.get("statistics") or {}).get("interim_looks") or []
    if None in looks:
        return
    for i, (before, look) in enumerate(pairwise(looks), 1):
        if look <= before:
            yield Problem((*PATH, i), f"the number {look}, expected more seeds than at the previous look, {before}")
    if len(looks) > MOST_LOOKS:
        yield Problem(PATH, f"{len(looks)} looks, expected at most {MOST_LOOKS}")
        return
    seeds = _count(data.get("seeds"))
    if looks and seeds and looks[-1] != seeds:
        text = f"the number {looks[-1]}, expected {seeds}: the last look includes all seeds of the suite"
        yield Problem((*PATH, len(looks) - 1), text)


def _count(seeds: Any) -> int | None:
    """Count the seeds of a suite; None if they are invalid, which is reported elsewhere."""
    try:
        return len(seeds_of(seeds))
    except (SuiteError, TypeError, ValueError, AttributeError):
        return None
