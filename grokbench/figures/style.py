"""How every chart looks: one colour and one line for a method wherever it is drawn, on paper and on the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt

__all__ = ["APART", "COLOURS", "DARK", "FONT", "FONTS", "PAGE", "PAPER", "Style", "colour", "colours", "dash", "dashes"]

FONT = "Roboto"
FONTS = Path(__file__).parent / "fonts"

# Chosen by search: every two are at least 30 apart (CIE 1976) as seen with protanopia, deuteranopia and tritanopia
# (Machado, Oliveira and Fernandes 2009) and without, and each has a contrast of at least 2.4 on white and on the dark
# ground of the page.
COLOURS = ("#787878", "#670ef8", "#3fb464", "#b4090b", "#f476d8", "#c7a413", "#9e0095", "#ba59ff")
DARK = ("#9e9e9e", "#8942ff", "#98ff97", "#d83720", "#ffb5fc", "#fb9808", "#975d9f", "#778ff8")  # the same, lighter
DASHES = ([1, 0], [1, 0], [1, 0], [1, 0], [6, 2], [6, 2], [6, 2], [6, 2])
APART = len(COLOURS)  # methods that colours tell apart; with more, lines are labelled


# A file is black on white; on the page, the colour of its text.
INK = {f"{part}Color": "currentColor" for part in ("label", "title", "grid", "domain", "tick")}
AXIS = {"gridOpacity": 0.15, "domainOpacity": 0.6, "tickOpacity": 0.6}
LEGEND = {
    "symbolType": "stroke",
    "symbolStrokeWidth": 2,
    "symbolOpacity": 1,
    "columnPadding": 12,
    "labelLimit": 160,
    "orient": "top",
    "offset": 6,
    "title": None,
}


@dataclass(frozen=True)
class Style:
    """Sizes in points (1/72 inch) of a file, in pixels of the page."""

    width: int | str  # of everything; "container" is as wide as the page allows
    height: int  # of the plot
    text: float
    line: float
    columns: int  # of the legend; 0 without one, where the page has its own
    font: str = FONT

    def config(self) -> dict[str, Any]:
        """The Vega-Lite configuration. Text takes its colour from the page where there is one."""
        quiet: dict[str, Any] = {"labelFontSize": self.text, "titleFontSize": self.text, "titleFontWeight": "normal"}
        return {
            "font": self.font,
            "background": "transparent" if self.width == "container" else "white",
            "view": {"stroke": None},
            "axis": {**quiet, **INK, **AXIS, "labelLimit": 16 * self.text},
            "legend": {**quiet, **INK, **LEGEND, "columns": self.columns},
            "text": {"fontSize": self.text, "fill": "currentColor"},
            "rule": {"stroke": "currentColor"},
            "tick": {"fill": "currentColor"},
        }


PAGE = Style("container", 260, 12, 1.8, columns=0, font="system-ui, sans-serif")
PAPER = {  # columns of 85 and 175 mm
    "single": Style(241, 130, 7.2, 1, columns=3),
    "double": Style(496, 190, 7.2, 1.2, columns=8),
}


def colours(methods: Sequence[str]) -> list[str]:
    """The colour of each method of a folder: the baseline is grey; beyond APART they come again."""
    return [COLOURS[0] if i == 0 else COLOURS[1 + (i - 1) % (APART - 1)] for i in range(len(methods))]


def dashes(methods: Sequence[str]) -> list[list[int]]:
    """The dash pattern of each method's lines, as the colours."""
    return [DASHES[0] if i == 0 else DASHES[1 + (i - 1) % (APART - 1)] for i in range(len(methods))]


def colour(methods: Sequence[str], legend: bool) -> alt.Color:
    """The encoding of a method by its colour; `legend` has to be the same in all layers of a plot."""
    scale = alt.Scale(domain=list(methods), range=colours(methods))
    return alt.Color("method:N", scale=scale, legend=alt.Legend() if legend else None)


def dash(methods: Sequence[str], legend: bool) -> alt.StrokeDash:
    """The encoding of a method by its line; its legend is that of the colours."""
    scale = alt.Scale(domain=list(methods), range=dashes(methods))
    return alt.StrokeDash("method:N", scale=scale, legend=alt.Legend() if legend else None)
