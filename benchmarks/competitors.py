"""Who competes. A competitor is prepared for a case once, then asked for a round again and again.

To add one, write a function like `loop` and name it in `COMPETITORS`; the others are compared with the first.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import grouped, plain_loop
from benchmarks.cases import Case
from grokbench.provenance import environment

__all__ = ["COMPETITORS", "LOOP_SEEDS", "Competitor", "Figure", "engine", "loop", "seconds_per_epoch"]

LOOP_SEEDS = 5  # of a case, one after the other: each costs the same
TRIALS = 3  # of every kind of optimizer, before the first round; the fastest counts
TRIAL_SECONDS = 0.1  # at least


@dataclass(frozen=True)
class Figure:
    """What one round gave."""

    seconds: float  # per seed-epoch, evaluations included, data and initialisation excluded
    details: Mapping[str, Any] = field(default_factory=dict)


Competitor = Callable[[Case], Callable[[], Figure]]


def loop(case: Case) -> Callable[[], Figure]:
    """The plain loop on the first few seeds, with the fastest kind of optimizer."""
    kind = fastest_kind(case)
    seeds = case.seeds[:LOOP_SEEDS]

    def one_round() -> Figure:
        seconds = sum(_clock_loop(case, seed, kind) for seed in seeds)
        return Figure(seconds / len(seeds) / case.cell.budget, {"optimizer": kind, "seeds": len(seeds)})

    return one_round


def _clock_loop(case: Case, seed: int, kind: str) -> float:
    """Seconds for all epochs of one seed."""
    plain = plain_loop.start(case, seed, kind)
    plain_loop.evaluate(plain)  # evaluation 0, which is no part of an epoch
    began = time.perf_counter()
    plain_loop.train(plain, case.cell.budget)
    return time.perf_counter() - began


def fastest_kind(case: Case) -> str:
    """The kind of torch's optimizer that trains the loop fastest; the kinds take turns."""
    trials = {kind: _trial(case, kind) for kind in plain_loop.KINDS}
    rounds = [{kind: trial() for kind, trial in trials.items()} for _ in range(TRIALS)]
    return min(trials, key=lambda kind: min(seconds[kind] for seconds in rounds))


def seconds_per_epoch(case: Case) -> float:
    """About what an epoch of the loop takes: a case is made as long as its rounds should last."""
    trial = _trial(case, "fused")
    return min(trial() for _ in range(TRIALS))


def _trial(case: Case, kind: str) -> Callable[[], float]:
    """A warm loop, and a way to ask for its seconds per epoch."""
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
    """The engine on all seeds with every core, until the last core is done.

    `busy` is the same where no core waits for the last one, as in a suite, whose cells follow one another.
    """
    workers = environment()["cores"]
    rounds = grouped.rounds(case, workers)

    def one_round() -> Figure:
        clocks = next(rounds)
        load: dict[int, float] = defaultdict(float)  # worker -> seconds
        for clock in clocks:
            load[clock.worker] += clock.epochs
        start = sum(clock.start for clock in clocks) / len(case.seeds)
        details = {"start": start, "groups": len(clocks)}
        if len(load) == workers:  # else nobody knows how fast a core is when all are at work
            details["busy"] = sum(load.values()) / workers / case.seed_epochs
        return Figure(max(load.values()) / case.seed_epochs, details)

    return one_round


COMPETITORS: Mapping[str, Competitor] = {"loop": loop, "engine": engine}
