"""Labels at the ends of lines, for suites with more methods than there are distinguishable colours."""

from collections.abc import Mapping, Sequence

import altair as alt

from grokbench.report.charts.axes import Span, height_of, past
from grokbench.report.charts.sheet import Sheet

__all__ = ["CUT", "cut", "labels", "pixels", "spread"]

LONGEST = 28  # most characters of a label that are shown
BEFORE, AFTER = LONGEST // 2, LONGEST // 2 - 1  # characters shown before and after an ellipsis
SHORT = f"slice(datum.label, 0, {BEFORE}) + '…' + slice(datum.label, -{AFTER})"
CUT = f"length(datum.label) > {LONGEST} ? {SHORT} : datum.label"  # the same as `cut`, for the labels of an axis


def labels(
    sheet: Sheet, ends: Mapping[str, tuple[float, float]], x: alt.X, y: tuple[Span, bool], height: float
) -> list[alt.Chart]:
    """Draw the name of each method at the right of the plot, joined to its line; draw nothing if colours suffice.

    Args:
        sheet: the sheet to draw on.
        ends: method -> horizontal and vertical value at the end of its line.
        x: the horizontal axis.
        y: the span of the vertical axis, and whether it is logarithmic.
        height: the height of the plot, in pixels.
    """
    if not sheet.crowded:
        return []
    heights = [height_of(value, *y, height) for _, value in ends.values()]
    places = spread(heights, sheet.line_height, 0.0, height)
    field = str(x.shorthand).partition(":")[0]
    entries = [
        {"method": method, "label": cut(method), field: end, "from": start, "to": place}
        for (method, (end, _)), start, place in zip(ends.items(), heights, places, strict=True)
    ]
    base = alt.Chart(sheet.data(entries)).encode(color=sheet.colour(ends, legend=False))
    leader = base.mark_rule(strokeWidth=0.5, strokeOpacity=0.6)
    name = base.mark_text(align="left", baseline="middle")
    return [
        leader.encode(x=x, x2=alt.value("width"), y=pixels("from"), y2="to:Q"),
        name.encode(x=past("width", 4), y=pixels("to"), text="label:N"),
    ]


def pixels(field: str) -> alt.Y:
    """Return a vertical position that is read from a field, in pixels from the top of the plot."""
    return alt.Y(f"{field}:Q", scale=None, axis=None)


def spread(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Move positions apart until no two are closer than `least`, and keep their order.

    Args:
        places: positions, in any order.
        least: the smallest distance between neighbours.
        low: the smallest position.
        high: the largest position. If there are too many positions for the space, some fall below `low`.
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    moved, floor = list(places), low
    for i in order:
        moved[i] = max(places[i], floor)
        floor = moved[i] + least
    ceiling = high
    for i in reversed(order):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - least
    return moved


def cut(label: str) -> str:
    """Shorten a long label in its middle, because variants of a method differ at the end."""
    return label if len(label) <= LONGEST else f"{label[:BEFORE]}…{label[-AFTER:]}"
