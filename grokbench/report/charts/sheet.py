"""The sheet on which charts are drawn: evidence, style, data, and the parts that all charts share."""

import hashlib
import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from grokbench.judging.evidence import Evidence
from grokbench.report.charts import style as styles
from grokbench.report.charts.style import PAGE, Style

__all__ = ["Sheet"]

# Check boxes of the report set the parameters `shown`, the methods in colour, and `others`: whether the rest is drawn.
SHOWN = {"filter": "indexof(shown, datum.method) >= 0"}
OTHERS = {"filter": "others && indexof(shown, datum.method) < 0"}
PART = {"top_level": False}  # tells Altair that a layer has no schema and no configuration of its own


@dataclass(frozen=True)
class Sheet:
    """The evidence of a folder, and the way in which charts show it.

    Attributes:
        evidence: the measurements and comparisons.
        style: the sizes of a chart.
        log: whether epochs are on a logarithmic axis.
        seeds: whether the curves of single seeds are shown initially.
        chosen: the methods in colour. Empty: all methods, or the leading ones if there are more methods than colours.
        datasets: name -> rows, of every chart drawn so far. The rows are kept here, because Altair would copy rows
            within a chart many times.
    """

    evidence: Evidence
    style: Style = PAGE
    log: bool = True
    seeds: bool = False
    chosen: tuple[str, ...] = ()
    datasets: dict[str, list[dict[str, Any]]] = field(default_factory=dict, compare=False)

    @property
    def crowded(self) -> bool:
        """True if some methods are grey: there are more than distinguishable colours, or some are chosen."""
        return bool(self.chosen) or len(self.evidence.methods) > styles.MOST_COLOURS

    @property
    def selected(self) -> list[str]:
        """The methods in colour: the chosen ones, else all, or the leading ones if there are more than colours."""
        if not self.crowded and not self.chosen:
            return self.evidence.methods
        chosen = self.chosen or self.evidence.methods[: styles.MOST_COLOURS]
        return [label for label in self.evidence.methods if label in chosen]

    def colour(self, methods: Collection[str], legend: bool = True) -> alt.Color:
        """Return the colours of a plot's methods.

        Args:
            methods: the methods in the plot.
            legend: whether the methods are named above the plot; the same for all layers of a plot.
        """
        return alt.Color("method:N", **self._look(methods, styles.colours(self.evidence.methods), legend))

    def dash(self, methods: Collection[str]) -> alt.StrokeDash:
        """Return the dash patterns of a plot's methods; the legend of the colours also shows these."""
        return alt.StrokeDash("method:N", **self._look(methods, styles.dashes(self.evidence.methods), True))

    def marker(self, methods: Collection[str]) -> alt.Shape:
        """Return the markers of a plot's methods."""
        found = self._look(methods, styles.markers(self.evidence.methods), False)
        return alt.Shape("method:N", **found)

    def grey(self, layer: alt.Chart) -> alt.Chart:
        """Return a layer in grey, for the methods that are not in colour; hovering over a line shows its method."""
        tooltip: dict[str, Any] = {"tooltip": alt.Tooltip("method:N")} if self.style.hovered else {}
        return layer.encode(color=alt.value(styles.GREY), detail="method:N", **tooltip)

    def spots(self, base: alt.Chart, tooltip: Sequence[alt.Tooltip]) -> list[alt.Chart]:
        """Return the invisible points that show the numbers of a line on hover; none in files."""
        return [base.mark_point(opacity=0, size=60).encode(tooltip=list(tooltip))] if self.style.hovered else []

    def _look(self, methods: Collection[str], looks: Sequence[Any], legend: bool) -> dict[str, Any]:
        drawn = methods if self.style.hovered else set(methods).intersection(self.selected)
        mine = {label: look for label, look in zip(self.evidence.methods, looks, strict=True) if label in drawn}
        named = legend and self.style.legend
        shown = alt.Legend(**self.style.columns(mine)) if named else None
        return {"scale": alt.Scale(domain=list(mine), range=list(mine.values())), "legend": shown}

    @property
    def line_height(self) -> float:
        """The height of a line of text, in pixels."""
        return 1.25 * self.style.text

    def data(self, rows: Iterable[Mapping[str, Any]]) -> alt.NamedData:
        """Add rows to `datasets` under a hash of their content; non-finite numbers, which JSON lacks, become null."""
        plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
        name = f"data-{hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]}"
        self.datasets[name] = plain
        return alt.NamedData(name=name)

    def plot(
        self,
        layers: Iterable[alt.Chart],
        fixed: Iterable[alt.Chart] = (),
        *,
        grey: Iterable[alt.Chart] = (),
        description: str,
        height: float | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Return the specification of a plot; its width includes the text beside it.

        Layers are joined here, because `alt.layer` copies and validates all of them several times.

        Args:
            layers: layers whose rows have a `method`; rows of methods that are not shown are filtered out.
            fixed: other layers, drawn beneath them.
            grey: layers of `grey`, drawn beneath both for the methods that are not in colour.
            description: a text alternative, for readers who cannot see the plot.
            height: the height of the plot, in pixels; None for the style's height.
            parameters: the parameters of the chart, with their values.
        """
        behind = [_of_methods(_part(layer), OTHERS) for layer in grey] if self.crowded else []
        drawn = [*behind, *map(_part, fixed), *(_of_methods(_part(layer), SHOWN) for layer in layers)]
        parameters = {"shown": self.selected, **({"others": True} if behind else {}), **parameters}
        names = sorted({part["data"]["name"] for part in drawn})
        return {
            "$schema": alt.SCHEMA_URL,
            "description": description,
            "width": self.style.width,
            "height": round(height or self.style.height),
            "autosize": {"type": "fit-x", "contains": "padding", **({"resize": True} if self.crowded else {})},
            "padding": 4,
            "params": [{"name": k, "value": v} for k, v in parameters.items()],
            "layer": drawn,
            "datasets": {name: self.datasets[name] for name in names},
            "config": self.style.config(),
        }

    def view(self, layers: Iterable[alt.Chart], **shape: Any) -> dict[str, Any]:
        """Return a view of a grid.

        Args:
            layers: its layers, the lowest first.
            shape: properties of a Vega-Lite view, such as `width`, `height` and `title`.
        """
        return {**shape, "layer": [_part(layer) for layer in layers]}

    def grid(
        self, rows: Sequence[Sequence[dict[str, Any]]], *, note: Sequence[str], description: str, gap: float
    ) -> dict[str, Any]:
        """Return the specification of a grid of views with one legend, for files.

        Args:
            rows: the views, row by row.
            note: lines below the views.
            description: a text alternative, for readers who cannot see the plot.
            gap: the distance between views, in pixels.
        """
        names = sorted({part["data"]["name"] for row in rows for view in row for part in view["layer"]})
        below = {
            "text": list(note),
            "orient": "bottom",
            "anchor": "start",
            "fontWeight": "normal",
            "fontSize": self.style.text,
        }
        return {
            "$schema": alt.SCHEMA_URL,
            "description": description,
            "padding": 4,
            "title": below,
            "spacing": gap,
            "vconcat": [{"hconcat": list(row), "spacing": gap} for row in rows],
            "datasets": {name: self.datasets[name] for name in names},
            "config": self.style.config(),
        }


def _part(layer: alt.Chart) -> dict[str, Any]:
    """Convert a layer without validation, which is slow; tests validate the specifications."""
    found: dict[str, Any] = layer.to_dict(validate=False, context=dict(PART))
    return found


def _of_methods(part: dict[str, Any], which: dict[str, str]) -> dict[str, Any]:
    """Filter a layer's rows by method, before any other transform."""
    return part | {"transform": [which, *part.get("transform", ())]}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
