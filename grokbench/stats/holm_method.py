"""Holm's method: p values adjusted for several tests."""

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p values by the step-down method of Holm (1979, Scand. J. Statist. 6) for the family-wise error rate.

    With the m p values in ascending order, the adjusted one of rank k (from 0) is the largest of min(1, (m - j) p_j)
    over j <= k.

    Args:
        p_values: the p values of the m planned tests. None for a test without a p, which counts as a p of 1.

    Returns:
        The adjusted p values, in the given order; None for a p that is None.
    """
    m, largest = len(p_values), 0.0
    adjusted: list[float | None] = [None] * m
    for rank, i in enumerate(sorted(range(m), key=lambda i: _one_if_none(p_values[i]))):
        largest = max(largest, min(1.0, (m - rank) * _one_if_none(p_values[i])))
        adjusted[i] = None if p_values[i] is None else largest
    return adjusted


def _one_if_none(p: float | None) -> float:
    return 1.0 if p is None else p
