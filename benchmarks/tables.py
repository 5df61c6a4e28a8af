"""Results for people: one row per task and method, then the machine."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from tabulate import tabulate

from benchmarks.rounds import Result

__all__ = ["footnotes", "machine", "table"]


def table(results: Sequence[Result]) -> str:
    """Milliseconds per seed-epoch, and how many times as fast as the loop (lowest and highest round)."""
    names = list(results[0].figures)
    ratios = [header for name in names[1:] for header in (f"{names[0]} / {name}", "no core idle")]
    headers = ["task", "method", "epochs", *(f"{name} ms" for name in names), *ratios, "start ms", "rounds"]
    rows = [list(_row(result)) for result in results]
    return tabulate(rows, headers, disable_numparse=True, colalign=_align(headers))


def _align(headers: Sequence[str]) -> list[str]:
    return ["left", "left"] + ["right"] * (len(headers) - 2)


def _row(result: Result) -> Iterator[str]:
    yield from (result.case.cell.task, result.case.cell.regularizer, str(result.case.cell.budget))
    names = list(result.figures)
    yield from (f"{1e3 * result.seconds(name):.2f}" for name in names)
    for name in names[1:]:
        ratios, busy = result.ratios(name), result.busy_ratio(name)
        yield f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        yield "" if busy is None else f"{busy:.2f}"
    start = max((result.detail(name, "start") or 0.0) for name in names)
    yield f"{1e3 * start:.1f}"
    yield str(result.rounds)


def footnotes(result: Result) -> str:
    """What the columns mean."""
    return (
        f"ms: per seed-epoch, evaluations included, medians. The engine trains {len(result.case.seeds)} seeds with one "
        "single-threaded worker\nper core, until the last core is done; 'no core idle' is its ratio where other cells "
        "follow, as in a suite.\n'start ms': data, initialisation and evaluation 0 of a seed, in no other column."
    )


def machine(facts: Mapping[str, Any]) -> str:
    """The machine, and what ran on it."""
    return f"{facts['machine']}; torch {facts['torch']}, {facts['threads']} threads in the loop"
