"""The style of charts: sizes, and a colour and a dash pattern for each method, the same in files and in the report."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokbench.judging.ordering import LARGE

__all__ = [
    "COLOURS",
    "DARK",
    "FONT",
    "FONTS",
    "GREY",
    "MARKERS",
    "MOST_COLOURS",
    "PAGE",
    "PAPER",
    "Style",
    "colours",
    "dashes",
    "markers",
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
MORE_DASHES = ([2, 2], [10, 3], [8, 2, 2, 2], [1, 3])  # of the methods whose colour another method has already
MARKERS = {  # shape -> its outline in a square of 8 units
    "circle": "M0,4a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
    "square": "M0.5,0.5h7v7h-7Z",
    "triangle-up": "M4,0L8,7.5H0Z",
    "diamond": "M4,-0.5L8,4L4,8.5L0,4Z",
    "cross": "M3,0h2v3h3v2h-3v3h-2v-3h-3v-2h3Z",
    "triangle-down": "M4,8L8,0.5H0Z",
    "triangle-right": "M8,4L0.5,8V0Z",
}
MOST_COLOURS = LARGE  # most methods that colours distinguish; of more methods, some are in colour and the rest are grey
GREY = "#b9bcc2"  # of the methods that are not in colour; none of COLOURS


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
    """Return the colour of each method. The baseline is grey; after MOST_COLOURS methods the colours repeat."""
    return [COLOURS[_round(i)[1]] for i in range(len(methods))]


def dashes(methods: Sequence[str]) -> list[list[int]]:
    """Return the dash pattern of each method's lines; methods with the same colour have different ones.

    Colour, dash pattern and marker together are different for any two of the first 197 methods.
    """
    return [_dash(*_round(i)) for i in range(len(methods))]


def markers(methods: Sequence[str]) -> list[str]:
    """Return the marker of each method, a key of MARKERS; methods with the same colour have different ones."""
    return [list(MARKERS)[_round(i)[0] % len(MARKERS)] for i in range(len(methods))]


def _round(i: int) -> tuple[int, int]:
    """Return how often the methods before method `i` have used all colours, and the place of its own colour."""
    return (0, 0) if i == 0 else ((i - 1) // (MOST_COLOURS - 1), 1 + (i - 1) % (MOST_COLOURS - 1))


def _dash(turn: int, place: int) -> list[int]:
    return DASHES[place] if turn == 0 else MORE_DASHES[(turn - 1) % len(MORE_DASHES)]


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text; letters of East Asian scripts count as wide as they are high.

    Args:
        text: one line.
        size: the size of the font; the result has the same unit.
    """
    return size * sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.54 for char in text)
