"""What a chart is drawn on: the evidence, the style, the scale of epochs, and the parts that several charts share."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from grokbench.evidence import Evidence
from grokbench.figures import style as styles
from grokbench.figures.style import PAGE, Style

__all__ = ["Sheet", "decades", "epoch_axis", "past", "spread"]

SHOWN = "indexof(shown, datum.method) >= 0"  # the page's check boxes set the parameter `shown`
POINTS = 3  # decades from which on ticks stand at powers of ten alone


@dataclass(frozen=True)
class Sheet:
    """Evidence and how to draw it.

    Attributes:
        evidence: what to draw.
        style: sizes.
        log: whether epochs are on a logarithmic axis, linear below one evaluation interval: epoch 0 has a place.
        seeds: whether single seeds are shown at first.
        datasets: name -> the rows of every chart drawn on it; Altair would copy them again and again.
    """

    evidence: Evidence
    style: Style = PAGE
    log: bool = True
    seeds: bool = False
    datasets: dict[str, list[dict[str, Any]]] = field(default_factory=dict, compare=False)

    @property
    def crowded(self) -> bool:
        """Whether there are more methods than colours tell apart."""
        return len(self.evidence.methods) > styles.APART

    def colour(self, legend: bool = True) -> alt.Color:
        """A method's colour."""
        return styles.colour(self.evidence.methods, legend and self._legend)

    def dash(self) -> alt.StrokeDash:
        """A method's line."""
        return styles.dash(self.evidence.methods, self._legend)

    @property
    def _legend(self) -> bool:
        """Whether lines are named above the plot: neither beside it nor by the page."""
        return self.style.columns > 0 and not self.crowded

    def height(self, labels: int) -> int:
        """Of a plot beside which so many labels stand, where they do."""
        return max(self.style.height, round(labels * self.line_height)) if self.crowded else self.style.height

    @property
    def line_height(self) -> float:
        """Of a line of text, in pixels."""
        return 1.25 * self.style.text

    def epochs(self, last: float, interval: int) -> alt.X:
        """The axis of epochs, from 0 to `last`; `interval` is that between evaluations."""
        scale: dict[str, Any] = {"type": "symlog", "constant": interval} if self.log else {"type": "linear"}
        values: Any = decades(last, interval) if self.log else alt.Undefined
        return alt.X("epoch:Q", scale=alt.Scale(domain=[0, last], nice=False, **scale), axis=epoch_axis(values))

    def data(self, rows: Iterable[Mapping[str, Any]]) -> alt.NamedData:
        """Rows for a chart, named by what they are; what is not finite does not exist: JSON has no name for it."""
        plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
        name = f"data-{hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]}"
        self.datasets[name] = plain
        return alt.NamedData(name=name)

    def chart(self, layers: Iterable[alt.Chart], fixed: Iterable[alt.Chart] = (), height: float | None = None) -> Any:
        """One plot: `layers`, of the methods that are shown, on top of `fixed` ones."""
        shown = alt.param(name="shown", value=self.evidence.methods)
        drawn = alt.layer(*fixed, *(layer.transform_filter(SHOWN) for layer in layers)).add_params(shown)
        return drawn.properties(width=self.style.width, height=round(height or self.style.height))

    def finished(self, chart: Any, description: str, right: float = 0) -> dict[str, Any]:
        """The specification. `description` is for who cannot see it; `right` is room for text beside the plot."""
        room = {"left": 4, "top": 4, "bottom": 4, "right": round(right) + 8}  # what is beside the plot is not fitted in
        fitted = chart.properties(autosize={"type": "fit-x", "contains": "padding"}, padding=room)
        specification: dict[str, Any] = fitted.properties(description=description).to_dict()
        names = {part["data"]["name"] for part in [specification, *specification["layer"]] if "data" in part}
        datasets = {name: self.datasets[name] for name in sorted(names)}
        return specification | {"datasets": datasets, "config": self.style.config()}


def past(edge: str, pixels: float) -> Any:
    """So many pixels past an edge of the plot, its "width" (to the right) or its "height" (below)."""
    return alt.value(alt.ExprRef(f"{edge} + {pixels:g}"))


def epoch_axis(values: Any = alt.Undefined) -> alt.Axis:
    """Epochs, 1k for 1,000; `values` where ticks are to be."""
    shown = "format(datum.value, '~s')"
    return alt.Axis(values=values, labelExpr=shown, title="epochs", grid=False, tickCount=6, labelOverlap="greedy")


def decades(last: float, first: int) -> list[int]:
    """0, and round numbers from `first` to `last`: fewer within a decade the more decades there are."""
    powers = range(math.floor(math.log10(max(first, 1))), math.floor(math.log10(max(last, 1))) + 1)
    steps = (1,) if len(powers) > POINTS else (1, 3) if len(powers) == POINTS else (1, 2, 5)
    return [0, *(step * 10**power for power in powers for step in steps if first <= step * 10**power <= last)]


def spread(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The places moved apart by `least`, within `low` and `high` if there is room, in the same order."""
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


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
