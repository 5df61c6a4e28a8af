"""Tests, intervals and effect sizes for paired samples, as functions of arrays.

Except for Student's t test, the tests are randomisation tests for paired samples. Under the null hypothesis the two
labels of a pair are exchangeable, so a paired difference is positive or negative with probability 1/2. `sign_flip`
(module `sign_flip_test`) tests the mean in this way. Applied to signed ranks, `sign_flip` is Wilcoxon's test; applied
to log-rank scores (module `survival`), it is a paired log-rank test. Functions whose names end in `_between` take
differences that are known only within brackets.

A result that does not exist is None, never nan; each function names these cases.
"""

from grokbench.stats.brackets import (
    bound_confidence,
    equivalence,
    mean_between,
    sign_flip_between,
    sign_flip_interval_between,
)
from grokbench.stats.group_sequential import boundaries, sequential_p, spent, undecidable
from grokbench.stats.holm_method import holm
from grokbench.stats.mean_ratio import ratio_of_means_interval
from grokbench.stats.median import median_interval
from grokbench.stats.misses import log_ratio_brackets, misses_last, misses_last_favours
from grokbench.stats.moments import effect_size, skewness
from grokbench.stats.sign_flip_test import (
    EXACT_PAIRS,
    MONTE_CARLO_DRAWS,
    Floats,
    pairs_needed,
    sign_flip,
    sign_flip_interval,
    smallest_p,
)
from grokbench.stats.signed_rank_test import signed_ranks, wilcoxon, wilcoxon_between
from grokbench.stats.t_test import mean_half_width, paired_t, sample_size_to_narrow
from grokbench.stats.wins import superiority, superiority_interval

__all__ = [
    "EXACT_PAIRS",
    "MONTE_CARLO_DRAWS",
    "Floats",
    "bound_confidence",
    "boundaries",
    "effect_size",
    "equivalence",
    "holm",
    "log_ratio_brackets",
    "mean_between",
    "mean_half_width",
    "median_interval",
    "misses_last",
    "misses_last_favours",
    "paired_t",
    "pairs_needed",
    "ratio_of_means_interval",
    "sample_size_to_narrow",
    "sequential_p",
    "sign_flip",
    "sign_flip_between",
    "sign_flip_interval",
    "sign_flip_interval_between",
    "signed_ranks",
    "skewness",
    "smallest_p",
    "spent",
    "superiority",
    "superiority_interval",
    "undecidable",
    "wilcoxon",
    "wilcoxon_between",
]
