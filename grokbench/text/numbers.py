"""Formatting of numbers, of ratios, and of intervals with the valid end of a censored one."""

from collections.abc import Callable

__all__ = [
    "BOUND_SIGN",
    "NOTHING",
    "ends",
    "figure",
    "interval",
    "known_bound",
    "number",
    "ratio",
    "times",
    "to_print",
    "valid_end",
]

NOTHING = "-"  # for a missing value
BOUND_SIGN = {None: "", "lower": ">= ", "upper": "<= ", "mixed": "~ "}  # the text before a ratio, by its kind of bound
MOST_DIGITS = 5  # most digits of an interval's end, if three digits would round it to 1, the value of no effect


def number(value: float) -> str:
    """Write a number with three significant digits; from 0.001 to a million it has no exponent."""
    return f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}"


def ratio(value: float) -> str:
    """Write a ratio with three significant digits, trailing zeros included: `1.00`, because `1` would look exact."""
    return _digits(value, 3)


def figure(value: float | None) -> str:
    """Write a number, or NOTHING for None."""
    return NOTHING if value is None else number(value)


def times(value: float | None, bound: str | None = None) -> str:
    """Write a ratio as `1.50x`, with the sign of its bound if it is censored.

    Args:
        value: the ratio; None is written as NOTHING.
        bound: None for an uncensored ratio, else "lower", "upper" or "mixed".
    """
    return NOTHING if value is None else f"{BOUND_SIGN[bound]}{ratio(value)}x"


def interval(
    value: float | None,
    low: float | None,
    high: float | None,
    bound: str | None = None,
    write: Callable[[float], str] = ratio,
    unit: str = "x",
) -> str:
    """Write an estimate with its interval, as `1.50x [1.20, 1.90]`.

    A censored estimate shows only its valid end, as `>= 1.20x`, because the other end only reflects the budget.

    Args:
        value: the estimate; None is written as NOTHING.
        low: the lower end of the interval, or None.
        high: the upper end of the interval, or None.
        bound: None for an uncensored estimate, else "lower", "upper" or "mixed".
        write: the function that writes a number.
        unit: the text after the estimate.
    """
    if value is None:
        return NOTHING
    if bound is not None or low is None or high is None:
        return f"{BOUND_SIGN[known_bound(low, high, bound)]}{write(valid_end(value, low, high, bound))}{unit}"
    return f"{write(value)}{unit} {ends(low, high, write)}"


def ends(low: float, high: float, write: Callable[[float], str] = ratio) -> str:
    """Write the ends of an interval, as `[1.20, 1.90]`.

    Args:
        low: the lower end.
        high: the upper end.
        write: the function that writes a number. Ends written by `ratio` get enough digits to distinguish them from 1.
    """
    end = _end if write is ratio else write
    return f"[{end(low)}, {end(high)}]"


def valid_end(value: float, low: float | None, high: float | None, bound: str | None) -> float:
    """Return the end of the interval that is valid under censoring, or the estimate if there is no such end.

    Args:
        value: the estimate.
        low: the lower end of the interval, valid for a lower bound.
        high: the upper end of the interval, valid for an upper bound.
        bound: None for an uncensored estimate, else "lower", "upper" or "mixed".
    """
    end = {"lower": low, "upper": high}.get(bound or "")
    return value if end is None else end


def known_bound(low: float | None, high: float | None, bound: str | None) -> str | None:
    """Return the kind of bound of a printed number; it is "mixed" if the end that would be valid is not known.

    Args:
        low: the lower end of the interval, or None.
        high: the upper end of the interval, or None.
        bound: None for an uncensored estimate, else "lower", "upper" or "mixed".
    """
    unknown = (bound == "lower" and low is None) or (bound == "upper" and high is None)
    return "mixed" if unknown else bound


def to_print(value: float | None, low: float | None, high: float | None, bound: str | None) -> float | None:
    """Choose the one number to print: the estimate, or the valid end of the interval if the ratio is a bound.

    The result is None without an estimate, and for a mixed bound, which has no valid end.

    Args:
        value: the estimate.
        low: the lower end of the interval.
        high: the upper end of the interval.
        bound: None for an uncensored estimate, else "lower", "upper" or "mixed".
    """
    return None if value is None or bound == "mixed" else valid_end(value, low, high, bound)


def _end(value: float) -> str:
    """Write an end of an interval with as many digits as distinguish it from 1, at most MOST_DIGITS."""
    for digits in range(3, MOST_DIGITS + 1):
        if value == 1 or float(_digits(value, digits)) != 1:
            return _digits(value, digits)
    return ratio(value)


def _digits(value: float, digits: int) -> str:
    """Write significant digits, including trailing zeros, without a final decimal point."""
    return number(value) if 100 <= abs(value) < 1e6 else f"{value:#.{digits}g}"
