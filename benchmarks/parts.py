"""The parts of a measurement: each yields its rows one by one, and prints a table at its end."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from benchmarks import large_folder, peers, reporting, scaling, startup, tables
from benchmarks.cases import METHODS, Case, missing_data, shipped_cases
from benchmarks.competitors import competitors, floor, seconds_per_epoch
from benchmarks.floor import effort
from benchmarks.gauge import RateProbe, Rates, rates
from benchmarks.rounds import measure
from grokbench.plugins import load_registry

__all__ = [
    "PARTS",
    "QUICK",
    "Options",
    "cases",
    "flushing",
    "peers_part",
    "report_part",
    "scaling_part",
    "speed_part",
    "startup_part",
    "store_part",
]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """The options of a measurement.

    Attributes:
        tasks: labels.
        methods: labels; empty for METHODS in the part `speed`, for the baseline in `scaling`.
        device: "cpu", or a CUDA device.
        seeds: how many the engine trains.
        sizes: numbers of seeds in the part `scaling`.
        rounds: of every competitor.
        seconds: approximate duration of a round of the engine, on CUDA of the loop.
        full_xor: XOR as in the suite `paper`.
        rotated: only the cases with an exact rotation.
        without: competitors to leave out.
        rate_probe: the measurement of the machine's rates; None for the usual one.
        measured: (task, method) of the cases that are not measured again.
    """

    tasks: tuple[str, ...]
    methods: tuple[str, ...] = ()
    device: str = "cpu"
    seeds: int = 25
    sizes: tuple[int, ...] = scaling.SIZES
    rounds: int = 3
    seconds: float = 6.0
    full_xor: bool = False
    rotated: bool = False
    without: tuple[str, ...] = ()
    rate_probe: RateProbe | None = None
    measured: frozenset[tuple[str, str]] = frozenset()


QUICK: dict[str, Any] = {"seeds": 10, "sizes": (1, 2, 4), "rounds": 1, "seconds": 0.5}


def cases(options: Options, say: Say) -> Iterator[Case]:
    """Yield the cases; those whose data is missing are left out with a message."""
    registry = load_registry()
    methods = options.methods or METHODS
    for case in shipped_cases(options.tasks, options.seeds, options.full_xor, registry, methods, options.device):
        if case.cell.key in options.measured or (options.rotated and not case.rotated):
            continue
        if why := missing_data(case):
            say(f"{case.name} is left out: {why}")
        else:
            yield case


def speed_part(options: Options, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Compare the competitors on each case."""
    rows: list[dict[str, Any]] = []
    with flushing(), closing(rates(options.device, options.rate_probe)) as gauge:
        rivals = competitors(gauge, options.without)
        for case in cases(options, say):
            timed = case.lasting(_epochs(case, options.seconds, options.seeds, gauge))
            say(f"{case.name}: {timed.cell.budget} epochs")
            rows.append(measure(timed, rivals, options.rounds, say).json())
            yield rows[-1]
    if rows:
        show(f"{tables.table(rows)}\n\n{tables.footnotes(rows[0])}")


def peers_part(options: Options, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Compare the engine's ways of running with each other and with JAX, on one thread or one CUDA device."""
    rows: list[dict[str, Any]] = []
    known = peers.PEERS[options.device.split(":")[0]]
    seeds = peers.seeds_of_a_worker(options.seeds, options.device)
    with flushing(), peers.one_thread(options.device):
        gauge = peers.own_rates(options.device, options.rate_probe)
        for case in cases(replace(options, seeds=seeds), say):
            missing = {name: why for name, peer in known.items() if (why := peer.lacks(case))}
            rivals = {n: peers.competitor(peer, options.seconds / 2) for n, peer in known.items() if n not in missing}
            found = measure(case, {**rivals, "floor": partial(floor, gauge)}, options.rounds, say)
            rows.append({**found.json(), "peers": list(known), "missing": missing})
            yield rows[-1]
    if rows:
        show(f"{tables.peers_table(rows)}\n\n{tables.peers_footnotes(rows)}")


@contextmanager
def flushing() -> Iterator[None]:
    """While active, denormal numbers (below 1e-38) become zero in this process, as in the engine's workers.

    The gradients of a memorised network become that small, and a CPU computes many times slower with them. Threads that
    torch starts meanwhile inherit the setting.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _epochs(case: Case, seconds: float, seeds: int, gauge: Iterator[Rates]) -> int:
    """Choose the epochs of a case so that a round takes about these seconds at the speed of the loop.

    On a CPU all seeds together are counted. On CUDA, where the engine is many times faster, one seed is; the lower
    bound on the time of all seeds limits the epochs there.
    """
    by_the_loop = seconds / seconds_per_epoch(case)
    if case.device == "cpu":
        return math.ceil(by_the_loop / seeds)
    return math.ceil(min(by_the_loop, seconds / seeds / effort(case).seconds(next(gauge))))


def scaling_part(options: Options, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Time the engine with more and more seeds; all sizes together take about twice the seconds of a round."""
    growths = []
    with closing(rates(options.device, options.rate_probe)) as gauge:
        for case in cases(replace(options, methods=options.methods or METHODS[:1]), say):
            epochs = _epochs(case, 2.0 * options.seconds, sum(options.sizes), gauge)
            growths.append(scaling.grow(case.lasting(epochs), options.sizes, options.rounds, say))
            yield growths[-1].json()
    if growths:
        show(scaling.table(growths))


def startup_part(options: Options, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Time the start of commands."""
    found = startup.measure(options.rounds, say)
    yield from startup.json(found)
    show(startup.table(found))


def report_part(options: Options, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Time the report of a large results folder."""
    found = reporting.measure(options.rounds, say)
    yield from reporting.json(found)
    show(reporting.table(found))


def store_part(options: Options, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Time commands on a results folder of 20,000 finished replicas."""
    found = large_folder.measure(options.rounds, say)
    yield from large_folder.json(found)
    show(large_folder.table(found))


PARTS = {
    "speed": speed_part,
    "peers": peers_part,
    "scaling": scaling_part,
    "startup": startup_part,
    "report": report_part,
    "store": store_part,
}
