"""Heat maps of the speed-up over learning rate and weight decay: a panel for each method with several settings."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from grokbench.report.charts.recipe_panels import RecipePanel, recipe_panels
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.summary import heat, speedup_entry
from grokbench.text.numbers import figure

__all__ = ["sensitivity"]

ROW = 2.2  # height of a row, in text sizes
RATE = "split(datum.label, '|')[1]"  # the learning rate, which is a part of a row's name
BOUND, LINE = "#d4d4d4", "#bbbbbb"  # colours of bounds, and of the lines between boxes
BOUNDED = "datum.bounded || datum.speedup === null"

Entry = dict[str, Any]


def sensitivity(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Plot the panels of a task, one below the other; None if no method has two settings.

    A speed-up that is only a bound is grey, and the setting of the suite's baseline is outlined.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
        task: the label of the task.
    """
    found = recipe_panels(sheet.evidence, task)
    entries = [entry for i, panel in enumerate(found) for entry in _entries(sheet, i, panel)]
    if not entries:
        return None
    names = [(i, rate) for i, panel in enumerate(found) for rate in (None, *dict.fromkeys(lr for lr, _ in panel.rows))]
    rows = [_row(i, rate) for i, rate in names]
    base = alt.Chart(sheet.data(entries)).encode(**_axes(found, rows), tooltip=["method:N", "text:N", "said:N"])
    box = base.mark_rect(stroke=LINE, strokeWidth=0.5, opacity=1)
    layers = [
        box.encode(color=heat(sheet, [entry for entry in entries if not entry["bounded"]])),
        box.transform_filter(BOUNDED).encode(color=alt.value(BOUND)),
        base.transform_filter("datum.recipe").mark_rect(fill=None, stroke="#111111", strokeWidth=1.5, opacity=1),
        base.mark_text(fill="#111111").encode(text="text:N"),
    ]
    heads = alt.Chart(sheet.data([{"row": _row(i), "panel": panel.title} for i, panel in enumerate(found)]))
    head = heads.mark_text(align="left", baseline="bottom", fontWeight="bold", dy=0.7 * sheet.style.text)
    y = alt.Y("row:N", sort=rows, scale=alt.Scale(domain=rows))
    titles = head.encode(x=alt.value(0), y=y, text="panel:N")
    said = _description(task, found, entries)
    return sheet.plot([], [*layers, titles], description=said, height=len(rows) * ROW * sheet.style.text)


def _axes(found: Sequence[RecipePanel], rows: Sequence[str]) -> dict[str, Any]:
    """Return both axes, by channel."""
    decays = sorted({decay for panel in found for _, decay in panel.rows})
    axis: dict[str, Any] = {"domain": False, "ticks": False, "grid": False}
    across = alt.Axis(title="weight decay", orient="bottom", labelAngle=0, **axis)
    down = alt.Axis(title="learning rate", labelExpr=RATE, **axis)
    return {
        "x": alt.X("decay:N", sort=[figure(decay) for decay in decays], axis=across),
        "y": alt.Y("row:N", sort=rows, scale=alt.Scale(domain=rows), axis=down),
    }


def _row(number: int, lr: float | None = None) -> str:
    """Name a row of the chart by its panel and learning rate; the first row of a panel has its title."""
    return f"{number}|{'' if lr is None else figure(lr)}"


def _entries(sheet: Sheet, number: int, panel: RecipePanel) -> Iterator[Entry]:
    for (lr, decay), row in panel.rows.items():
        judged = panel.judged((lr, decay))
        found = speedup_entry(sheet.evidence, judged)
        if row.regularizer == sheet.evidence.manifest.baseline:
            found |= {"speedup": 1.0, "text": "1"}
        place = {"method": row.regularizer, "row": _row(number, lr), "decay": figure(decay)}
        yield place | {"recipe": (lr, decay) == panel.recipe, "bounded": judged.shown_bound is not None} | found


def _description(task: str, found: Sequence[RecipePanel], entries: Sequence[Entry]) -> str:
    said = "; ".join(f"{entry['method']} {entry['text']}" for entry in entries)
    names = "; ".join(panel.title for panel in found)
    return f"Speed-up on {task} by learning rate and weight decay: {names}. * is significant. {said}."
