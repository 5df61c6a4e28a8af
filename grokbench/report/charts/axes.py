"""Axes of charts: where round numbers stand on them, and where a value does."""

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

__all__ = ["around", "axis", "epochs", "height_of", "linear_ticks", "log_ticks", "past", "scale"]

MANTISSAS = (tuple(range(1, 10)), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))  # within each decade, the finest first
STEPS = (1, 2, 5)
NARROW = 3.0  # last : first below which even steps serve better
MOST = 6  # ticks, unless told: of text at the width of a column
EPOCHS = "~s"  # 1k for 1,000
PLAIN = "~g"

Span = tuple[float, float]


def log_ticks(span: Span, most: int = MOST) -> list[float]:
    """At most `most` round numbers within a positive span, for a logarithmic axis."""
    low, high = span
    if high / low < NARROW:
        return linear_ticks(span, most)
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    choices = [[_round(m, power) for power in powers for m in mantissas] for mantissas in MANTISSAS]
    choices += [[_round(1, power) for power in powers if power % every == 0] for every in range(2, len(powers) + 1)]
    within = [[tick for tick in choice if low <= tick <= high] for choice in choices]
    return next(choice for choice in within if len(choice) <= most)


def linear_ticks(span: Span, most: int = MOST) -> list[float]:
    """At most `most` round numbers within a span, at even steps; where it has no width, its one value."""
    low, high = span
    if not low < high:
        return [low]
    power = math.floor(math.log10((high - low) / most))
    steps = [_round(step, power + more) for more in range(3) for step in STEPS]
    ends = [(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9), step) for step in steps]
    first, last, step = next(each for each in ends if each[1] - each[0] < most)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def _round(mantissa: int, power: int) -> float:
    """Without what 10 to a power below 0 is off by."""
    return float(f"{mantissa}e{power}")


def scale(span: Span, log: bool) -> alt.Scale:
    """From one end of a span to the other."""
    return alt.Scale(type="log" if log else "linear", domain=list(span), nice=False)


def axis(title: str, span: Span, log: bool, most: int = MOST, form: str = PLAIN, **more: Any) -> alt.Axis:
    """Ticks at round numbers; `form` is one of EPOCHS and PLAIN."""
    return _axis(title, log_ticks(span, most) if log else linear_ticks(span, most), form, **more)


def epochs(last: float, interval: int, log: bool, most: int = MOST) -> alt.X:
    """Epochs from 0 to `last`; a logarithmic axis is linear below one evaluation `interval`: epoch 0 has a place."""
    kind: dict[str, Any] = {"type": "symlog", "constant": interval} if log else {"type": "linear"}
    values = [0.0, *log_ticks((interval, last), most - 1)] if log else linear_ticks((0.0, last), most)
    scale = alt.Scale(domain=[0, last], nice=False, **kind)
    return alt.X("epoch:Q", scale=scale, axis=_axis("epochs", values, EPOCHS, grid=False))


def _axis(title: str, values: Sequence[float], form: str, **more: Any) -> alt.Axis:
    """Each tick by itself: a `format` of Vega's gives all of them the prefix of the largest."""
    shown = f"format(datum.value, '{form}')"
    return alt.Axis(title=title, values=list(values), labelExpr=shown, labelOverlap="greedy", **more)


def around(values: Sequence[float], log: bool, margin: float = 0.04) -> Span:
    """A span that holds values with a margin, a share of what they span, on either side."""
    if log:
        low, high = around([math.log(value) for value in values], False, margin)
        return math.exp(low), math.exp(high)
    low, high = min(values), max(values)
    pad = margin * (high - low) or margin * abs(high) or margin
    return low - pad, high + pad


def height_of(value: float, span: Span, log: bool, height: float) -> float:
    """Where a value stands in a plot of this height: pixels from its top."""
    at, low, high = (math.log(each) if log else each for each in (value, *span))
    return height * (high - at) / (high - low)


def past(edge: str, pixels: float) -> Any:
    """So many pixels past an edge of the plot, its "width" (to the right) or its "height" (below)."""
    return alt.value(alt.ExprRef(f"{edge} + {pixels:g}"))
