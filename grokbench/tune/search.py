"""The search itself: trials, then the best trials on other seeds, then a choice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grokbench.io import atomic, links, locks
from grokbench.runner.data_checks import fetch_data
from grokbench.runner.request import Plan, Request, resolve
from grokbench.store import Store
from grokbench.tune import folder
from grokbench.tune.preparation import Tuning
from grokbench.tune.sampling import sobol, suggest
from grokbench.tune.scores import Score, ranking, score
from grokbench.tune.suites import Rows, rows_of_a_suite, suite_data, suite_text, trial_label
from grokbench.tune.trials import Key, Trial, trial_at

__all__ = ["FINALISTS", "Found", "Train", "run_search"]

FINALISTS = 3  # finalists of a method on a task, besides trial 0
ROUND = 4  # trials that TPE suggests together
DEFAULT = "default"  # the row of trial 0 among the finalists

Train = Callable[[Plan], Store]  # a function that trains the missing replicas of a plan


@dataclass(frozen=True)
class Found:
    """The trials of one method on one task, and the choice among them.

    Attributes:
        trials: the trials, in order.
        scores: the scores of the trials, on the seeds of the search.
        confirmed: trial number of a finalist -> its score on the confirmation seeds.
    """

    trials: Sequence[Trial]
    scores: Sequence[Score]
    confirmed: Mapping[int, Score]

    @property
    def chosen(self) -> int:
        """The trial number of the finalist that is best on the confirmation seeds."""
        numbers = sorted(self.confirmed)
        return numbers[ranking([self.confirmed[number] for number in numbers])[0]]


def run_search(tuning: Tuning, train: Train) -> dict[Key, Found]:
    """Run a search, or continue an interrupted search.

    Args:
        tuning: the search.
        train: a function that is called with the plan of each suite of trials in turn.

    Raises:
        StoreError: the folder holds another search, or cannot be written.
        DataError: a task's data is missing, or is not the published data.
    """
    folder.check_folder(tuning)
    if not tuning.directory.exists():  # where nothing can be trained, nothing is written
        fetch_data(tuning.plan, tuning.plan.cells, metrics=False)
    atomic.make_folder(tuning.directory)
    with locks.locked(tuning.directory):
        folder.remember(tuning)
        trials, scores = _search(tuning, train)
        best = {key: _finalists(scores[key]) for key in trials}
        confirmed = _confirm(tuning, train, trials, best)
    return {key: Found(trials[key], scores[key], confirmed[key]) for key in trials}


def _search(tuning: Tuning, train: Train) -> tuple[dict[Key, list[Trial]], dict[Key, list[Score]]]:
    """Train every trial, as many at once as the sampler suggests and a suite can hold."""
    trials: dict[Key, list[Trial]] = {key: [] for key in tuning.spaces}
    scores: dict[Key, list[Score]] = {key: [] for key in tuning.spaces}
    most, count = rows_of_a_suite(tuning), tuning.search.n_trials
    most = min(most, ROUND) if tuning.search.sampler == "tpe" else most
    for number, first in enumerate(range(0, count, most), start=1):
        for key in trials:
            trials[key] += _next(tuning, key, trials[key], scores[key], min(most, count - first))
        rows = {str(n): {key: trials[key][n] for key in trials} for n in range(first, min(first + most, count))}
        results = _train(tuning, train, f"trials-{number}", tuning.search.seeds, rows)
        for key in trials:
            scores[key] += [results[key, suffix] for suffix in rows]
    return trials, scores


def _next(tuning: Tuning, key: Key, trials: Sequence[Trial], scores: Sequence[Score], count: int) -> Iterator[Trial]:
    """Yield the next trials: the suite's own settings, then points of the sequence or suggestions."""
    space, first = tuning.spaces[key], len(trials)
    if tuning.search.sampler == "tpe" and first:
        points = suggest(space, [trial.point for trial in trials], scores, count, " / ".join(key))
    else:
        points = sobol(first + count - 1)[max(first - 1, 0) :]
    if not first:
        yield tuning.defaults[key]
    yield from (trial_at(space, number, point) for number, point in enumerate(points, max(first, 1)))


def _finalists(scores: Sequence[Score]) -> list[int]:
    """Return the numbers of the trials that are run again: trial 0, then the best trials."""
    return [0, *(number for number in ranking(scores)[:FINALISTS] if number)]


def _confirm(
    tuning: Tuning, train: Train, trials: Mapping[Key, Sequence[Trial]], best: Mapping[Key, Sequence[int]]
) -> dict[Key, dict[int, Score]]:
    """Train the finalists on the confirmation seeds. A row without a finalist repeats trial 0, at no further cost."""
    suffixes = [DEFAULT, *(f"best{rank}" for rank in range(1, FINALISTS + 1))][: max(map(len, best.values()))]
    rows = {
        suffix: {key: trials[key][numbers[rank] if rank < len(numbers) else 0] for key, numbers in best.items()}
        for rank, suffix in enumerate(suffixes)
    }
    most = rows_of_a_suite(tuning)
    results: dict[tuple[Key, str], Score] = {}
    for number, first in enumerate(range(0, len(suffixes), most), start=1):
        part = {suffix: rows[suffix] for suffix in suffixes[first : first + most]}
        results |= _train(tuning, train, f"confirmation-{number}", tuning.search.confirm_seeds, part)
    return {
        key: {n: results[key, suffix] for n, suffix in zip(numbers, suffixes, strict=False)}
        for key, numbers in best.items()
    }


def _train(tuning: Tuning, train: Train, name: str, seeds: Sequence[int], rows: Rows) -> dict[tuple[Key, str], Score]:
    """Write a suite of trials, train it, and return the score of each method, task and row."""
    path = tuning.directory / f"{name}.yaml"
    links.refuse(tuning.directory / name, tuning.directory)
    said = f"Trials of `grokbench tune`, results in {name}/. A row's label ends with the number or rank of its trial."
    atomic.write(path, suite_text(suite_data(tuning, name, seeds, rows), said).encode(), tuning.directory)
    request = tuning.request
    plan = resolve(
        Request(
            suite=str(path),
            out=str(tuning.directory / name),
            device=request.device,
            launcher=request.launcher,
            precision=request.precision,
            plugins=request.plugins,
            checkpoint_seconds=request.checkpoint_seconds,
            stall_timeout=request.stall_timeout,
            cell_timeout=request.cell_timeout,
            timing=False,
        )
    )
    store, cells = train(plan), {cell.key: cell for cell in plan.cells}
    found, rank_by = {}, plan.manifest.statistics.rank_by
    for suffix in rows:
        for task, method in tuning.spaces:
            cell = cells[task, trial_label(method, suffix)]
            found[(task, method), suffix] = score(cell, store.runs_of(cell, seeds), len(seeds), rank_by)
    return found
