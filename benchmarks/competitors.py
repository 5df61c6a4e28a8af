"""The competitors. Each is prepared for a case once and then runs rounds.

To add one, write a function like `loop` and name it in `competitors`. The others are compared with the first.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks import authors as procedure
from benchmarks import floor as least
from benchmarks import grouped, plain_loop
from benchmarks.cases import Case
from benchmarks.gauge import Rates
from grokbench.engine import synchronize

__all__ = [
    "Competitor",
    "Figure",
    "authors",
    "competitors",
    "engine",
    "floor",
    "loop",
    "seconds_per_epoch",
]

LOOP_SEEDS = {"cpu": 5, "cuda": 1}  # seeds of a round of the loop, one after the other; each costs the same
TRIALS = 3  # of every kind of optimizer before the first round; the fastest is used
TRIAL_SECONDS = 0.1  # fewest seconds of a trial


@dataclass(frozen=True)
class Figure:
    """The result of one round.

    Attributes:
        seconds: per seed-epoch, with evaluations, without data and initialisation.
        details: further numbers of the competitor.
    """

    seconds: float
    details: Mapping[str, Any] = field(default_factory=dict)


Competitor = Callable[[Case], Callable[[], Figure]]


def competitors(rates: Iterator[Rates], without: tuple[str, ...] = ()) -> dict[str, Competitor]:
    """Return the competitors by name, in the order of their turns.

    Args:
        rates: measures the machine anew for each round of the floor.
        without: names to leave out.
    """
    known: dict[str, Competitor] = {"loop": loop, "engine": engine, "authors": authors, "floor": partial(floor, rates)}
    return {name: competitor for name, competitor in known.items() if name not in without}


def loop(case: Case) -> Callable[[], Figure]:
    """Prepare the plain loop on the first seeds, with the fastest kind of optimizer."""
    kind = fastest_kind(case)
    seeds = case.seeds[: LOOP_SEEDS[case.device.split(":")[0]]]

    def one_round() -> Figure:
        seconds = sum(_clock_loop(case, seed, kind) for seed in seeds)
        return Figure(seconds / len(seeds) / case.cell.budget, {"optimizer": kind, "seeds": len(seeds)})

    return one_round


def _clock_loop(case: Case, seed: int, kind: str) -> float:
    """Train one seed and return the seconds of its epochs."""
    plain = plain_loop.start(case, seed, kind)
    plain_loop.evaluate(plain)  # evaluation 0, not part of an epoch
    return _clock(case.device, lambda: plain_loop.train(plain, case.cell.budget))


def _clock(device: str, training: Callable[[], Any]) -> float:
    synchronize(device)
    began = time.perf_counter()
    training()
    synchronize(device)
    return time.perf_counter() - began


def fastest_kind(case: Case) -> str:
    """Return the kind of torch's optimizer with which the loop is fastest; the kinds are timed in turns."""
    trials = {kind: _trial(case, kind) for kind in plain_loop.KINDS}
    rounds = [{kind: trial() for kind, trial in trials.items()} for _ in range(TRIALS)]
    return min(trials, key=lambda kind: min(seconds[kind] for seconds in rounds))


def seconds_per_epoch(case: Case) -> float:
    """Estimate the seconds of an epoch of the loop, from which the length of a case is chosen."""
    trial = _trial(case, "fused")
    return min(trial() for _ in range(TRIALS))


def _trial(case: Case, kind: str) -> Callable[[], float]:
    """Warm up a loop; return a function that trains it further and returns its seconds per epoch."""
    plain, every = plain_loop.start(case, case.seeds[0], kind), case.cell.evaluate_every
    plain_loop.train(plain, every)

    def seconds() -> float:
        began, spans = time.perf_counter(), 0
        while spans == 0 or time.perf_counter() - began < TRIAL_SECONDS:
            plain_loop.train(plain, every)
            spans += 1
        return (time.perf_counter() - began) / spans / every

    return seconds


def engine(case: Case) -> Callable[[], Figure]:
    """Prepare the engine on all seeds, with a worker for every core; a round ends when the last worker has.

    The detail `busy` has the seconds without idle cores, as in a suite, where other cells follow.
    """
    workers = grouped.cores(case.device)
    rounds = grouped.rounds(case, workers)

    def one_round() -> Figure:
        clocks = next(rounds)
        load: dict[int, float] = defaultdict(float)  # worker -> seconds
        for clock in clocks:
            load[clock.worker] += clock.epochs
        start = sum(clock.start for clock in clocks) / len(case.seeds)
        details = {"start": start, "groups": len(clocks)}
        if len(load) == workers:  # otherwise some core was idle, and the others may have been faster for it
            details["busy"] = sum(load.values()) / workers / case.seed_epochs
        return Figure(max(load.values()) / case.seed_epochs, details)

    return one_round


def authors(case: Case) -> Callable[[], Figure]:
    """Prepare the procedure of the paper's authors on one seed; a round has ten epochs and one evaluation."""
    training = procedure.start(case, case.seeds[0])
    procedure.train(training, 1)  # warm-up

    def one_round() -> Figure:
        seconds = _clock(case.device, lambda: procedure.train(training, procedure.EVALUATE_EVERY))
        return Figure(seconds / procedure.EVALUATE_EVERY, {"seeds": 1})

    return one_round


def floor(rates: Iterator[Rates], case: Case) -> Callable[[], Figure]:
    """Prepare the lower bound on time, with the machine's rates measured in each round."""
    effort = least.effort(case)

    def one_round() -> Figure:
        now = next(rates)
        counted = {"operations": effort.operations, "bytes": effort.bytes}
        measured = {"operations_per_second": now.operations, "bytes_per_second": now.bytes}
        return Figure(effort.seconds(now), {**counted, **measured})

    return one_round
