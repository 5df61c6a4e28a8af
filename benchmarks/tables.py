"""Tables of results: a row for each task and method, and the machine."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from tabulate import tabulate

from benchmarks.rounds import Result

__all__ = ["footnotes", "machine", "number", "table", "tabulated"]


def table(results: Sequence[Result]) -> str:
    """Format seed-epochs per second, and the speed of the engine, the second competitor, relative to the others."""
    names = list(results[0].figures)
    reference, subject, *others = names
    headers = ["task", "method", *(f"{name}/s" for name in names), f"{subject} : {reference}", "no core idle"]
    headers += [f"{subject} : {other}" for other in others] + ["start ms", "rounds"]
    return tabulated(headers, [list(_row(result)) for result in results])


def tabulated(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a table whose first two columns are text and the others numbers."""
    return tabulate(rows, headers, disable_numparse=True, colalign=["left", "left"] + ["right"] * (len(headers) - 2))


def number(value: float) -> str:
    """Format a number with three significant digits, or all digits before the decimal point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def _row(result: Result) -> Iterator[str]:
    yield from (result.case.cell.task, result.case.cell.regularizer)
    reference, subject, *others = result.figures
    yield from (number(1.0 / result.seconds(name)) for name in result.figures)
    ratios, busy = result.ratios(subject), result.busy_ratio(subject)
    yield f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    yield "" if busy is None else f"{busy:.2f}"
    yield from (_compared(result, subject, other) for other in others)
    yield f"{1e3 * (result.detail(subject, 'start') or 0.0):.1f}"
    yield str(result.rounds)


def _compared(result: Result, subject: str, other: str) -> str:
    """Format a ratio; for the floor a percentage, and in brackets that without idle cores."""
    reached, busy = median(result.ratios(subject, other)), result.busy_ratio(subject, other)
    if other != "floor":
        return f"{reached:.2f}"
    return f"{100 * reached:.0f}%" + ("" if busy is None else f" ({100 * busy:.0f}%)")


def footnotes(result: Result) -> str:
    """Explain the columns."""
    return (
        f"/s: seed-epochs per second, evaluations included, medians. The engine trains {len(result.case.seeds)} seeds "
        "with one single-threaded\nworker per core (or on the CUDA device) until the last is done; 'no core idle' and "
        "brackets: where other cells follow,\nas in a suite. loop: one seed in ordinary PyTorch. authors: their MNIST "
        "script's procedure on every task:\none seed in float64, DataLoaders of four workers, evaluated every 10 "
        "epochs. floor: a lower bound on time, from the\nproducts and the bytes of the engine's code (see "
        "`benchmarks/floor.py`). 'rotated' trains XOR in its span; loop and\nauthors train all dimensions. 'start ms': "
        "data, initialisation and evaluation 0 of a seed, in no other column."
    )


def machine(facts: Mapping[str, Any]) -> str:
    """Describe the machine and its software."""
    return f"{facts['machine']}; {facts['device']}; torch {facts['torch']}, {facts['threads']} threads in the loop"
