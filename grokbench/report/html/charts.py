"""The charts of the page: specifications, and data stored by column, which takes a third of the space of rows.

Numbers and labels are data: none of them becomes part of an expression or of markup.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grokbench.report.charts import FIGURES, TIMED, Drawing, Sheet, drawings
from grokbench.text.escape import printable_data

__all__ = ["Chart", "Charts", "charts", "embedded"]


@dataclass(frozen=True)
class Chart:
    """A chart on the page.

    Attributes:
        name: the name of the chart's element, unique on the page, of letters and digits.
        figure: the figure, a key of FIGURES.
        task: the label of the task; "" for all tasks.
        metric: the label of the metric that the chart shows; "" if it shows none.
        scales: scale of the axis of epochs -> specification without data. The keys are "log" and "linear" if both are
            possible, otherwise "only".
    """

    name: str
    figure: str
    task: str
    metric: str
    scales: Mapping[str, Any]


@dataclass(frozen=True)
class Charts:
    """The charts of a page.

    Attributes:
        drawn: the charts.
        datasets: name -> columns of data; charts can share them.
    """

    drawn: tuple[Chart, ...]
    datasets: Mapping[str, Any]

    def of(self, figure: str, task: str = "") -> list[Chart]:
        """Select the charts of one figure and task."""
        return [chart for chart in self.drawn if (chart.figure, chart.task) == (figure, task)]

    def script(self) -> dict[str, Any]:
        """Collect the data for the page's script."""
        return {"charts": {chart.name: chart.scales for chart in self.drawn}, "datasets": self.datasets}


def charts(sheet: Sheet) -> Charts:
    """Draw every chart for which there are data, except the summary."""
    drawn: list[Chart] = []
    for figure in filter(lambda name: name != "summary", FIGURES):  # `html.glance` makes a table instead
        for drawing, scales in _drawn(sheet, figure):
            for specification in scales.values():
                specification.pop("datasets")
            drawn.append(Chart(f"c{len(drawn)}", figure, drawing.task, drawing.metric, scales))
    return Charts(tuple(drawn), {name: columns(rows) for name, rows in sheet.datasets.items()})


def _drawn(sheet: Sheet, figure: str) -> Iterator[tuple[Drawing, dict[str, Any]]]:
    """Yield each drawing; one with an axis of epochs is drawn with a logarithmic and with a linear axis."""
    scales = {"log": True, "linear": False} if figure in TIMED else {"only": True}
    for same in zip(*(drawings(replace(sheet, log=log), figure) for log in scales.values()), strict=True):
        yield same[0], {scale: drawing.specification for scale, drawing in zip(scales, same, strict=True)}


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Convert rows to columns. A column of text has its distinct values, and for each row the index of its value."""
    fields = list(dict.fromkeys(field for row in rows for field in row))
    return {field: _column([row.get(field) for row in rows]) for field in fields}


def _column(values: list[Any]) -> Any:
    if not any(isinstance(value, str) for value in values):
        return values
    distinct = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return {"values": list(distinct), "places": [distinct[value] for value in values]}


def embedded(data: Any) -> str:
    """Write JSON for a `script` element: nothing in it ends the element or begins markup.

    Texts are escaped as on the rest of the page, so that a label looks the same in charts and elsewhere.
    """
    text = json.dumps(printable_data(data), allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
