"""Published ratios of means beside ours: the same statistic on one axis, unlike the speed-ups of the other figures."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from grokbench.judging.row import Row
from grokbench.report.charts.axes import around, axis, scale
from grokbench.report.charts.labels import CUT
from grokbench.report.charts.sheet import Sheet
from grokbench.text.numbers import interval, times

__all__ = ["published"]

ROW = 2.2  # height of a row, in text sizes
MOST = 5  # ticks
SMALLEST = 1e-6  # smallest ratio on the logarithmic axis, because an interval may reach down to 0


def published(sheet: Sheet) -> dict[str, Any] | None:
    """Plot our ratio of means, with its interval, and the published ratio for each row with both; None if no row has.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
    """
    rows = [row for row in sheet.evidence.leaderboard.rows if None not in (row.published_speedup, row.speedup_of_means)]
    if not rows:
        return None
    entries = list(_entries(rows, len({row.task for row in rows}) > 1))
    order = [entry["row"] for entry in entries]
    names = alt.Axis(title=None, ticks=False, domain=False, labelPadding=8, grid=False, labelExpr=CUT)
    base = alt.Chart(sheet.data(entries)).encode(y=alt.Y("row:N", sort=order, axis=names))
    x = _x(entries)
    tooltip = [alt.Tooltip("row:N"), alt.Tooltip("ours:N"), alt.Tooltip("theirs:N", title="published")]
    colour = sheet.colour(list(dict.fromkeys(row.regularizer for row in rows)), legend=False)
    ours = base.mark_point(filled=True, opacity=1, size=5 * sheet.style.text).encode(x="ratio:Q", tooltip=tooltip)
    line = base.mark_rule(strokeWidth=2 * sheet.style.line).encode(x=alt.X("low:Q", **x), x2="high:Q")
    layers = [
        base.mark_rule(strokeWidth=0.7 * sheet.style.line).encode(x=alt.X("their_low:Q", **x), x2="their_high:Q"),
        base.mark_tick(thickness=2, size=1.6 * sheet.style.text).encode(x="published:Q", tooltip=tooltip),
    ]
    coloured = [line.encode(color=colour), ours.encode(color=colour)]
    unity = alt.Chart(sheet.data([{"ratio": 1}])).mark_rule(strokeDash=[2, 2], strokeOpacity=0.6).encode(x="ratio:Q")
    height = len(entries) * ROW * sheet.style.text + 8
    grey = [sheet.grey(line), sheet.grey(ours).encode(tooltip=tooltip)]
    said = "; ".join(f"{entry['row']} {entry['ours']}, published {entry['theirs']}" for entry in entries)
    said = f"Ratio of mean epochs, the baseline's to the method's, with 95% intervals, and the published ratio: {said}."
    return sheet.plot(coloured, [unity, *layers], grey=grey, description=said, height=height)


def _entries(rows: Sequence[Row], several: bool) -> Iterator[dict[str, Any]]:
    for row in rows:
        low, high = row.speedup_of_means_low, row.speedup_of_means_high
        known = row.speedup_bound is None and low is not None and high is not None
        ours = interval(row.speedup_of_means, low, high, row.speedup_bound)
        theirs = interval(row.published_speedup, row.published_speedup_low, row.published_speedup_high)
        yield {
            "method": row.regularizer,
            "row": f"{row.regularizer}, {row.task}" if several else row.regularizer,
            "ratio": row.speedup_of_means,
            "low": max(low or 0.0, SMALLEST) if known else None,
            "high": high if known else None,
            "published": row.published_speedup,
            "their_low": row.published_speedup_low,
            "their_high": row.published_speedup_high,
            "ours": ours,
            "theirs": theirs if row.published_speedup_low is not None else times(row.published_speedup),
        }


def _x(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("ratio", "low", "high", "published", "their_low", "their_high")
    span = around([1.0, *(entry[name] for entry in entries for name in names if entry[name])], log=True)
    title = "ratio of mean epochs (upright mark: published)"
    return {"scale": scale(span, True), "axis": axis(title, span, True, MOST)}
