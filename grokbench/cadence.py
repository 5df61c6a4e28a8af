"""Measurement schedules of metrics: every evaluation, every few epochs, or evenly in the logarithm of the epoch.

A suite writes `every: 10` (epochs) or `every: {per_decade: 10}`: ten measurements between 10 and 100 epochs, ten more
between 100 and 1000, each at an evaluation. A metric is always measured at the start and at the end of a run. No torch.
"""

import math
from collections.abc import Mapping

__all__ = ["Every", "is_due"]

Every = int | Mapping[str, int]  # epochs, or {"per_decade": number of measurements}


def is_due(every: Every, epoch: int, cadence: int) -> bool:
    """Return whether a metric is due at an evaluation.

    Args:
        every: a number of epochs, or {"per_decade": n} for n measurements per factor of ten in epochs.
        epoch: completed epochs at this evaluation.
        cadence: epochs between this evaluation and the previous evaluation.
    """
    if isinstance(every, int):
        return epoch % every == 0
    if epoch <= cadence:
        return True
    return _mark(every["per_decade"], epoch) > _mark(every["per_decade"], epoch - cadence)


def _mark(per_decade: int, epoch: int) -> int:
    """Count the marks 10^(k / per_decade), k = 1, 2, ..., at or below an epoch."""
    return math.floor(per_decade * math.log10(epoch) + 1e-9)
