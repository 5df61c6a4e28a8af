"""Heat maps of the speed-up over learning rate and weight decay: a panel for each method with several settings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from grokbench.judging.row import Row
from grokbench.records import Cell
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.summary import EDGE, PLAIN, heat, speedup_entry
from grokbench.text.numbers import figure

__all__ = ["Panel", "panels", "sensitivity"]

ROW = 2.2  # height of a row, in text sizes
AXES = ("lr", "weight_decay")
RATE = "split(datum.label, '|')[1]"  # the learning rate, which is a part of a row's name

Setting = tuple[float, float]  # learning rate, weight decay
Entry = dict[str, Any]


@dataclass(frozen=True)
class Panel:
    """A panel: the rows of one task that differ only in learning rate and weight decay.

    Attributes:
        number: the number of the panel, from 0.
        name: the plugins, with parameters if several panels have the same plugins.
        rows: (learning rate, weight decay) -> the row.
    """

    number: int
    name: str
    rows: Mapping[Setting, Row]


def sensitivity(sheet: Sheet, task: str) -> dict[str, Any] | None:
    """Plot the panels of a task, one below the other; None if no method has two settings.

    Args:
        sheet: the sheet to draw on; it receives the rows of the chart in its `datasets`.
        task: the label of the task.
    """
    found = panels(sheet, task)
    entries = [entry for panel in found for entry in _entries(sheet, panel)]
    if not entries:
        return None
    rows = [row for panel in found for row in (_name(panel), *dict.fromkeys(_name(panel, lr) for lr, _ in panel.rows))]
    decays = sorted({decay for panel in found for _, decay in panel.rows})
    axis: dict[str, Any] = {"domain": False, "ticks": False, "grid": False}
    y = alt.Y(
        "row:N", sort=rows, scale=alt.Scale(domain=rows), axis=alt.Axis(title="learning rate", labelExpr=RATE, **axis)
    )
    across = alt.Axis(title="weight decay", orient="bottom", labelAngle=0, **axis)
    x = alt.X("decay:N", sort=[figure(decay) for decay in decays], axis=across)
    base = alt.Chart(sheet.data(entries)).encode(x=x, y=y, tooltip=["method:N", "text:N", "said:N"])
    layers = [
        base.mark_rect(stroke="white", strokeWidth=1, opacity=1).encode(color=heat(sheet, entries)),
        base.transform_filter("!datum.coloured").mark_rect(color=PLAIN, stroke=EDGE, strokeWidth=0.5, opacity=1),
        base.mark_text(fill="#111111").encode(text="text:N"),
    ]
    heads = alt.Chart(sheet.data([{"row": _name(panel), "panel": panel.name} for panel in found]))
    head = heads.mark_text(align="left", baseline="bottom", fontWeight="bold", dy=0.7 * sheet.style.text)
    titles = head.encode(x=alt.value(0), y=y, text="panel:N")
    said = _description(task, found, entries)
    return sheet.plot(layers, [titles], description=said, height=len(rows) * ROW * sheet.style.text)


def panels(sheet: Sheet, task: str) -> list[Panel]:
    """Group the rows of a task into the panels with at least two settings, and the baseline's panel if there are such.

    Args:
        sheet: the sheet, with the evidence.
        task: the label of the task.
    """
    rows = {row.regularizer: row for row in sheet.evidence.rows(task)}
    groups: dict[str, dict[Setting, Row]] = {}
    cells: dict[str, Cell] = {}
    for cell in sheet.evidence.manifest.cells:
        setting = _setting(cell)
        if cell.task == task and setting is not None:
            key = json.dumps([[use.data() for use in cell.recipe.regularizers], _rest(cell)], sort_keys=True)
            cells.setdefault(key, cell)
            groups.setdefault(key, {}).setdefault(setting, rows[cell.regularizer])
    baseline = sheet.evidence.manifest.baseline
    several = any(len(group) > 1 for group in groups.values())
    kept = [key for key, group in groups.items() if several and (len(group) > 1 or cells[key].regularizer == baseline)]
    ordered = [dict(sorted(groups[key].items(), key=lambda each: (-each[0][0], each[0][1]))) for key in kept]
    names = _names([cells[key] for key in kept])
    return [Panel(i, name, group) for i, (name, group) in enumerate(zip(names, ordered, strict=True))]


def _settings(cell: Cell) -> dict[str, Any]:
    """Return the settings of a cell's optimizer; folders of older versions have only those in the task's parameters."""
    return {**cell.recipe.task.parameters, **(cell.recipe.optimizer or {}), **cell.optimizer}


def _setting(cell: Cell) -> Setting | None:
    lr, decay = (_settings(cell).get(name) for name in AXES)
    known = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (lr, decay))
    return (float(lr), float(decay)) if known and lr is not None and decay is not None else None


def _rest(cell: Cell) -> dict[str, Any]:
    """Return the settings that the suite gives, except learning rate and weight decay."""
    return {name: value for name, value in (cell.recipe.optimizer or {}).items() if name not in AXES}


def _names(cells: Sequence[Cell]) -> list[str]:
    """Name panels by their plugins, and by parameters if several panels have the same plugins."""
    plain = [" + ".join(use.name for use in cell.recipe.regularizers) or cell.regularizer for cell in cells]
    return [
        name if plain.count(name) == 1 else f"{name} ({_told(cell)})" for name, cell in zip(plain, cells, strict=True)
    ]


def _told(cell: Cell) -> str:
    given = {key: v for use in cell.recipe.regularizers for key, v in use.parameters.items()} | _rest(cell)
    return ", ".join(f"{key} {value}" for key, value in given.items()) or "the task's own recipe"


def _name(panel: Panel, lr: float | None = None) -> str:
    """Name a row of the chart by its panel and learning rate; the first row of a panel has the panel's name."""
    return f"{panel.number}|{'' if lr is None else figure(lr)}"


def _entries(sheet: Sheet, panel: Panel) -> Iterator[Entry]:
    for (lr, decay), row in panel.rows.items():
        found = speedup_entry(sheet.evidence, row)
        if row.regularizer == sheet.evidence.manifest.baseline:
            found |= {"speedup": 1.0, "text": "1"}
        yield {"method": row.regularizer, "row": _name(panel, lr), "decay": figure(decay), **found}


def _description(task: str, found: Sequence[Panel], entries: Sequence[Entry]) -> str:
    said = "; ".join(f"{entry['method']} {entry['text']}" for entry in entries)
    names = ", ".join(panel.name for panel in found)
    return f"Speed-up on {task} by learning rate and weight decay, for {names}; * is significant. {said}."
