"""How every chart looks: one colour and one line for a method wherever it is drawn, on paper and on the page."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["APART", "COLOURS", "DARK", "FONT", "FONTS", "PAGE", "PAPER", "Style", "breadth", "colours", "dashes"]

FONT = "Roboto"
FONTS = Path(__file__).parent / "fonts"

# Chosen by search: every two are at least 28 apart (CIE 1976) as seen with protanopia, deuteranopia and tritanopia
# (Machado, Oliveira and Fernandes 2009) and without, and each has a contrast of at least 2.4 on white and on the dark
# ground of the page.
COLOURS = ("#787878", "#670ef8", "#3fb464", "#b4090b", "#f476d8", "#c7a413", "#9e0095", "#ba59ff")
DARK = ("#9e9e9e", "#8942ff", "#98ff97", "#d83720", "#ffb5fc", "#fb9808", "#975d9f", "#778ff8")  # the same, lighter
DASHES = ([1, 0], [1, 0], [1, 0], [1, 0], [6, 2], [6, 2], [6, 2], [6, 2])
APART = len(COLOURS)  # methods that colours tell apart; with more, lines are labelled


# A file is black on white; on the page, the colour of its text.
INK = {f"{part}Color": "currentColor" for part in ("label", "title")}
LINES = {f"{part}Color": "currentColor" for part in ("grid", "domain", "tick")}
EXACT = {"tickRound": False, "translate": 0}  # ticks stand at their values, not at the nearest pixel beside them
SYMBOL = 34  # pixels of the line and the gaps of a legend's entry
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
    """Sizes in points (1/72 inch) of a file, in pixels of the page."""

    width: int | str  # of everything; "container" is as wide as the page allows
    height: int  # of the plot
    text: float
    line: float
    legend: bool  # whether lines are named above the plot: the page has its own
    font: str = FONT

    @property
    def hovered(self) -> bool:
        """Whether a reader can point at something: on the page, not on paper."""
        return not isinstance(self.width, int)

    def config(self) -> dict[str, Any]:
        """The Vega-Lite configuration. Text takes its colour from the page where there is one."""
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
        """As many columns of a legend as its labels leave room for; one that is wider than the plot is cut."""
        if not isinstance(self.width, int):
            return {}
        widest = max((breadth(label, self.text) for label in labels), default=0.0)
        fitting = int(0.88 * self.width / (SYMBOL + widest))
        return {"columns": max(1, min(len(labels), fitting)), "labelLimit": round(0.88 * self.width - SYMBOL)}


PAGE = Style("container", 260, 12, 1.8, legend=False, font="system-ui, sans-serif")
PAPER = {  # columns of 85 and 175 mm
    "single": Style(240, 130, 7.2, 1, legend=True),
    "double": Style(496, 190, 7.2, 1.2, legend=True),
}


def colours(methods: Sequence[str]) -> list[str]:
    """The colour of each method of a folder: the baseline is grey; beyond APART they come again."""
    return [COLOURS[0] if i == 0 else COLOURS[1 + (i - 1) % (APART - 1)] for i in range(len(methods))]


def dashes(methods: Sequence[str]) -> list[list[int]]:
    """The dash pattern of each method's lines, as the colours."""
    return [DASHES[0] if i == 0 else DASHES[1 + (i - 1) % (APART - 1)] for i in range(len(methods))]


def breadth(text: str, size: float) -> float:
    """About how wide a text is, in the unit of its size: letters of East Asian scripts are as wide as high."""
    return size * sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.54 for char in text)
