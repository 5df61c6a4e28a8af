"""Type I error at 0.05 of suites that are judged at looks, declared by a group-sequential design or not.

Baseline and method have equal distributions, and a suite counts as an error if any look shows a difference. Undeclared
looks are each made at the level 0.05, as by a user who runs more seeds until something is significant.
"""

import numpy as np

from grokbench import stats

from .draws import Row, generator, log_times, rate

SUITES = 16000
ALPHA = 0.05
DESIGNS = {"10, 15, 20, 25": (10, 15, 20, 25), "6 to 20": tuple(range(6, 21)), "25": (25,)}


def simulate(suites: int) -> list[Row]:
    """Return a row for each design and distribution: the rates with declared looks, undeclared looks, one final look.

    Args:
        suites: the number of suites to simulate for a row.
    """
    return [
        _row(number, name, looks, skewed, suites)
        for number, (name, looks) in enumerate(DESIGNS.items())
        for skewed in (False, True)
    ]


def _row(number: int, name: str, looks: tuple[int, ...], skewed: bool, suites: int) -> Row:
    rng = generator("looks", number, skewed)
    times = log_times(rng, (suites, looks[-1], 2), 0.25, skewed=skewed)
    differences = times[..., 0] - times[..., 1]
    p = np.array([[stats.sign_flip(each[:n]) for n in looks] for each in differences])
    return {
        "looks": name,
        "skewed": skewed,
        "declared": rate((p <= stats.boundaries(looks, ALPHA)).any(axis=1)),
        "undeclared": rate((p <= ALPHA).any(axis=1)),
        "last look only": rate(p[:, -1] <= ALPHA),
    }
