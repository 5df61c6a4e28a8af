"""The matrix of a task, which compares every method with every other one."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.pairs import Pair
from grokbench.text.numbers import NOTHING, interval, times, valid_end

__all__ = ["MOST_SHOWN", "Contrast", "Matrix", "matrix"]

MOST_SHOWN = 40  # most methods; the JSON has the pairs of any number of methods
TURNED = {"lower": "upper", "upper": "lower"}  # bound of a ratio -> bound of its inverse
SIGNIFICANT = (Conclusion.FASTER, Conclusion.SLOWER)


@dataclass(frozen=True)
class Contrast:
    """One cell of the matrix.

    Attributes:
        text: the speed-up of the row's method over the column's; a star marks significance.
        said: the interval and Holm's p in words; empty on the diagonal.
        significant: whether the two methods differ significantly.
    """

    text: str
    said: str = ""
    significant: bool = False


@dataclass(frozen=True)
class Matrix:
    """The methods of a task in rows and columns.

    Attributes:
        labels: the labels of the k methods.
        cells: (k, k); the cell in a row and a column compares the row's method with the column's.
    """

    labels: tuple[str, ...]
    cells: tuple[tuple[Contrast, ...], ...]


def matrix(pairs: Sequence[Pair], methods: Sequence[str]) -> Matrix | None:
    """Arrange the pairs of a task in a matrix; None without pairs, or for more than MOST_SHOWN methods.

    Args:
        pairs: the pairs of one task.
        methods: the labels of all methods, in their order.
    """
    compared = {label for pair in pairs for label in (pair.a, pair.b)}
    labels = [label for label in methods if label in compared]
    if not 2 <= len(labels) <= MOST_SHOWN:
        return None
    cells = {(pair.a, pair.b): _contrast(pair) for pair in pairs}
    cells |= {(pair.b, pair.a): _contrast(pair, turned=True) for pair in pairs}
    same = Contrast("")
    return Matrix(tuple(labels), tuple(tuple(cells.get((row, column), same) for column in labels) for row in labels))


def _contrast(pair: Pair, turned: bool = False) -> Contrast:
    """Write a pair as a cell: the speed-up of a over b, or of b over a if `turned`."""
    if pair.speedup is None:
        return Contrast(NOTHING, "neither grokked on any seed")
    value, low, high, bound = pair.speedup, pair.low, pair.high, pair.bound
    if turned:
        value, low, high = 1 / value, _inverse(high), _inverse(low)
        bound = TURNED.get(bound or "", bound)
    significant = pair.conclusion in SIGNIFICANT
    star = " *" if significant else ""
    p = "no p" if pair.p_holm is None else f"Holm p = {pair.p_holm:.2g}"
    said = f"{interval(value, low, high, bound)}, {p}"
    return Contrast(times(valid_end(value, low, high, bound), bound) + star, said, significant)


def _inverse(value: float | None) -> float | None:
    return 1 / value if value else None
