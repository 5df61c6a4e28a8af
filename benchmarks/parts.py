"""The parts of a measurement: each yields its rows as they come, and prints a table at its end."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks import reporting, scaling, startup, tables
from benchmarks.cases import METHODS, Case, missing_data, shipped_cases
from benchmarks.competitors import competitors, seconds_per_epoch
from benchmarks.floor import effort
from benchmarks.gauge import Gauging, Rates, rates
from benchmarks.rounds import Result, measure
from grokbench.plugins import load_registry

__all__ = ["PARTS", "QUICK", "Wanted", "cases", "flushing", "report_part", "scaling_part", "speed_part", "startup_part"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What to measure."""

    tasks: tuple[str, ...]
    methods: tuple[str, ...] = ()  # of the speed, METHODS where none are named; of the scaling, the baseline
    device: str = "cpu"
    seeds: int = 25
    sizes: tuple[int, ...] = scaling.SIZES
    rounds: int = 3
    seconds: float = 6.0  # about what a round of the engine (on CUDA: of the loop) takes
    full_xor: bool = False
    rotated: bool = False  # these cases alone
    without: tuple[str, ...] = ()  # competitors
    gauging: Gauging | None = None  # how the machine is measured, where not as usual
    measured: frozenset[tuple[str, str]] = frozenset()  # (task, method) that need not be measured again


QUICK: dict[str, Any] = {"seeds": 10, "sizes": (1, 2, 4), "rounds": 1, "seconds": 0.5}


def cases(wanted: Wanted, say: Say) -> Iterator[Case]:
    """The cases; those without data are left out, with a word."""
    registry = load_registry()
    methods = wanted.methods or METHODS
    for case in shipped_cases(wanted.tasks, wanted.seeds, wanted.full_xor, registry, methods, wanted.device):
        if case.cell.key in wanted.measured or (wanted.rotated and not case.rotated):
            continue
        if why := missing_data(case):
            say(f"{case.name} is left out: {why}")
        else:
            yield case


def speed_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Everybody side by side."""
    results: list[Result] = []
    with flushing(), closing(rates(wanted.device, wanted.gauging)) as gauge:
        rivals = competitors(gauge, wanted.without)
        for case in cases(wanted, say):
            timed = case.lasting(_epochs(case, wanted.seconds, wanted.seeds, gauge))
            say(f"{case.name}: {timed.cell.budget} epochs")
            results.append(measure(timed, rivals, wanted.rounds, say))
            yield results[-1].json()
    if results:
        show(f"{tables.table(results)}\n\n{tables.footnotes(results[0])}")


@contextmanager
def flushing() -> Iterator[None]:
    """Numbers below 1e-38 are zero for the loop too, as they are in the engine's workers.

    The gradients of a memorised network fade to there, where a CPU is many times slower. Threads that torch starts
    while this holds inherit it.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _epochs(case: Case, seconds: float, seeds: int, gauge: Iterator[Rates]) -> int:
    """Those that the seeds train in about so many seconds at the loop's pace.

    On CUDA, where the engine is many times as fast, as many as one seed trains at the loop's pace, and at most as many
    as all could train at the floor's.
    """
    at_the_loops_pace = seconds / seconds_per_epoch(case)
    if case.device == "cpu":
        return math.ceil(at_the_loops_pace / seeds)
    return math.ceil(min(at_the_loops_pace, seconds / seeds / effort(case).seconds(next(gauge))))


def scaling_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """The engine with more and more seeds, about two rounds' seconds for all sizes together."""
    growths = []
    with closing(rates(wanted.device, wanted.gauging)) as gauge:
        for case in cases(replace(wanted, methods=wanted.methods or METHODS[:1]), say):
            epochs = _epochs(case, 2.0 * wanted.seconds, sum(wanted.sizes), gauge)
            growths.append(scaling.grow(case.lasting(epochs), wanted.sizes, wanted.rounds, say))
            yield growths[-1].json()
    if growths:
        show(scaling.table(growths))


def startup_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """The waits before anything happens."""
    found = startup.measure(wanted.rounds, say)
    yield from startup.json(found)
    show(startup.table(found))


def report_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """The page of a large results folder."""
    found = reporting.measure(wanted.rounds, say)
    yield from reporting.json(found)
    show(reporting.table(found))


PARTS = {"speed": speed_part, "scaling": scaling_part, "startup": startup_part, "report": report_part}
