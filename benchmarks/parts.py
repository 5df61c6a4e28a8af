"""The parts of a measurement: each yields its rows as they come, and prints a table at its end."""

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from benchmarks import scaling, startup, tables
from benchmarks.cases import METHODS, Case, missing_data, shipped_cases
from benchmarks.competitors import competitors, loop_seeds, seconds_per_epoch
from benchmarks.gauge import Gauging, rates
from benchmarks.rounds import Result, measure
from grokbench.plugins import load_registry

__all__ = ["PARTS", "QUICK", "Wanted", "cases", "scaling_part", "speed_part", "startup_part"]

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
    without: tuple[str, ...] = ()  # competitors
    gauging: Gauging | None = None  # how the machine is measured, where not as usual
    measured: frozenset[tuple[str, str]] = frozenset()  # (task, method) that need not be measured again


QUICK: dict[str, Any] = {"seeds": 10, "sizes": (1, 2, 4), "rounds": 1, "seconds": 0.5}


def cases(wanted: Wanted, say: Say) -> Iterator[Case]:
    """The cases; those without data are left out, with a word."""
    registry = load_registry()
    methods = wanted.methods or METHODS
    for case in shipped_cases(wanted.tasks, wanted.seeds, wanted.full_xor, registry, methods, wanted.device):
        if (case.cell.task, case.cell.regularizer) in wanted.measured:
            continue
        if why := missing_data(case.step):
            say(f"{case.name} is left out: {why}")
        else:
            yield case


def speed_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """Everybody side by side."""
    results: list[Result] = []
    paid = wanted.seeds if wanted.device == "cpu" else loop_seeds(wanted.device)
    with closing(rates(wanted.device, wanted.gauging)) as gauge:
        rivals = competitors(gauge, wanted.without)
        for case in cases(wanted, say):
            timed = case.lasting(math.ceil(wanted.seconds / paid / seconds_per_epoch(case)))
            say(f"{case.name}: {timed.cell.budget} epochs")
            results.append(measure(timed, rivals, wanted.rounds, say))
            yield results[-1].json()
    if results:
        show(f"{tables.table(results)}\n\n{tables.footnotes(results[0])}")


def scaling_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """The engine with more and more seeds, about two rounds' seconds for all sizes together."""
    growths = []
    for case in cases(replace(wanted, methods=wanted.methods or METHODS[:1]), say):
        epochs = math.ceil(2 * wanted.seconds / sum(wanted.sizes) / seconds_per_epoch(case))
        growths.append(scaling.grow(case.lasting(epochs), wanted.sizes, wanted.rounds, say))
        yield growths[-1].json()
    if growths:
        show(scaling.table(growths))


def startup_part(wanted: Wanted, say: Say, show: Say) -> Iterator[dict[str, Any]]:
    """The waits before anything happens."""
    found = startup.measure(wanted.rounds, say)
    yield from startup.json(found)
    show(startup.table(found))


PARTS = {"speed": speed_part, "scaling": scaling_part, "startup": startup_part}
