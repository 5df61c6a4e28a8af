"""The records of a leaderboard: a row per cell, and the leaderboard that holds the rows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from grokbench.judging.effects import Reproduction
from grokbench.judging.marks import mark_text
from grokbench.judging.note import Note
from grokbench.records import Mark, Skip, Statistics
from grokbench.text.numbers import valid_end

__all__ = ["Leaderboard", "Row", "RowComparison"]


@dataclass(frozen=True, kw_only=True)
class RowComparison:
    """A row compared with another one than the baseline; see `Row` for what has the same name.

    Attributes:
        other: label of the other method; `with` in JSON.
        speedup: None where the two cannot be compared.
        speedup_low: lower end of its interval.
        speedup_high: upper end of its interval.
        speedup_bound: None, lower, upper or mixed.
        speedup_of_means: mean time of the other / mean time.
        p: of the suite's primary test.
        p_holm: after Holm's correction over all planned comparisons.
        effect_size: d_z of the log ratios.
        superiority: share of seeds on which the method groks before the other, ties half.
        note: what follows, in a sentence.
    """

    other: str
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    speedup_bound: str | None = None
    speedup_of_means: float | None = None
    p: float | None = None
    p_holm: float | None = None
    effect_size: float | None = None
    superiority: float | None = None
    note: Note

    def as_dict(self) -> dict[str, Any]:
        """Turn the comparison into JSON data."""
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "other"}
        return {"with": self.other} | values | {"note": self.note.text}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell of a leaderboard; None stands where a value does not exist.

    Times are min(T, B): epochs to grok, or the budget B for a seed that did not grok.

    Attributes:
        task: label of the task.
        regularizer: label of the method.
        seeds: planned; 0 for a skipped cell.
        grokked: seeds that grokked within the budget.
        censored: seeds that reached the budget.
        diverged: seeds with a loss that is not finite; they count as the budget.
        failed: seeds that ended with an error; the row is incomplete.
        epochs_mean: mean time, the restricted mean.
        epochs_median: median epochs to grok; None when no more than half grokked.
        epochs_std: standard deviation (n - 1) of the times.
        epochs_mean_bound: "lower" where a finished seed did not grok, so that the mean of T itself is larger.
        epochs_median_low: the last epoch to grok where exactly half grokked: the median lies at it or later.
        epochs_to_memorise: median over the seeds that memorised.
        delay: median epochs from memorising to grokking.
        first_mean: mean of min(first crossing, B), whatever the suite ranks by.
        first_median: median epochs to the first crossing; None when no more than half had one.
        lasting: seeds whose grokking lasted, see `Crossings`. None where the task does not `hold`.
        lasting_mean: mean of min(lasting crossing, B).
        lasting_median: median epochs to the lasting crossing.
        below_share: mean share of the evaluations after the first crossing at which the criterion did not hold. None
            where there are none.
        below_again: seeds with such an evaluation. None where a run of an earlier version does not say it.
        not_finite_after: seeds whose loss was not finite after their first crossing. None likewise.
        speedup: exp of the mean over seeds of log(baseline's time / time); above 1 the method is faster.
        speedup_low: lower end of its interval.
        speedup_high: upper end of its interval.
        speedup_bound: what seeds that did not grok make of it: None, or lower, upper, mixed.
        speedup_of_means: mean time of the baseline / mean time.
        p_sign_flip: p of the sign-flip test on the log ratios.
        p_paired_t: p of the paired t test on epochs.
        p_wilcoxon: p of the Wilcoxon signed-rank test on the log ratios.
        p_logrank: p of the log-rank test with labels exchanged within pairs.
        p_holm: p of the suite's primary test after Holm's correction over all planned comparisons.
        effect_size: d_z of the log ratios, their mean / their standard deviation.
        superiority: share of seeds on which the method groks before the baseline, ties half.
        skewness: sample skewness of the log ratios (adjusted Fisher-Pearson).
        final: metric -> its mean at the last evaluation.
        seconds_per_epoch: of one replica trained alone, evaluation excluded.
        flop_per_epoch: floating-point operations of that epoch; None where they were not counted.
        seconds_mean: seconds to grok.
        seconds_speedup: seconds_mean of the baseline / seconds_mean.
        privileges: what the method uses and the baseline does not have.
        published_epochs: the published mean.
        published_speedup: published mean of the baseline / published mean.
        verdict: on the published ratio.
        notes: remarks on the row, as records.
        marks: differences of its recipe from the task's.
        comparisons: with other rows than the baseline, by the suite's `compare_to`.
    """

    task: str
    regularizer: str
    seeds: int
    grokked: int
    censored: int
    diverged: int
    failed: int
    epochs_mean: float | None = None
    epochs_median: float | None = None
    epochs_std: float | None = None
    epochs_mean_bound: str | None = None
    epochs_median_low: float | None = None
    epochs_to_memorise: float | None = None
    delay: float | None = None
    first_mean: float | None = None
    first_median: float | None = None
    lasting: int | None = None
    lasting_mean: float | None = None
    lasting_median: float | None = None
    below_share: float | None = None
    below_again: int | None = None
    not_finite_after: int | None = None
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    speedup_bound: str | None = None
    speedup_of_means: float | None = None
    p_sign_flip: float | None = None
    p_paired_t: float | None = None
    p_wilcoxon: float | None = None
    p_logrank: float | None = None
    p_holm: float | None = None
    effect_size: float | None = None
    superiority: float | None = None
    skewness: float | None = None
    final: Mapping[str, float | None] = field(default_factory=dict)
    seconds_per_epoch: float | None = None
    flop_per_epoch: int | None = None
    seconds_mean: float | None = None
    seconds_speedup: float | None = None
    privileges: tuple[str, ...] = ()
    published_epochs: float | None = None
    published_speedup: float | None = None
    verdict: Reproduction | None = None
    notes: tuple[Note, ...] = ()
    marks: tuple[Mark, ...] = ()
    comparisons: tuple[RowComparison, ...] = ()

    def p(self, statistics: Statistics) -> float | None:
        """Select the p that decides significance."""
        return statistics.deciding(getattr(self, f"p_{statistics.primary}"), self.p_holm)

    def significant(self, statistics: Statistics) -> bool:
        """Check whether that p is at most alpha."""
        p = self.p(statistics)
        return p is not None and p <= statistics.alpha

    @property
    def shown(self) -> float | None:
        """The speed-up to show: of a one-sided bound the valid end of its interval."""
        if self.speedup is None:
            return None
        return valid_end(self.speedup, self.speedup_low, self.speedup_high, self.speedup_bound)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The texts of the notes."""
        return tuple(note.text for note in self.notes)

    def as_dict(self) -> dict[str, Any]:
        """Turn the row into JSON data, its notes into sentences."""
        marks = [asdict(mark) | {"text": mark_text(mark)} for mark in self.marks]
        comparisons = [each.as_dict() for each in self.comparisons]
        return asdict(self) | {"notes": self.sentences, "marks": marks, "comparisons": comparisons}


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """The rows of a suite.

    Attributes:
        suite: its name.
        baseline: label of the method that the others are compared with.
        environment: key of provenance -> its value, a list where runs differ, None if unknown.
        rows: a row per planned cell, and one per skipped cell; the rows of a task stand together.
        skipped: the cells that the suite leaves out; the note of their row says why.
        budgets: task -> budget in epochs.
        statistics: the tests of the suite.
        source: of the published numbers, if there are any.
    """

    suite: str
    baseline: str
    environment: Mapping[str, Any]
    rows: tuple[Row, ...]
    skipped: tuple[Skip, ...] = ()
    budgets: Mapping[str, int] = field(default_factory=dict)
    statistics: Statistics = Statistics()
    source: str | None = None
