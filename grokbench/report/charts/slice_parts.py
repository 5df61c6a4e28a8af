"""The places and the layers of the figure of slices, in points on a plot without axes."""

from dataclasses import dataclass, field
from typing import Any

import altair as alt
import numpy as np

from grokbench.geometry import Window
from grokbench.geometry.network import Array
from grokbench.report.charts.sheet import Sheet

__all__ = ["GAP", "LEVELS", "Frame", "Grid", "Parts", "Row"]

GAP = 5.0  # points between the columns
LEVELS = 48  # shades of the regions
SHADES: dict[str, Any] = {"scheme": "viridis", "domain": [0, LEVELS - 1]}
DOT = 75  # area of an example's point, in square points; its number stands in it
EDGE = 0.0015  # width of the regions' edges, relative to the side of an image
FLAT: dict[str, Any] = {
    "type": "identity",
    "scale": 1,
    "translate": [0, 0],
}  # the projection of features that are given in points
PLAIN: dict[str, Any] = {"scale": None, "legend": None}
X, Y = alt.X("x:Q", scale=None, axis=None), alt.Y("y:Q", scale=None, axis=None)

Row = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """The place of a window on the plot.

    Attributes:
        left: the left edge, in points.
        top: the upper edge, in points.
        side: the length of a side, in points.
        window: the window.
    """

    left: float
    top: float
    side: float
    window: Window

    def points(self, coordinates: Array) -> Array:
        """Convert coordinates of the plane, (..., 2), to points on the plot."""
        share = (coordinates - [self.window.left, self.window.bottom]) / self.window.side
        found: Array = np.array([self.left, self.top]) + self.side * np.stack([share[..., 0], 1 - share[..., 1]], -1)
        return found.round(2)


@dataclass(frozen=True)
class Grid:
    """The places of the figure's parts, in points.

    Attributes:
        side: the width of a column, and the height of a slice.
        text: the size of the text.
        images: whether the inputs are images.
    """

    side: float
    text: float
    images: bool

    @property
    def line(self) -> float:
        """The height of a line of text."""
        return 1.25 * self.text

    @property
    def small(self) -> float:
        """The side of an image; three stand below a slice."""
        return round((self.side - 2 * GAP) / 3, 2)

    @property
    def row(self) -> float:
        """The height of a row."""
        return self.below + 1.4 * self.line

    @property
    def below(self) -> float:
        """The height of the cosines below the upper edge of a slice."""
        return self.side + 2.1 * self.line + self.images * self.small

    def frame(self, row: int, column: int, window: Window) -> Frame:
        """Return the place of a window."""
        return Frame(column * (self.side + GAP), 2.2 * self.line + row * self.row, self.side, window)


@dataclass(frozen=True)
class Parts:
    """The rows of the figure's layers, in points.

    Attributes:
        regions: features of GeoJSON, each with the shade of its regions.
        segments: lines with their ends, colour and width.
        images: images with their centre.
        dots: points.
        texts: texts with their anchor.
    """

    regions: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    dots: list[Row] = field(default_factory=list)
    texts: list[Row] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, align: str = "center") -> None:
        """Add a text, centred at a height."""
        self.texts.append({"x": x, "y": y, "text": text, "align": align})

    def dot(self, x: float, y: float, number: int) -> None:
        """Add the point of an example, with its number from 0."""
        self.dots.append({"x": x, "y": y})
        self.text(x, y, str(number + 1))

    def lines(self, ends: Array, colour: str, width: float) -> None:
        """Add line segments, (n, 2, 2)."""
        for (x, y), (u, v) in ends.tolist():
            self.segments.append({"x": x, "y": y, "x2": u, "y2": v, "colour": colour, "width": width})

    def layers(self, sheet: Sheet, side: float) -> list[alt.Chart]:
        """Return the layers, the lowest first.

        Args:
            sheet: receives the rows in its `datasets`.
            side: the side of the images.
        """
        edge: dict[str, Any] = {"stroke": "black", "strokeWidth": EDGE * side}
        dot: dict[str, Any] = {"size": DOT, "fill": "white", "stroke": "black", "strokeWidth": 0.6, "opacity": 1}
        line: dict[str, Any] = {"stroke": alt.Stroke("colour:N", **PLAIN), "size": alt.Size("width:Q", **PLAIN)}
        image: dict[str, Any] = {"width": side, "height": side, "smooth": False}
        shade = alt.Color("shade:Q", scale=alt.Scale(**SHADES), legend=None)
        drawn = [
            alt.Chart(sheet.data(self.regions)).mark_geoshape(**edge).project(**FLAT).encode(color=shade),
            alt.Chart(sheet.data(self.segments)).mark_rule().encode(X, Y, x2="x2:Q", y2="y2:Q", **line),
            alt.Chart(sheet.data(self.dots)).mark_point(**dot).encode(X, Y),
            alt.Chart(sheet.data(self.images)).mark_image(**image).encode(X, Y, url="url:N"),
        ]
        for align in ("center", "right"):
            look: dict[str, Any] = {"align": align, "baseline": "middle"}
            texts = sheet.data(text for text in self.texts if text["align"] == align)
            drawn.append(alt.Chart(texts).mark_text(**look).encode(X, Y, text="text:N"))
        return drawn
