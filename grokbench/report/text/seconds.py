"""The cost of methods in seconds, as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from grokbench.judging.refusals import refusal
from grokbench.judging.seconds import Cost, Estimate
from grokbench.records import Timing
from grokbench.report.text.prose import wrap
from grokbench.text.escape import markdown, printable
from grokbench.text.numbers import NOTHING, figure, interval, number, ratio, times
from grokbench.text.table import table

__all__ = ["FORMATS", "estimate", "render"]

FORMATS = ("table", "markdown", "json")
WIDTH = 120  # columns of text for people
HEADERS = (
    "method",
    "s/epoch",
    "flop/epoch",
    "overhead",
    "published",
    "seconds to grok",
    "speed-up in time",
    "published",
)
LEGEND = (
    "s/epoch: of one replica trained alone, evaluation excluded, on the machine above. flop/epoch: multiplications "
    "and additions in matrix products, convolutions and factorizations. overhead: s/epoch divided by the baseline's; "
    "published: implied by the published seconds and epochs. seconds to grok: s/epoch times mean epochs, plus the "
    "time before training. speed-up in time: the baseline's seconds to grok divided by these. In brackets: 95% "
    "intervals, from the spread over seeds and over rounds of timing. Epochs are capped at the budget. >= and <=: "
    "one-sided bounds, because some seeds never grokked (the valid end of the interval is shown); ~: no valid bound."
)


def render(found: Sequence[Cost], title: str, timings: Sequence[Timing], style: str) -> str:
    """Write the costs of methods as text.

    Args:
        found: the cost of each cell.
        title: the beginning of a text for people.
        timings: the timings of the folder, with the machines in their provenance.
        style: one of FORMATS.
    """
    where = _measured_on(timings)
    if style == "json":
        data = {"title": title, "measured_on": where, "rows": list(map(_data, found))}
        return json.dumps(data, indent=2, allow_nan=False)
    if not found:
        return "Nothing was timed yet: `grokbench run` times the methods of a task when all of them have been trained."
    tasks = dict.fromkeys(cost.task for cost in found)
    blocks = [_block(task, [cost for cost in found if cost.task == task], style) for task in tasks]
    refused = [(cost, cost.refused) for cost in found if cost.refused is not None]
    without = [f"{cost.task} / {cost.regularizer}: {refusal(share)}." for cost, share in refused]
    written = markdown if style == "markdown" else _wrapped
    before = [f"{title}. Measured on {' and on '.join(where) or 'a machine that is not known'}."]
    if len(where) > 1:
        before.append("Warning: methods timed on another machine than their baseline are not compared with it.")
    return "\n\n".join([*map(written, before), *blocks, *map(written, without), written(LEGEND)])


def _data(cost: Cost) -> dict[str, Any]:
    return asdict(cost) | {name: getattr(cost, name) for name in ("seconds_valid_end", "speedup_valid_end")}


def _measured_on(timings: Sequence[Timing]) -> list[str]:
    """List the machines, each with its device (unless it is the CPU), the version of torch and the precision."""
    found = dict.fromkeys(
        ", ".join(
            str(value)
            for value in (
                made.get("machine"),
                made.get("device_name") if made.get("device") != "cpu" else None,
                f"torch {made['torch']}" if made.get("torch") else None,
                made.get("precision"),
            )
            if value
        )
        for made in (timing.provenance for timing in timings)
    )
    return [place for place in found if place]


def _block(task: str, rows: Sequence[Cost], style: str) -> str:
    align = ("left", *["right"] * (len(HEADERS) - 1))
    if style == "table":
        return f"{printable(task)}\n\n{table(map(_cells, rows), HEADERS, align)}"
    cells = [list(map(markdown, _cells(row))) for row in rows]
    piped = tabulate(cells, HEADERS, tablefmt="pipe", disable_numparse=True, colalign=align)
    return f"### {markdown(task)}\n\n{piped}"


def _cells(cost: Cost) -> list[str]:
    return [
        cost.regularizer,
        _pace(cost.seconds_per_epoch),
        NOTHING if cost.flop_per_epoch is None else f"{cost.flop_per_epoch:.3g}",
        estimate(cost.overhead),
        times(cost.published_overhead),
        estimate(cost.seconds, cost.seconds_bound, number, ""),
        estimate(cost.speedup, cost.bound),
        times(cost.published_speedup),
    ]


def _pace(estimate: Estimate | None) -> str:
    """Write a number, with the distance to the farther end of its interval."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return figure(estimate.value if estimate else None)
    away = max(estimate.high - estimate.value, estimate.value - estimate.low) / estimate.value
    return f"{number(estimate.value)} ±{number(float(f'{100 * away:.2g}'))}%"


def estimate(
    found: Estimate | None, bound: str | None = None, write: Callable[[float], str] = ratio, unit: str = "x"
) -> str:
    """Write a number with its interval, by `text.numbers.interval`.

    Args:
        found: the number and the ends of its interval; None is written as NOTHING.
        bound: None for an uncensored number, otherwise "lower", "upper" or "mixed".
        write: the function that writes numbers.
        unit: the text after each number.
    """
    value, low, high = found or (None, None, None)
    return interval(value, low, high, bound, write, unit)


def _wrapped(text: str) -> str:
    return "\n".join(wrap(text, WIDTH))
