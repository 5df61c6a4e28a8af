"""Axes of charts: scales, ticks at round numbers, and positions in pixels."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

__all__ = ["around", "axis", "epochs", "linear_ticks", "log_ticks", "past", "scale"]

MANTISSAS = (tuple(range(1, 10)), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))  # ticks in a decade, the finest first
STEPS = (1, 2, 5)
NARROW = 3.0  # if the ratio of its ends is smaller than this, a logarithmic axis has evenly spaced ticks
MOST = 6  # most ticks on an axis as wide as a column of text
EPOCHS = "~s"  # number format of d3: 1k for 1,000
PLAIN = "~g"

Span = tuple[float, float]  # the smallest and the largest value


def log_ticks(span: Span, most: int = MOST) -> list[float]:
    """Choose round numbers for the ticks of a logarithmic axis.

    Args:
        span: the ends of the axis, positive.
        most: the largest number of ticks.
    """
    low, high = span
    if high / low < NARROW:
        return linear_ticks(span, most)
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    choices = [[_round(m, power) for power in powers for m in mantissas] for mantissas in MANTISSAS]
    choices += [[_round(1, power) for power in powers if power % every == 0] for every in range(2, len(powers) + 1)]
    within = [[tick for tick in choice if low <= tick <= high] for choice in choices]
    return next(choice for choice in within if len(choice) <= most)


def linear_ticks(span: Span, most: int = MOST) -> list[float]:
    """Choose evenly spaced round numbers for the ticks of a linear axis.

    Args:
        span: the ends of the axis; if they are equal, this value is the only tick.
        most: the largest number of ticks.
    """
    low, high = span
    if not low < high:
        return [low]
    power = math.floor(math.log10((high - low) / most))
    steps = [_round(step, power + more) for more in range(3) for step in STEPS]
    ends = [(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9), step) for step in steps]
    first, last, step = next(each for each in ends if each[1] - each[0] < most)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _round(mantissa: int, power: int) -> float:
    """Return mantissa x 10^power correctly rounded, which a product of floats is not."""
    return float(f"{mantissa}e{power}")


def scale(span: Span, log: bool) -> alt.Scale:
    """Return a logarithmic or linear scale with exactly the ends of the span.

    Args:
        span: the ends of the scale, positive if it is logarithmic.
        log: whether the scale is logarithmic.
    """
    return alt.Scale(type="log" if log else "linear", domain=list(span), nice=False)


def axis(title: str | None, span: Span, log: bool, most: int = MOST, form: str = PLAIN, **more: Any) -> alt.Axis:
    """Return an axis with ticks at round numbers.

    Args:
        title: the title of the axis; None for none.
        span: the ends of the axis.
        log: whether the scale is logarithmic.
        most: the largest number of ticks.
        form: the format of the ticks' numbers, EPOCHS or PLAIN.
        more: further properties of a Vega-Lite axis.
    """
    return _axis(title, log_ticks(span, most) if log else linear_ticks(span, most), form, **more)


def epochs(last: float, interval: int, log: bool, most: int = MOST) -> alt.X:
    """Return a horizontal axis of epochs from 0.

    Args:
        last: the largest epoch.
        interval: epochs between evaluations.
        log: whether the axis is logarithmic. Such an axis is linear below `interval` (a symmetric logarithm), so that
            epoch 0 is on it.
        most: the largest number of ticks.
    """
    kind: dict[str, Any] = {"type": "symlog", "constant": interval} if log else {"type": "linear"}
    values = [0.0, *log_ticks((interval, last), most - 1)] if log else linear_ticks((0.0, last), most)
    scale = alt.Scale(domain=[0, last], nice=False, **kind)
    return alt.X("epoch:Q", scale=scale, axis=_axis("epochs", values, EPOCHS, grid=False))


def _axis(title: str | None, values: Sequence[float], form: str, **more: Any) -> alt.Axis:
    """Format each tick separately, because Vega's `format` gives all of them the prefix of the largest."""
    shown = f"format(datum.value, '{form}')"
    return alt.Axis(title=title, values=list(values), labelExpr=shown, labelOverlap="greedy", **more)


def around(values: Sequence[float], log: bool, margin: float = 0.04) -> Span:
    """Return a span that contains the values.

    Args:
        values: the values, positive if `log`.
        log: whether the margin is on a logarithmic scale.
        margin: the margin on either side, as a share of the values' range.
    """
    if log:
        low, high = around([math.log(value) for value in values], False, margin)
        return math.exp(low), math.exp(high)
    low, high = min(values), max(values)
    pad = margin * (high - low) or margin * abs(high) or margin
    return low - pad, high + pad


def past(edge: str, pixels: float) -> Any:
    """Return a position beyond an edge of the plot.

    Args:
        edge: "width" is the right edge, "height" the bottom.
        pixels: the distance outwards from the edge.
    """
    return alt.value(alt.ExprRef(f"{edge} + {pixels:g}"))
