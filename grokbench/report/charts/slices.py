"""The figure of slices: linear regions, decision boundaries and centroids of networks, as in Figures 1, 9 and 10.

The figures are those of Walker et al., "What deep networks want to learn and how to get there". A row of the figure is
a plane through three training images: first the images at their places in the plane, then the slice of each network,
with the centroids of the three regions that contain the images below it. The paper does not say what the colours of its
regions mean, how large the window is, or which images were chosen. Here a region is the brighter the larger the
Frobenius norm of the outputs' Jacobian along the plane is, the window is that of `slice_through`, and the images are
those of `triple_of`.

Everything is placed in points on one plot without axes.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from grokbench.geometry import Snapshot
from grokbench.geometry.network import Array
from grokbench.report.charts.grey import grey_png
from grokbench.report.charts.sheet import Sheet
from grokbench.report.charts.slice_parts import GAP, LEVELS, Frame, Grid, Parts, Row
from grokbench.text.numbers import figure

__all__ = ["slices"]

PADDING = 4  # of the plot, see `Sheet.plot`
QUANTILES = (0.01, 0.99)  # of the regions' norms: the darkest and the brightest shade
FEWEST = 2  # networks for which there are columns at least
WIDE = 120  # width in points of a column in which classes are called so
SMALLEST = 49  # least inputs that are drawn as an image
BOUNDARY = "#e8000b"


def slices(sheet: Sheet, snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    """Draw the slices of a task's networks.

    Args:
        sheet: receives the rows of the chart in its `datasets`.
        snapshots: at least one; all of one task and one seed.
    """
    networks = list(dict.fromkeys((each.regularizer, each.epoch) for each in snapshots))
    triples = list(dict.fromkeys(each.triple.number for each in snapshots))
    width = float(sheet.style.width) - 2 * PADDING
    columns = 1 + max(len(networks), FEWEST)
    side = (width - GAP * (columns - 1)) / columns
    grid = Grid(side, sheet.style.text, _is_image(snapshots[0].triple.inputs))
    parts = Parts()
    _draw_titles(parts, grid, networks)
    for each in snapshots:
        row, column = triples.index(each.triple.number), 1 + networks.index((each.regularizer, each.epoch))
        if column == 1:
            _draw_examples(parts, grid, grid.frame(row, 0, each.slice.window), each)
        _draw_slice(parts, grid, grid.frame(row, column, each.slice.window), each)
    height = grid.row * len(triples) + 1.6 * grid.line
    found = sheet.plot([], parts.layers(sheet, grid.small), description=_description(snapshots), height=height)
    return found | {
        "width": round((side + GAP) * (1 + len(networks)) - GAP),
        "autosize": {"type": "none"},
    }  # a fitted plot would be scaled in part only


def _draw_examples(parts: Parts, grid: Grid, frame: Frame, snapshot: Snapshot) -> None:
    """Draw the training examples at their places in the plane, and the names of what stands beside them."""
    places, triple = frame.points(snapshot.slice.points), snapshot.triple
    parts.lines(np.stack([places, np.roll(places, -1, axis=0)], axis=1), "#999999", 0.6)
    for number, (x, y) in enumerate(places.tolist()):
        if grid.images:
            parts.images.append({"x": x, "y": y, "url": grey_png(triple.inputs[number])})
        else:
            parts.dot(x, y, number)
        inwards = (0.5 * grid.small if grid.images else 0.6 * grid.line) + 0.6 * grid.line
        name = f"{number + 1}: {'class ' if grid.side > WIDE else ''}{figure(float(triple.targets[number]))}"
        parts.text(x, y + (inwards if number == 2 else -inwards), name)  # the third is above the others
    right = frame.left + frame.side
    parts.text(right, frame.top + frame.side + 0.7 * grid.line, "linear regions", "right")
    if grid.images:
        parts.text(right, frame.top + frame.side + 1.4 * grid.line + 0.5 * grid.small, "centroids", "right")
    parts.text(right, frame.top + grid.below, "cosine", "right")


def _draw_slice(parts: Parts, grid: Grid, frame: Frame, snapshot: Snapshot) -> None:
    """Draw the regions, the boundary and the centroids of a network."""
    found = snapshot.slice
    parts.regions.extend(_features(frame, snapshot))
    parts.lines(frame.points(found.boundary), BOUNDARY, 0.7)
    for number, (x, y) in enumerate(frame.points(found.points).tolist()):
        parts.dot(x, y, number)
    bottom = frame.top + frame.side
    parts.text(frame.left + 0.5 * frame.side, bottom + 0.7 * grid.line, f"{len(found.regions):,}")
    for number, cosine in enumerate(found.alignments.tolist()):
        x = frame.left + (number + 0.5) * grid.small + number * GAP
        if grid.images:
            y = bottom + 1.4 * grid.line + 0.5 * grid.small
            parts.images.append({"x": x, "y": y, "url": grey_png(found.centroids[number])})
        parts.text(x, frame.top + grid.below, f"{round(cosine, 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}"))


def _draw_titles(parts: Parts, grid: Grid, networks: Sequence[tuple[str, int]]) -> None:
    """Write the method and the epoch above each column."""
    for column, titles in enumerate([("training", "examples"), *((name, f"epoch {n:,}") for name, n in networks)]):
        for line, title in enumerate(titles):
            parts.text(column * (grid.side + GAP) + 0.5 * grid.side, (0.6 + line) * grid.line, title)


def _features(frame: Frame, snapshot: Snapshot) -> Iterator[Row]:
    """Yield the regions of each shade as one feature, because thousands of features would be slow to draw."""
    polygons, shades = snapshot.slice.regions.polygons, _shades(snapshot.slice.regions.steepness)
    vertices, starts = frame.points(polygons.vertices).tolist(), polygons.starts.tolist()
    for shade in np.unique(shades):
        rings = [vertices[starts[i] : starts[i + 1]] for i in np.flatnonzero(shades == shade)]
        geometry = {"type": "MultiPolygon", "coordinates": [[[*ring, ring[0]]] for ring in rings]}
        yield {"type": "Feature", "geometry": geometry, "shade": int(shade)}


def _shades(steepness: Array) -> np.ndarray:
    """Return the shade of each region, from 0 to LEVELS - 1, linear in the norm between two quantiles."""
    low, high = np.quantile(steepness, QUANTILES)
    share = np.clip((steepness - low) / ((high - low) or 1.0), 0.0, 1.0)
    found: np.ndarray = np.rint(share * (LEVELS - 1)).astype(int)
    return found


def _is_image(values: Array) -> bool:
    """Return whether inputs (n, d) can be images: d is the square of a whole number of at least 7."""
    return values.shape[1] >= SMALLEST and math.isqrt(values.shape[1]) ** 2 == values.shape[1]


def _description(snapshots: Sequence[Snapshot]) -> str:
    said = "; ".join(
        f"{each.regularizer} at epoch {each.epoch}, plane {each.triple.number + 1}: {len(each.slice.regions)} regions, "
        f"cosines {', '.join(f'{cosine:.2f}' for cosine in each.slice.alignments)}"
        for each in snapshots
    )
    return (
        f"Linear regions and decision boundary on planes through three training examples of {snapshots[0].task}, seed "
        f"{snapshots[0].seed}, with the cosines between the examples and the centroids of their regions. {said}."
    )
