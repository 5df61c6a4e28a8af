"""A performance profile: the share of (task, seed) pairs on which a method needs at most tau times the least epochs."""

from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np

from grokbench.judging.profile import Profile, Profiles, profiles
from grokbench.report.charts.axes import Span, axis, scale
from grokbench.report.charts.sheet import Sheet
from grokbench.text.lists import listed, plural

__all__ = ["profile"]

LEAST_SPAN = 1.1  # smallest ratio at the end of the axis, such as if all methods are equally fast
MARGIN = 1.05  # end of the axis / largest ratio


def profile(sheet: Sheet) -> dict[str, Any] | None:
    """Plot the performance profile of every method that finished all tasks; None if fewer than two did.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
    """
    found = profiles(sheet.evidence.comparisons, sheet.evidence.tasks)
    if found is None:
        return None
    largest = max(ratio for each in found.profiles for ratio in each.ratios)
    span = (1.0, max(LEAST_SPAN, MARGIN * largest))
    steps = {each.method: _steps(each, found.problems, span[1]) for each in found.profiles}
    x = alt.X("ratio:Q", scale=scale(span, True), axis=axis("epochs / least epochs", span, True, grid=False))
    y = alt.Y("share:Q", scale=scale((0.0, 1.0), False), axis=alt.Axis(title="share of tasks x seeds", tickCount=5))
    base = alt.Chart(sheet.data(step for mine in steps.values() for step in mine)).encode(x=x, y=y)
    line = base.mark_line(interpolate="step-after", strokeWidth=sheet.style.line)
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("ratio:Q", format=".3~g"), alt.Tooltip("share:Q", format=".2f")]
    spots = sheet.spots(base, tooltip)
    layers = [*_layers(sheet, list(steps), base, line), *spots]
    said = _description(sheet, found, span)
    return sheet.plot(layers, grey=[sheet.grey(line), *spots], description=said)


def _layers(sheet: Sheet, methods: list[str], base: alt.Chart, line: alt.Chart) -> Iterator[alt.Chart]:
    """Draw the step functions, with a cross at the point where censoring ends one."""
    colour = sheet.colour(methods)
    yield line.encode(color=colour, strokeDash=sheet.dash(methods))
    ends = base.transform_filter("datum.unknown").mark_point(shape="cross", filled=True, size=45, opacity=1)
    yield ends.encode(color=colour)


def _steps(each: Profile, problems: int, last: float) -> list[dict[str, Any]]:
    """Return the points of a profile, up to the end of the axis or to the ratio from which the profile is unknown."""
    end = last if each.known_to is None else min(last, each.known_to)
    bends = [1.0, *(ratio for ratio in dict.fromkeys(each.ratios) if 1.0 < ratio <= end)]
    shares = np.searchsorted(each.ratios, bends, side="right") / problems
    points = [(ratio, float(share), False) for ratio, share in zip(bends, shares, strict=True)]
    points.append((end, points[-1][1], end < last))
    return [{"method": each.method, "ratio": ratio, "share": share, "unknown": end} for ratio, share, end in points]


def _description(sheet: Sheet, found: Profiles, span: Span) -> str:
    first = {each.method: sum(ratio == 1.0 for ratio in each.ratios) for each in found.profiles}
    said = "; ".join(f"{method} is the fastest on {count}" for method, count in first.items())
    more = [f" Not complete on all tasks: {listed(found.left_out)}."] if found.left_out else []
    more += [f" On {plural(found.unsolved, 'more')} no method grokked."] if found.unsolved else []
    of = plural(found.problems, "pair")
    return f"Performance profile over {of} of a task and a seed, ratios up to {span[1]:.3g}: {said}.{''.join(more)}"
