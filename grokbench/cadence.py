"""When a metric is measured: at every evaluation, every few epochs, or evenly in the logarithm of the epoch. No torch.

In a suite: `every: 10` (epochs), or `every: {per_decade: 10}`, ten times between 10 and 100 epochs, ten more between
100 and 1000, as far as there are evaluations. A measurement at the start is always made, and one at the end of a run.
"""

import math
from collections.abc import Mapping

__all__ = ["Every", "is_due"]

Every = int | Mapping[str, int]  # epochs, or {"per_decade": times}


def is_due(every: Every, epoch: int, cadence: int) -> bool:
    """Whether a metric is measured at an epoch that is evaluated, the evaluation before it `cadence` epochs earlier."""
    if isinstance(every, int):
        return epoch % every == 0
    if epoch <= cadence:
        return True
    return _mark(every["per_decade"], epoch) > _mark(every["per_decade"], epoch - cadence)


def _mark(per_decade: int, epoch: int) -> int:
    """How many of the marks 10^(k / per_decade) lie at or below an epoch."""
    return math.floor(per_decade * math.log10(epoch) + 1e-9)
