"""Makespan, utilisation and lost work of a suite of 20,400 replicas on 1 to 1,000 workers.

The groups are those of `results/paper`, 34 times: the cost of a group is the measured seconds per epoch of its cell,
summed over the epochs of its replicas. A free worker takes the longest group that waits. A preempted worker writes a
checkpoint first, as on SIGTERM. The loss of a node ends the groups of its workers, which go on from their last
checkpoint. In both cases the worker is back after DOWN seconds, and the group is the next to be taken.
"""

import heapq
from collections import deque
from functools import partial
from itertools import count
from pathlib import Path
from statistics import fmean, median

import numpy as np

from grokbench.store import Store

from .draws import Row, generator

SUITES = 600  # simulated runs of the suite for a row
COPIES = 34
WORKERS = (1, 4, 16, 64, 256, 1000)
NODE = 8  # workers of a node
CHECKPOINT = 60.0  # seconds between two checkpoints, the default of `grokbench run`
START = 20.0  # seconds until a worker trains a group: it imports torch, prepares and records
DOWN = 600.0  # seconds until a worker is back
HOUR = 3600.0
CASES = {  # hours between preemptions of a worker, hours between losses of a node, with checkpoints, longest first
    "in the order of the suite": (None, None, True, False),
    "longest first": (None, None, True, True),
    "preempted every 4 h, a node lost every 10 days": (4.0, 240.0, True, True),
    "the same, without checkpoints": (4.0, 240.0, False, True),
}


def _costs() -> list[float]:
    """Return the seconds of every group of `results/paper`, in its order."""
    store = Store.load(Path(__file__).parents[1] / "results" / "paper")
    pace = {timing.identity: median(timing.seconds_per_epoch) for timing in store.timings()}
    found: dict[tuple[str, tuple[int, ...]], float] = {}
    for run in store.runs():
        key = run.identity, tuple(run.group)
        found[key] = found.get(key, 0.0) + run.epochs * pace[run.identity]
    return [round(seconds, 1) for seconds in found.values()]


COSTS = _costs()


def simulate(suites: int) -> list[Row]:
    """Return a row for each case and number of workers: hours, utilisation and the share of training that was lost.

    Args:
        suites: the number of runs to simulate for a row.
    """
    return [_row(number, case, workers, suites) for number, case in enumerate(CASES) for workers in WORKERS]


def _row(number: int, case: str, workers: int, suites: int) -> Row:
    runs = suites if CASES[case][0] else 1  # nothing is drawn in an undisturbed run
    found = [_run(case, workers, generator("scaling", number, workers, each)) for each in range(runs)]
    work = COPIES * sum(COSTS)
    return {
        "case": case,
        "workers": workers,
        "hours": round(fmean(makespan for makespan, _ in found) / HOUR, 2),
        "utilisation": round(fmean(work / (workers * makespan) for makespan, _ in found), 4),
        "lost": round(fmean(lost / (work + lost) for _, lost in found), 4),
    }


def _run(case: str, workers: int, rng: np.random.Generator) -> tuple[float, float]:
    """Simulate one run; return its makespan and the seconds of training that were lost."""
    preempted, node_lost, resumes, longest_first = CASES[case]
    ends = partial(_end, _Losses(node_lost, workers, rng), preempted, rng)
    costs = [seconds for seconds in COSTS for _ in range(COPIES)]
    waiting, idle = deque(sorted(costs, reverse=True) if longest_first else costs), list(range(workers))
    events: list[tuple[float, int, int, float]] = []  # when, a number that breaks ties, worker, seconds of work left
    numbers, now, last, lost = count(), 0.0, 0.0, 0.0
    while waiting or events:
        while waiting and idle:
            worker, work = idle.pop(), waiting.popleft()
            end, how = ends(worker, now, work)
            left = 0.0
            if how != "done":
                trained = max(0.0, end - now - START)
                kept = trained if how == "preempted" else trained // CHECKPOINT * CHECKPOINT
                kept = kept if resumes else 0.0
                left, lost = work - kept, lost + trained - kept
            last = max(last, end)
            heapq.heappush(events, (end, next(numbers), worker, left))
        now, _, worker, left = heapq.heappop(events)
        if left:
            waiting.appendleft(left)
            heapq.heappush(events, (now + DOWN, next(numbers), worker, 0.0))
        else:
            idle.append(worker)
    return last, lost


class _Losses:
    """The next loss of each node; a node is lost at a constant rate."""

    def __init__(self, hours: float | None, workers: int, rng: np.random.Generator) -> None:
        self._seconds, self._rng = (hours or np.inf) * HOUR, rng
        self._next = [self._gap() for _ in range(-(-workers // NODE))]

    def after(self, worker: int, now: float) -> float:
        """Return when the node of a worker is lost next."""
        node = worker // NODE
        while self._next[node] <= now:
            self._next[node] += self._gap()
        return self._next[node]

    def _gap(self) -> float:
        return self._seconds * self._rng.standard_exponential() if np.isfinite(self._seconds) else np.inf


def _end(
    losses: _Losses, preempted: float | None, rng: np.random.Generator, worker: int, now: float, work: float
) -> tuple[float, str]:
    """Return when a worker that takes a group now ends its work, and why."""
    preemption = now + preempted * HOUR * rng.standard_exponential() if preempted else np.inf
    ends = {"done": now + START + work, "preempted": float(preemption), "lost": losses.after(worker, now)}
    how = min(ends, key=lambda each: ends[each])
    return ends[how], how
