"""Seconds to grok against epochs to grok: what a method saves in epochs it may spend in each of them."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from grokbench.figures.sheet import Sheet
from grokbench.notes import number

__all__ = ["seconds"]

Entry = dict[str, Any]


def seconds(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """A point per method with the 95% interval of its seconds; None where nothing was timed."""
    entries = list(_entries(sheet, task))
    if not entries:
        return None
    x = alt.X("epochs:Q", **_axis("epochs to grok, mean", [entry["epochs"] for entry in entries]))
    ends = [entry[name] for entry in entries for name in ("low", "seconds", "high") if entry[name]]
    y = _axis("seconds to grok", ends)
    base, colour = alt.Chart(sheet.data(entries)).encode(x=x, color=sheet.colour()), sheet.colour()
    layers = [
        base.mark_rule(strokeWidth=sheet.style.line).encode(y=alt.Y("low:Q", **y), y2="high:Q"),
        base.mark_point(filled=True, opacity=1, size=60).encode(y="seconds:Q", color=colour, tooltip=_tooltip()),
    ]
    if sheet.crowded:
        layers.append(base.mark_text(align="left", dx=6).encode(y="seconds:Q", text="method:N"))
    return sheet.finished(sheet.chart(layers), _described(task, entries), 80 if sheet.crowded else 0)


def _entries(sheet: Sheet, task: str) -> Iterator[Entry]:
    for row in sheet.evidence.rows(task):
        cost = sheet.evidence.costs.get((task, row.regularizer))
        if cost and cost.seconds and row.epochs_mean:
            found = {"seconds": cost.seconds.value, "low": cost.seconds.low, "high": cost.seconds.high}
            bound = "at least: some seeds did not grok" if cost.seconds_bound else "estimate"
            yield {"method": row.regularizer, "epochs": row.epochs_mean, "kind": bound, **found}


def _axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """A logarithmic axis: a line of equal seconds per epoch is then a diagonal."""
    domain = [min(values) / 1.2, max(values) * 1.2]
    axis = alt.Axis(title=title, format="~s", tickCount=5, labelOverlap="greedy")
    return {"scale": alt.Scale(type="log", domain=domain, nice=False), "axis": axis}


def _tooltip() -> list[alt.Tooltip]:
    shown = {"epochs": "epochs", "seconds": "seconds", "low": "from", "high": "to"}
    numbers = (alt.Tooltip(f"{field}:Q", title=title, format=".4~g") for field, title in shown.items())
    return [alt.Tooltip("method:N"), *numbers, alt.Tooltip("kind:N", title="what it is")]


def _described(task: str, entries: Sequence[Entry]) -> str:
    said = "; ".join(f"{entry['method']} {number(entry['seconds'])}" for entry in entries)
    return f"Seconds to grok {task} against epochs to grok, logarithmic axes. Seconds: {said}."
