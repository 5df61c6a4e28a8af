"""Performance profiles (Dolan and Moré 2002, Math. Program. 91) over the tasks and seeds of a suite.

A problem is a task with a seed. The ratio of a method on a problem is its time divided by the least time of any method
on this problem. Its profile at tau is the share of problems on which that ratio is at most tau.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.outcomes import Measured, same_conditions
from grokbench.records import Outcome

__all__ = ["Profile", "Profiles", "profiles"]


@dataclass(frozen=True)
class Profile:
    """The profile of one method.

    Attributes:
        method: the label of the method.
        ratios: the ratios on the problems on which it grokked, in ascending order.
        known_to: the largest tau at which its profile is known. If a seed reached the budget B on a problem with least
            time t, its ratio is above B / t; the profile is known up to the smallest of these values. None: it is known
            everywhere.
    """

    method: str
    ratios: tuple[float, ...]
    known_to: float | None


@dataclass(frozen=True)
class Profiles:
    """The profiles of a suite, on the same problems.

    Attributes:
        profiles: a profile for each method that is complete on every task.
        problems: the number of problems.
        unsolved: the number of problems on which no method grokked; they are left out.
        left_out: the labels of the methods without a profile.
    """

    profiles: tuple[Profile, ...]
    problems: int
    unsolved: int
    left_out: tuple[str, ...]


def profiles(found: Comparisons, tasks: Sequence[str]) -> Profiles | None:
    """Compute the performance profiles of the methods that finished every task with the baseline's budget and cadence.

    Args:
        found: the comparisons of a folder.
        tasks: labels of the tasks to include.

    Returns:
        The profiles; None for fewer than two methods, or if no seed grokked.
    """
    cells = {each.measured.cell.key: each for each in found.cells}
    methods = list(dict.fromkeys(each.measured.cell.regularizer for each in found.cells))
    shown = {
        method: [each.measured for each in mine if each is not None]
        for method in methods
        if all(map(_usable, mine := [cells.get((task, method)) for task in tasks]))
    }
    problems = [(task, seed) for task in range(len(tasks)) for seed in range(len(found.manifest.seeds))]
    times = {problem: {method: _time(mine, *problem) for method, mine in shown.items()} for problem in problems}
    least = {
        at: min(known) for at, of in times.items() if (known := [time for time in of.values() if time is not None])
    }
    if len(shown) < 2 or not least:
        return None
    made = tuple(_profile(method, mine, times, least) for method, mine in shown.items())
    left_out = tuple(method for method in methods if method not in shown)
    return Profiles(made, len(least), len(problems) - len(least), left_out)


Problem = tuple[int, int]  # index of the task, index of the seed


def _profile(
    method: str,
    cells: Sequence[Measured],
    times: Mapping[Problem, Mapping[str, float | None]],
    least: Mapping[Problem, float],
) -> Profile:
    grokked = [time / best for at, best in least.items() if (time := times[at][method]) is not None]
    missed = [cells[at[0]].cell.budget / best for at, best in least.items() if _censored(cells, at)]
    return Profile(method, tuple(sorted(grokked)), min(missed, default=None))


def _usable(each: Comparison | None) -> bool:
    """Return whether a cell is complete and has the budget and the cadence of its baseline."""
    if each is None or each.baseline is None or not each.measured.complete:
        return False
    return same_conditions(each.measured, each.baseline)


def _time(cells: Sequence[Measured], task: int, seed: int) -> float | None:
    """Return the time of a seed; None if it did not grok."""
    return cells[task].ratio_times[seed] if cells[task].grokked[seed] else None


def _censored(cells: Sequence[Measured], problem: Problem) -> bool:
    """Return whether a seed reached the budget: it may grok later, unlike a seed that diverged."""
    task, seed = problem
    run = cells[task].runs[seed]
    return run is not None and cells[task].outcome(run) is Outcome.CENSORED
