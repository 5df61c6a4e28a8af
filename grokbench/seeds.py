"""Seeds of a suite: a range, a list or a count."""

import re
from collections.abc import Sequence

from grokbench.errors import SuiteError

__all__ = ["MAX_SEED", "MAX_SEEDS", "count_seeds", "parse_seeds", "unlike_seeds", "written"]

MAX_SEEDS = 10_000
MAX_SEED = 2**31 - 1
_NUMBER = "(0|[1-9][0-9]{0,9})"  # no leading zero: 1,000 is not the seeds 1 and 0
_PART = re.compile(rf"{_NUMBER}(?:\s*-\s*{_NUMBER})?")


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds that a text such as `1000-1024` or `0-4,7` names, in its order; both ends of a range count.

    Raises SuiteError for negative or repeated seeds, an empty range, more than MAX_SEEDS seeds, a seed above
    MAX_SEED, and anything that is not a number or a range.
    """
    seeds: list[int] = []
    for part in text.split(","):
        seeds += _seed_range(part.strip(), MAX_SEEDS - len(seeds))
    complaints = unlike_seeds(seeds)
    if complaints:
        raise SuiteError(next(iter(complaints.values())))
    return tuple(seeds)


def count_seeds(count: int) -> tuple[int, ...]:
    """The seeds 0 to count-1; raises SuiteError unless 1 <= count <= MAX_SEEDS."""
    if not 1 <= count <= MAX_SEEDS:
        raise SuiteError(f"{count} seeds, expected between 1 and {MAX_SEEDS}")
    return tuple(range(count))


def unlike_seeds(seeds: Sequence[int]) -> dict[int, str]:
    """What is wrong with single seeds, by their index: negative, too large or repeated."""
    complaints: dict[int, str] = {}
    seen: set[int] = set()
    for index, seed in enumerate(seeds):
        if not 0 <= seed <= MAX_SEED:
            complaints[index] = f"the seed {seed}, expected a number from 0 to {MAX_SEED}"
        elif seed in seen:
            complaints[index] = f"the seed {seed} is repeated, expected every seed once"
        seen.add(seed)
    return complaints


def written(seeds: Sequence[int]) -> str:
    """Seeds as `parse_seeds` reads them: `0-4,7`."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _seed_range(part: str, room: int) -> range:
    found = _PART.fullmatch(part)
    if found is None:
        wrong = "a negative seed" if re.fullmatch(r"-\s*[0-9]+.*", part) else "neither a seed nor a range"
        raise SuiteError(f"{part[:40]!r} is {wrong}, expected seeds such as 1000-1024 or 0-4,7")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise SuiteError(f"the range {part} is empty, expected {last}-{first}")
    if last - first >= room:
        raise SuiteError(f"more than {MAX_SEEDS} seeds, expected at most {MAX_SEEDS}")
    return range(first, last + 1)
