"""The columns of a row by their subject: crossings, effect, design, and published numbers."""

from statistics import fmean
from typing import Any

from grokbench.judging.comparison import Comparison
from grokbench.judging.conclusions import conclude
from grokbench.judging.holm import Judgement
from grokbench.judging.outcomes import Measured
from grokbench.judging.seconds import seconds_speedup
from grokbench.judging.verdicts import published_ratio
from grokbench.records import Manifest, Statistics
from grokbench.stats.survival import median_time

__all__ = ["crossing_columns", "design_columns", "effect_columns", "published_columns"]


def crossing_columns(measured: Measured) -> dict[str, Any]:
    """Return the columns for the crossings of a cell, and for the evaluations after them."""
    courses = measured.courses
    columns: dict[str, Any] = {
        "below_share": courses.below_share(),
        "below_again": courses.below_again(),
        "not_finite_after": courses.not_finite_after(),
        "lost": courses.lost(),
        "worst": courses.worst(),
    }
    recorded = courses.crossings is not None or not isinstance(measured.cell.recipe.stop, int)
    for name, known in (("first", recorded), ("lasting", courses.holds), ("strict", courses.holds)):
        if known and measured.finished:
            times, hits = courses.crossed(name)
            columns |= {f"{name}_mean": fmean(times), f"{name}_median": median_time(times, hits)}
            columns |= {name: sum(hits)} if name != "first" else {}
    if "strict_median" in columns:
        columns["strict_median"] = courses.strict_median()
    return columns


def effect_columns(each: Comparison, judged: Judgement | None, statistics: Statistics) -> dict[str, Any]:
    """Return the columns for the conclusion, and for the method's effect on epochs and on seconds.

    Args:
        each: the cell, compared with its baseline.
        judged: the corrected p of this comparison, see `Judgement`; None for the baseline.
        statistics: the statistics of the suite.
    """
    found = each.effect
    if found is None:
        return {}
    test = found.deciding(statistics.primary)
    return {
        "speedup": found.speedup,
        "speedup_low": found.low,
        "speedup_high": found.high,
        "speedup_bound": found.bound,
        "speedup_of_means": found.of_means,
        **{f"p_{name}": p for name, p in found.p.items()},
        "deciding_test": test,
        "conclusion": conclude(found, judged, statistics) if judged else None,
        "speedup_of_means_low": found.of_means_low,
        "speedup_of_means_high": found.of_means_high,
        "effect_size": found.effect_size,
        "skewness": found.skewness,
        "superiority": found.superiority,
        "superiority_low": found.superiority_low,
        "superiority_high": found.superiority_high,
        **_seconds_columns(each),
    }


def _seconds_columns(each: Comparison) -> dict[str, Any]:
    found, name = seconds_speedup(each), "seconds_speedup"
    if found is None or each.effect is None or not each.measured.complete:
        return {}
    ends = {f"{name}_low": found.low, f"{name}_high": found.high}
    return {name: found.value, **ends, f"{name}_bound": each.effect.bound}


def design_columns(judged: Judgement | None, statistics: Statistics, tested: bool = True) -> dict[str, Any]:
    """Return the columns for the family of a comparison and for its adjusted p's.

    Args:
        judged: the corrected p of the comparison, see `Judgement`; None for the baseline.
        statistics: the statistics of the suite.
        tested: whether the row has an effect. A row without one has no p.
    """
    if judged is None:
        return {}
    if not tested:
        return {"family": judged.family}
    p_holm = judged.p if statistics.correction == "holm" else None
    return {"p_holm": p_holm, "p_sequential": judged.sequential, "family": judged.family}


def published_columns(task: str, regularizer: str, manifest: Manifest) -> dict[str, Any]:
    """Return the published numbers of a cell: epochs, the speed-up with its interval, and final values of metrics.

    Args:
        task: the label of the task.
        regularizer: the label of the regularizer.
        manifest: the plan, with the published numbers.
    """
    published = manifest.published
    if published is None:
        return {}
    found = published_ratio(published, task, manifest.baseline, regularizer)
    low, high = found.ends if found else (None, None)
    return {
        "published_epochs": published.epochs.get(task, {}).get(regularizer),
        "published_speedup": found.value if found else None,
        "published_speedup_low": low,
        "published_speedup_high": high,
        "published_metrics": published.finals(task, regularizer),
    }
