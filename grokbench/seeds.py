"""Seeds of a suite, written as ranges and lists (`0-4,7`) or as a count."""

import re
from collections.abc import Sequence
from typing import Any

from grokbench.errors import SuiteError
from grokbench.validation import MAX_SEED

__all__ = [
    "FIRST_REPORTED",
    "MAX_SEED",
    "MAX_SEEDS",
    "count_seeds",
    "format_seeds",
    "parse_seeds",
    "seed_faults",
    "seeds_of",
]

FIRST_REPORTED = 1000  # seeds below this one are for calibration and tuning
MAX_SEEDS = 10_000
_NUMBER = "(0|[1-9][0-9]{0,9})"  # a leading zero is refused, so that 1,000 is not read as the seeds 1 and 0
_PART = re.compile(rf"{_NUMBER}(?:\s*-\s*{_NUMBER})?")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Parse seeds such as `1000-1024` or `0-4,7`, in the order written; a range includes both ends.

    Raises:
        SuiteError: a part is neither a number nor a range, a range is empty, a seed is negative, repeated or above
            MAX_SEED, or there are more than MAX_SEEDS seeds.
    """
    seeds: list[int] = []
    for part in text.split(","):
        seeds += _seed_range(part.strip(), MAX_SEEDS - len(seeds))
    faults = seed_faults(seeds)
    if faults:
        raise SuiteError(next(iter(faults.values())))
    return tuple(seeds)


def count_seeds(count: int) -> tuple[int, ...]:
    """Return the seeds 0 to count-1.

    Raises:
        SuiteError: `count` is not between 1 and MAX_SEEDS.
    """
    if not 1 <= count <= MAX_SEEDS:
        raise SuiteError(f"{count} seeds, expected between 1 and {MAX_SEEDS}")
    return tuple(range(count))


def seeds_of(given: Any) -> tuple[int, ...]:
    """Return the seeds that a value in a suite stands for: a list of seeds, a text such as `0-4,7`, or a count.

    Raises:
        SuiteError: raised by `parse_seeds` or `count_seeds`.
    """
    if isinstance(given, list):
        return tuple(given)
    return parse_seeds(given) if isinstance(given, str) else count_seeds(given)


def seed_faults(seeds: Sequence[int]) -> dict[int, str]:
    """Return index -> fault in words, for each seed that is negative, too large or repeated."""
    faults: dict[int, str] = {}
    seen: set[int] = set()
    for index, seed in enumerate(seeds):
        if not 0 <= seed <= MAX_SEED:
            faults[index] = f"the seed {seed}, expected a number from 0 to {MAX_SEED}"
        elif seed in seen:
            faults[index] = f"the seed {seed} is repeated, expected every seed once"
        seen.add(seed)
    return faults


def format_seeds(seeds: Sequence[int]) -> str:
    """Write seeds in the form that `parse_seeds` reads, sorted, with ranges: `0-4,7`."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _seed_range(part: str, most: int) -> range:
    found = _PART.fullmatch(part)
    if found is None:
        wrong = "a negative seed" if re.match(r"-\s*[0-9]", part) else "neither a seed nor a range"
        raise SuiteError(f"{part[:40]!r} is {wrong}, expected seeds such as 1000-1024 or 0-4,7")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise SuiteError(f"the range {first}-{last} is empty, expected {last}-{first}")
    if last - first >= most:
        raise SuiteError(f"more than {MAX_SEEDS} seeds, expected at most {MAX_SEEDS}")
    return range(first, last + 1)
