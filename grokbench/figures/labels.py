"""Names beside the ends of lines, for more methods than colours tell apart."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from grokbench.figures.sheet import Sheet, past, spread

__all__ = ["labels", "room"]

LONGEST = 28  # characters of a label that are shown


def labels(
    sheet: Sheet, ends: Mapping[str, tuple[float, float]], x: alt.X, domain: tuple[float, float], height: float
) -> list[alt.Chart]:
    """A name for each line at the right of the plot, and a thin one that leads to it; nothing where colours do.

    Args:
        sheet: what the lines are drawn on.
        ends: method -> epoch and value at which its line ends.
        x: the axis of epochs.
        domain: of the values.
        height: of the plot in pixels.
    """
    if not sheet.crowded:
        return []
    low, high = domain
    places = spread([value for _, value in ends.values()], (high - low) * sheet.line_height / height, low, high)
    entries: list[dict[str, Any]] = [
        {"method": method, "label": _cut(method), "epoch": epoch, "value": value, "place": place}
        for (method, (epoch, value)), place in zip(ends.items(), places, strict=True)
    ]
    base = alt.Chart(sheet.data(entries)).encode(color=sheet.colour(legend=False))
    leader = base.mark_rule(strokeWidth=0.5, opacity=0.6)
    name = base.mark_text(align="left", baseline="middle")
    return [
        leader.encode(x=x, x2=alt.value("width"), y="value:Q", y2="place:Q"),
        name.encode(x=past("width", 4), y="place:Q", text="label:N"),
    ]


def room(sheet: Sheet, methods: Mapping[str, Any]) -> float:
    """The width of the names in pixels; 0 where there are none."""
    return 0.6 * sheet.style.text * max(len(_cut(method)) for method in methods) if sheet.crowded else 0.0


def _cut(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST // 2]}…{label[-LONGEST // 2 :]}"
