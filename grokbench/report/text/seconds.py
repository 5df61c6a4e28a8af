"""What methods cost in seconds, as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tabulate import tabulate

from grokbench.judging.seconds import Cost, Estimate
from grokbench.records import Timing
from grokbench.report.text.prose import wrap
from grokbench.text.escape import markdown
from grokbench.text.numbers import figure, interval, number, ratio, times

__all__ = ["FORMATS", "estimate", "render"]

FORMATS = ("table", "markdown", "json")
WIDTH = 120  # columns of text for people
HEADERS = ("method", "s/epoch", "overhead", "published", "seconds to grok", "speed-up in time", "published")
LEGEND = (
    "s/epoch: of one replica trained alone, evaluation excluded, on the machine above. overhead: its ratio to the "
    "baseline's; published: what the published seconds and epochs imply. seconds to grok: s/epoch times mean epochs, "
    "and what was spent before training. speed-up in time: ratio of the mean seconds. In brackets: 95% intervals, "
    "which carry the spread over seeds and over rounds of timing. Epochs are capped at the budget: >= and <= mark what "
    "is only a bound, as seeds did not grok, by the end of its interval that stands; ~ what is neither."
)


def render(found: Sequence[Cost], title: str, timings: Sequence[Timing], style: str) -> str:
    """The costs as text in one of FORMATS; `title` says whose, `timings` where they were measured."""
    where = _measured_on(timings)
    if style == "json":
        data = {"title": title, "measured_on": where, "rows": [asdict(cost) for cost in found]}
        return json.dumps(data, indent=2, allow_nan=False)
    if not found:
        return "Nothing was timed yet: `grokbench run` times every method of a task once all of them have been trained."
    tasks = dict.fromkeys(cost.task for cost in found)
    blocks = [_block(task, [cost for cost in found if cost.task == task], style) for task in tasks]
    texts = [f"{title}. Measured on {' and on '.join(where) or 'a machine that is not known'}.", *blocks, LEGEND]
    if len(where) > 1:
        texts.insert(1, "Warning: methods timed on another machine than their baseline are not compared with it.")
    written = markdown if style == "markdown" else _wrapped
    return "\n\n".join(text if text in blocks else written(text) for text in texts)


def _measured_on(timings: Sequence[Timing]) -> list[str]:
    """The machines, with the device where that is no CPU, and the versions of torch."""
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
    kind, heading = ("pipe", f"### {markdown(task)}") if style == "markdown" else ("simple", task)
    align = ("left", *["right"] * (len(HEADERS) - 1))
    cells = [[markdown(text) if style == "markdown" else text for text in _cells(row)] for row in rows]
    return f"{heading}\n\n{tabulate(cells, HEADERS, tablefmt=kind, disable_numparse=True, colalign=align)}"


def _cells(cost: Cost) -> list[str]:
    return [
        cost.regularizer,
        _pace(cost.seconds_per_epoch),
        estimate(cost.overhead),
        times(cost.published_overhead),
        estimate(cost.seconds, cost.seconds_bound, number, ""),
        estimate(cost.speedup, cost.bound),
        times(cost.published_speedup),
    ]


def _pace(estimate: Estimate | None) -> str:
    """The figure, and how far the farther end of its interval is away."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return figure(estimate.value if estimate else None)
    away = max(estimate.high - estimate.value, estimate.value - estimate.low) / estimate.value
    return f"{number(estimate.value)} ±{100 * away:.2g}%"


def estimate(
    found: Estimate | None, bound: str | None = None, write: Callable[[float], str] = ratio, unit: str = "x"
) -> str:
    """A figure with its interval, see `interval`."""
    value, low, high = found or (None, None, None)
    return interval(value, low, high, bound, write, unit)


def _wrapped(text: str) -> str:
    return "\n".join(wrap(text, WIDTH))
