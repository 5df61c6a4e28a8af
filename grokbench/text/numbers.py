"""How numbers are written: three digits that count, ratios with their zeros, of an interval the ends that stand."""

from collections.abc import Callable

__all__ = ["BOUND_SIGN", "NOTHING", "figure", "interval", "number", "ratio", "standing", "times"]

NOTHING = "-"  # for what does not exist
BOUND_SIGN = {None: "", "lower": ">= ", "upper": "<= ", "mixed": "~ "}  # before a ratio, by what censoring makes of it
MOST_DIGITS = 5  # of an end that would round to 1, no effect, and is not


def number(value: float) -> str:
    """Three significant digits, without an exponent from 0.001 to a million."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def ratio(value: float) -> str:
    """The same with trailing zeros: 1.00 has been measured to three digits, and is not the number one."""
    return _digits(value, 3)


def figure(value: float | None) -> str:
    """A number, or NOTHING."""
    return NOTHING if value is None else number(value)


def times(value: float | None, bound: str | None = None) -> str:
    """A ratio as `1.50x`, marked where censoring makes it a bound; or NOTHING."""
    return NOTHING if value is None else f"{BOUND_SIGN[bound]}{ratio(value)}x"


def interval(
    value: float | None,
    low: float | None,
    high: float | None,
    bound: str | None = None,
    write: Callable[[float], str] = ratio,
    unit: str = "x",
) -> str:
    """A figure with its interval, as `1.50x [1.20, 1.90]`; NOTHING for none.

    Of a bound only the end that stands, as `>= 1.20x`: the other end says no more than where the budget was.
    """
    if value is None:
        return NOTHING
    if bound is not None or low is None or high is None:
        return f"{BOUND_SIGN[bound]}{write(standing(value, low, high, bound))}{unit}"
    end = _end if write is ratio else write
    return f"{write(value)}{unit} [{end(low)}, {end(high)}]"


def standing(value: float, low: float | None, high: float | None, bound: str | None) -> float:
    """What is sure of a figure that censoring makes a bound: an end of its interval, where it has one."""
    end = {"lower": low, "upper": high}.get(bound or "")
    return value if end is None else end


def _end(value: float) -> str:
    """As many digits as tell it from 1."""
    for digits in range(3, MOST_DIGITS + 1):
        if value == 1 or float(_digits(value, digits)) != 1:
            return _digits(value, digits)
    return ratio(value)


def _digits(value: float, digits: int) -> str:
    """So many significant digits, trailing zeros among them, and no point at the end."""
    return number(value) if 100 <= abs(value) < 1e6 else f"{value:#.{digits}g}"
