"""The style of charts: sizes, and a colour and a dash pattern for each method, the same in files and in the report."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "COLOURS",
    "DARK",
    "FONT",
    "FONTS",
    "MOST_COLOURS",
    "PAGE",
    "PAPER",
    "Style",
    "colours",
    "dashes",
    "text_width",
]

FONT = "Roboto"
FONTS = Path(__file__).parent / "fonts"

# Found by search. Any two colours differ by at least 28 (CIE 1976), in normal vision and in simulated protanopia,
# deuteranopia and tritanopia (Machado, Oliveira and Fernandes 2009). Each colour has a contrast of at least 2.4: in
# COLOURS against white, in DARK against the dark background of the report.
COLOURS = ("#787878", "#670ef8", "#3fb464", "#b4090b", "#f476d8", "#c7a413", "#9e0095", "#ba59ff")
DARK = ("#9e9e9e", "#8942ff", "#98ff97", "#d83720", "#ffb5fc", "#fb9808", "#975d9f", "#778ff8")  # the same, lighter
DASHES = ([1, 0], [1, 0], [1, 0], [1, 0], [6, 2], [6, 2], [6, 2], [6, 2])
MOST_COLOURS = len(COLOURS)  # most methods that colours distinguish; with more methods, lines are labelled


# Files are black on white; in the report, "currentColor" is the colour of its text.
INK = {f"{part}Color": "currentColor" for part in ("label", "title")}
LINES = {f"{part}Color": "currentColor" for part in ("grid", "domain", "tick")}
EXACT = {"tickRound": False, "translate": 0}  # ticks stand at their exact values, not at the nearest pixel
SYMBOL = 34  # width of a legend's entry without its text, in pixels
AXIS = {"gridOpacity": 0.15, "domainOpacity": 0.6, "tickOpacity": 0.6, **EXACT}
LEGEND = {
    "symbolType": "stroke",
    "symbolStrokeWidth": 2,
    "symbolOpacity": 1,
    "columnPadding": 12,
    "orient": "top",
    "offset": 6,
    "title": None,
}


@dataclass(frozen=True)
class Style:
    """Sizes of a chart: points (1/72 inch) in a file, pixels in the report.

    Attributes:
        width: the width of the whole chart; "container" for the width that the report gives it.
        height: the height of the plot.
        text: the size of the text.
        line: the width of lines.
        legend: whether methods are named above the plot; the report has a legend of its own.
        font: the name of the font.
    """

    width: int | str
    height: int
    text: float
    line: float
    legend: bool
    font: str = FONT

    @property
    def hovered(self) -> bool:
        """True if tooltips can be shown: in the report, but not in files."""
        return not isinstance(self.width, int)

    def config(self) -> dict[str, Any]:
        """Return the Vega-Lite configuration."""
        quiet: dict[str, Any] = {"labelFontSize": self.text, "titleFontSize": self.text, "titleFontWeight": "normal"}
        return {
            "font": self.font,
            "background": "transparent" if self.width == "container" else "white",
            "view": {"stroke": None},
            "axis": {**quiet, **INK, **LINES, **AXIS, "labelLimit": 16 * self.text},
            "legend": {**quiet, **INK, **LEGEND},
            "text": {"fontSize": self.text, "fill": "currentColor"},
            "rule": {"stroke": "currentColor"},
            "tick": {"fill": "currentColor"},
        }

    def columns(self, labels: Collection[str]) -> dict[str, Any]:
        """Return a legend's number of columns, as many as fit, and the largest width of its labels."""
        if not isinstance(self.width, int):
            return {}
        widest = max((text_width(label, self.text) for label in labels), default=0.0)
        fitting = int(0.88 * self.width / (SYMBOL + widest))
        return {"columns": max(1, min(len(labels), fitting)), "labelLimit": round(0.88 * self.width - SYMBOL)}


PAGE = Style("container", 260, 12, 1.8, legend=False, font="system-ui, sans-serif")
PAPER = {  # columns of 85 and 175 mm
    "single": Style(240, 130, 7.2, 1, legend=True),
    "double": Style(496, 190, 7.2, 1.2, legend=True),
}


def colours(methods: Sequence[str]) -> list[str]:
    """Return the colour of each method of a folder; the baseline is grey, and beyond MOST_COLOURS they repeat."""
    return [COLOURS[0] if i == 0 else COLOURS[1 + (i - 1) % (MOST_COLOURS - 1)] for i in range(len(methods))]


def dashes(methods: Sequence[str]) -> list[list[int]]:
    """Return the dash pattern of each method's lines; they repeat as the colours do."""
    return [DASHES[0] if i == 0 else DASHES[1 + (i - 1) % (MOST_COLOURS - 1)] for i in range(len(methods))]


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text; letters of East Asian scripts count as wide as they are high.

    Args:
        text: one line.
        size: the size of the font; the result has the same unit.
    """
    return size * sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.54 for char in text)
