"""What methods cost in seconds, as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from grokbench.notes import BOUND_SIGN, number
from grokbench.prose import wrap
from grokbench.seconds import Cost, Estimate

__all__ = ["FORMATS", "render"]

FORMATS = ("table", "markdown", "json")
WIDTH = 120  # columns of text for people
HEADERS = ("method", "s/epoch", "overhead", "published", "seconds to grok", "speed-up in time", "published")
LEGEND = (
    "s/epoch: of one replica trained alone, evaluation excluded, on the machine above. overhead: its ratio to the "
    "baseline's; published: what the published seconds and epochs imply. seconds to grok: s/epoch times mean epochs, "
    "and what was spent before training. speed-up in time: ratio of the mean seconds. In brackets: 95% intervals, "
    "which carry the spread over seeds and over rounds of timing."
)


def render(found: Sequence[Cost], title: str, style: str) -> str:
    """The costs as text in one of FORMATS; `title` says whose, and where they were measured."""
    if style == "json":
        return json.dumps({"title": title, "rows": [asdict(cost) for cost in found]}, indent=2, allow_nan=False)
    if not found:
        return "Nothing was timed yet: `grokbench run` times every method of a task once all of them have been trained."
    tasks = dict.fromkeys(cost.task for cost in found)
    blocks = [_block(task, [cost for cost in found if cost.task == task], style) for task in tasks]
    around = [title, *blocks, LEGEND] if style == "markdown" else [_wrapped(title), *blocks, _wrapped(LEGEND)]
    return "\n\n".join(around)


def _block(task: str, rows: Sequence[Cost], style: str) -> str:
    kind, heading = ("pipe", f"### {task}") if style == "markdown" else ("simple", task)
    align = ("left", *["right"] * (len(HEADERS) - 1))
    cells = [[text.replace("|", "\\|") if style == "markdown" else text for text in _cells(row)] for row in rows]
    return f"{heading}\n\n{tabulate(cells, HEADERS, tablefmt=kind, disable_numparse=True, colalign=align)}"


def _cells(cost: Cost) -> list[str]:
    return [
        cost.regularizer,
        _estimate(cost.seconds_per_epoch),
        _estimate(cost.overhead, "x"),
        _figure(cost.published_overhead, "x"),
        _estimate(cost.seconds),
        BOUND_SIGN[cost.bound if cost.speedup else None] + _estimate(cost.speedup, "x"),
        _figure(cost.published_speedup, "x"),
    ]


def _estimate(estimate: Estimate | None, unit: str = "") -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return _figure(estimate.value if estimate else None, unit)
    return f"{number(estimate.value)}{unit} [{number(estimate.low)}, {number(estimate.high)}]"


def _figure(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{number(value)}{unit}"


def _wrapped(text: str) -> str:
    return "\n".join(wrap(text, WIDTH))
