"""A chart of seconds to grok against epochs to grok: a method with fewer epochs may need more seconds per epoch."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from grokbench.report.charts.axes import EPOCHS, around, axis, scale
from grokbench.report.charts.sheet import Sheet
from grokbench.text.numbers import number

__all__ = ["seconds"]

ESTIMATE, BOUND = "estimate", "at least: some seeds did not grok"
SHAPES = {ESTIMATE: "circle", BOUND: "triangle-up"}

Entry = dict[str, Any]


def seconds(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Plot a point for each method of a task, with the 95% interval of its seconds; None if nothing was timed.

    A bound is drawn at its valid end, without an interval.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
        task: the label of the task.
    """
    entries = list(_entries(sheet, task))
    if not entries:
        return None
    methods = [entry["method"] for entry in entries]
    across = around([entry["epochs"] for entry in entries], log=True)
    up = around([entry[name] for entry in entries for name in ("low", "seconds", "high") if entry[name]], log=True)
    below = axis("epochs to grok, mean", across, True, form=EPOCHS)
    x = alt.X("epochs:Q", scale=scale(across, True), axis=below)
    y: dict[str, Any] = {"scale": scale(up, True), "axis": axis("seconds to grok", up, True)}
    colour = sheet.colour(methods)
    base = alt.Chart(sheet.data(entries)).encode(x=x)
    shape = alt.Shape("kind:N", legend=None, scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES.values())))
    rule = base.mark_rule(strokeWidth=sheet.style.line).encode(y=alt.Y("low:Q", **y), y2="high:Q")
    point = base.mark_point(filled=True, opacity=1, size=5 * sheet.style.text).encode(
        y=alt.Y("seconds:Q", **y), shape=shape
    )
    layers = [rule.encode(color=colour), point.encode(color=colour, tooltip=_tooltip())]
    said = _description(task, entries)
    return sheet.plot(layers, grey=[sheet.grey(rule), sheet.grey(point)], description=said)


def _entries(sheet: Sheet, task: str) -> Iterator[Entry]:
    for row in sheet.evidence.rows(task):
        cost = sheet.evidence.costs.get((task, row.regularizer))
        if cost and cost.seconds and cost.seconds_valid_end and row.epochs_mean:
            kind, low, high = (BOUND, None, None) if cost.seconds_bound else (ESTIMATE, *cost.seconds[1:])
            found = {"seconds": cost.seconds_valid_end, "low": low or None, "high": high}  # the axis has no 0
            yield {"method": row.regularizer, "epochs": row.epochs_mean, "kind": kind, **found}


def _tooltip() -> list[alt.Tooltip]:
    shown = {"epochs": "epochs", "seconds": "seconds", "low": "from", "high": "to"}
    numbers = (alt.Tooltip(f"{field}:Q", title=title, format=".4~g") for field, title in shown.items())
    return [alt.Tooltip("method:N"), *numbers, alt.Tooltip("kind:N", title="what it is")]


def _description(task: str, entries: Sequence[Entry]) -> str:
    least = {BOUND: "at least ", ESTIMATE: ""}
    said = "; ".join(f"{each['method']} {least[each['kind']]}{number(each['seconds'])}" for each in entries)
    return f"Seconds to grok {task} against epochs to grok, logarithmic axes. Seconds: {said}."
