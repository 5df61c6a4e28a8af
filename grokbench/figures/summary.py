"""Every speed-up of a suite at a glance. Methods are averaged only where all of them have the same tasks."""

import math
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

import altair as alt

from grokbench.evidence import Evidence
from grokbench.figures.sheet import Sheet
from grokbench.notes import BOUND_SIGN, number
from grokbench.ranking import Row

__all__ = ["averages", "summary"]

ROW = 2.4  # the height of a row, in text sizes
STRONGEST = 8.0  # the factor from which on a colour is no stronger
SLOWER, NEITHER, FASTER = "#d98d3a", "#e8e8e8", "#4a8fd6"  # told apart with any colour vision


def summary(sheet: Sheet) -> dict[str, Any] | None:
    """A table of tasks and methods, coloured by speed-up; None where nothing was compared.

    A last column holds the geometric mean over all tasks of those methods that have a speed-up on every one.
    """
    entries = list(_entries(sheet.evidence))
    if all(entry["speedup"] is None for entry in entries):
        return None
    order = list(dict.fromkeys(entry["method"] for entry in entries))
    tasks = list(dict.fromkeys(entry["task"] for entry in entries))
    x = alt.X("task:N", sort=tasks, axis=alt.Axis(title=None, orient="top", labelAngle=-30, domain=False, ticks=False))
    y = alt.Y("method:N", sort=order, axis=alt.Axis(title=None, domain=False, ticks=False))
    ends = [1 / STRONGEST, 1, STRONGEST]
    scale = alt.Scale(type="log", domain=ends, range=[SLOWER, NEITHER, FASTER], clamp=True)
    base = alt.Chart(sheet.data(entries)).encode(x=x, y=y, tooltip=["method:N", "task:N", "text:N", "said:N"])
    colour = alt.Color("speedup:Q", scale=scale, legend=None)
    box = base.mark_rect(stroke="white", strokeWidth=1, opacity=1).encode(color=colour)
    text = base.mark_text(fill="#111111").encode(text="text:N")
    empty = base.transform_filter("datum.speedup === null").mark_rect(color="#f4f4f4")
    height = len(order) * ROW * sheet.style.text
    return sheet.finished(sheet.chart([box, empty, text], height=height), _described(entries))


def averages(evidence: Evidence) -> dict[str, tuple[float, str]]:
    """Method -> the geometric mean of its speed-ups over all tasks, and the sign of the bound that it is.

    Only of methods that have a speed-up on every task that was begun, so that all are averages of the same tasks;
    nothing where there is but one task.
    """
    found = {}
    for method in _methods(evidence):
        rows = [_row(evidence, task, method) for task in evidence.tasks]
        known = [row for row in rows if row is not None and row.speedup is not None]
        if len(known) == len(evidence.tasks) > 1:
            mean = math.exp(fmean(math.log(row.speedup) for row in known if row.speedup))
            found[method] = (mean, _bound([row.speedup_bound for row in known]))
    return found


def _entries(evidence: Evidence) -> Iterator[dict[str, Any]]:
    means = averages(evidence)
    everything = f"all {len(evidence.tasks)} tasks"
    for method in _methods(evidence):
        for task in evidence.tasks:
            yield {"method": method, "task": task, **_cell(evidence, _row(evidence, task, method))}
        if means:
            mean, sign = means.get(method, (None, ""))
            said = "geometric mean" if mean else "not compared on all tasks: no average"
            yield {"method": method, "task": everything, "speedup": mean, "text": _text(mean, sign), "said": said}


def _cell(evidence: Evidence, row: Row | None) -> dict[str, Any]:
    if row is None or row.speedup is None:
        return {"speedup": None, "text": "–", "said": "; ".join(row.notes) if row else "not planned"}
    p = row.p_holm if evidence.manifest.statistics.correction == "holm" else None
    sure = p is not None and p <= evidence.manifest.statistics.alpha
    text = _text(row.speedup, BOUND_SIGN[row.speedup_bound]) + (" *" if sure else "")
    return {"speedup": row.speedup, "text": text, "said": "; ".join(row.notes)}


def _text(ratio: float | None, sign: str) -> str:
    return "–" if ratio is None else f"{sign.replace('<= ', '≤').replace('>= ', '≥')}{number(ratio)}x"


def _bound(bounds: Sequence[str | None]) -> str:
    kinds = {bound for bound in bounds if bound is not None}
    return BOUND_SIGN[next(iter(kinds)) if len(kinds) == 1 else "mixed" if kinds else None]


def _methods(evidence: Evidence) -> list[str]:
    return [method for method in evidence.methods if method != evidence.manifest.baseline]


def _row(evidence: Evidence, task: str, method: str) -> Row | None:
    return next((row for row in evidence.rows(task) if row.regularizer == method), None)


def _described(entries: Sequence[dict[str, Any]]) -> str:
    said = "; ".join(f"{entry['method']} on {entry['task']} {entry['text']}" for entry in entries)
    return f"Speed-up over the baseline by method and task; * is significant after correction. {said}."
