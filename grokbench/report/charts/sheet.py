"""What a chart is drawn on: the evidence, the style, the data, and what all charts have in common."""

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

SHOWN = {"filter": "indexof(shown, datum.method) >= 0"}  # the page's check boxes set the parameter `shown`
NARROW = 300  # below which names beside a plot leave little of it
PART = {"top_level": False}  # to Altair: a part of a chart, without its own schema and configuration


@dataclass(frozen=True)
class Sheet:
    """Evidence and how to draw it.

    Attributes:
        evidence: what to draw.
        style: sizes.
        log: whether epochs are on a logarithmic axis.
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

    def colour(self, methods: Collection[str], legend: bool = True) -> alt.Color:
        """The colour of each of a plot's methods; `legend` has to be the same in all its layers."""
        return alt.Color("method:N", **self._look(methods, styles.colours(self.evidence.methods), legend))

    def dash(self, methods: Collection[str]) -> alt.StrokeDash:
        """The line of each of a plot's methods; its legend is that of the colours."""
        return alt.StrokeDash("method:N", **self._look(methods, styles.dashes(self.evidence.methods), True))

    def _look(self, methods: Collection[str], looks: Sequence[Any], legend: bool) -> dict[str, Any]:
        mine = {label: look for label, look in zip(self.evidence.methods, looks, strict=True) if label in methods}
        named = legend and self.style.legend and not self.crowded
        shown = alt.Legend(**self.style.columns(mine)) if named else None
        return {"scale": alt.Scale(domain=list(mine), range=list(mine.values())), "legend": shown}

    def height(self, labels: int) -> int:
        """Of a plot beside which so many labels stand, where they do."""
        return max(self.style.height, round(labels * self.line_height)) if self.crowded else self.style.height

    @property
    def ticks(self) -> int:
        """The most that an axis of epochs has room for."""
        narrow = isinstance(self.style.width, int) and self.style.width < NARROW
        return 4 if self.crowded and narrow else 6

    @property
    def line_height(self) -> float:
        """Of a line of text, in pixels."""
        return 1.25 * self.style.text

    def data(self, rows: Iterable[Mapping[str, Any]]) -> alt.NamedData:
        """Rows for a chart, named by what they are; what is not finite does not exist: JSON has no name for it."""
        plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
        name = f"data-{hashlib.sha256(json.dumps(plain).encode()).hexdigest()[:16]}"
        self.datasets[name] = plain
        return alt.NamedData(name=name)

    def plot(
        self,
        layers: Iterable[alt.Chart],
        fixed: Iterable[alt.Chart] = (),
        *,
        description: str,
        height: float | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """The specification of one plot; what stands beside it is made room for.

        Layers are put together here: `alt.layer` copies all of them several times over, and checks them every time.

        Args:
            layers: those of the methods that are shown, each row of their data with a `method`.
            fixed: others, beneath them.
            description: in words, for who cannot see it.
            height: of the plot in pixels, where it is not the style's.
            parameters: of the chart, with their values.
        """
        drawn = [*map(_part, fixed), *(_of_methods(_part(layer)) for layer in layers)]
        names = sorted({part["data"]["name"] for part in drawn})
        return {
            "$schema": alt.SCHEMA_URL,
            "description": description,
            "width": self.style.width,
            "height": round(height or self.style.height),
            "autosize": {"type": "fit-x", "contains": "padding"},
            "padding": 4,
            "params": [{"name": k, "value": v} for k, v in {"shown": self.evidence.methods, **parameters}.items()],
            "layer": drawn,
            "datasets": {name: self.datasets[name] for name in names},
            "config": self.style.config(),
        }


def _part(layer: alt.Chart) -> dict[str, Any]:
    """A layer of a plot; tests check what comes of it, so that it need not be checked whenever it is drawn."""
    found: dict[str, Any] = layer.to_dict(validate=False, context=dict(PART))
    return found


def _of_methods(part: dict[str, Any]) -> dict[str, Any]:
    """The same of those methods alone that are shown."""
    return part | {"transform": [*part.get("transform", ()), SHOWN]}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
