"""A row of a leaderboard: the numbers of one cell, and the notes on them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from grokbench.judging.conclusions import Conclusion
from grokbench.judging.marks import mark_text
from grokbench.judging.note import Note
from grokbench.judging.row_comparison import RowComparison, end_to_print
from grokbench.judging.verdicts import Reproduction
from grokbench.records import Mark, Statistics
from grokbench.text.numbers import known_bound

__all__ = ["Row"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell of a leaderboard; None stands where a value does not exist.

    Times are min(T, B): epochs to grok, or the budget B for a seed that did not grok.

    `speedup` and `seconds_speedup` are point estimates, whatever censoring makes of them. Where they are one-sided
    bounds, print `speedup_valid_end` and `seconds_speedup_valid_end` after the sign of the bound: the end of the
    interval that holds without a budget, or the estimate where seeds or rounds are too few for an interval. Where they
    are no bounds, the valid end equals the estimate. Where a bound is "mixed" it is None, since neither end holds; a
    table then shows the estimate after "~".

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
        strict: seeds that met the criterion at every evaluation for H epochs, see `Crossings`.
        strict_mean: restricted mean of that crossing; a lower bound where training ended before one was known, as it
            does when grokking lasts.
        strict_median: median epochs to it. None where it depends on a crossing that is not known.
        lost: seeds that lost the criterion after their first crossing, see `Crossings`. None as for `below_again`.
        worst: metric of the criterion -> its worst value after the first crossing, over all seeds.
        speedup: exp of the mean over seeds of log(baseline's time / time); above 1 the method is faster.
        speedup_low: lower end of its interval.
        speedup_high: upper end of its interval.
        speedup_bound: what seeds that did not grok make of it: None, or lower, upper, mixed.
        speedup_valid_end: the number to print.
        speedup_of_means: mean time of the baseline / mean time.
        speedup_of_means_low: lower end of its 95% interval (Fieller's), whatever the suite's confidence.
        speedup_of_means_high: upper end of that interval.
        p_sign_flip: p of the sign-flip test on the log ratios.
        p_paired_t: p of the paired t test on epochs.
        p_wilcoxon: p of the Wilcoxon signed-rank test on the log ratios.
        p_logrank: p of the log-rank test with labels exchanged within pairs.
        p_misses_last: p of the sign test of which side grokked first, a seed that did not grok being last.
        deciding_test: the test that decides: the suite's primary one, or "misses_last" where a seed did not grok.
        conclusion: from the deciding test: faster, slower, no difference, or faster where it groks. None without a p.
        p_holm: p of the deciding test after Holm's correction over all comparisons of its family.
        p_equivalence: p of the two one-sided tests that the speed-up lies within the suite's margin.
        p_equivalence_holm: that p after Holm's correction.
        p_sequential: p of that test at the looks that the suite declares, before Holm's correction; None without looks.
        family: number of the family: 1 for what the suite declared at first, more for what was added after a look; None
            where there is nothing to test.
        effect_size: d_z of the log ratios, their mean / their standard deviation.
        superiority: share of seeds on which the method groks before the baseline, ties half; a seed that did not grok
            is last. An estimate of the probability of improvement.
        superiority_low: lower end of its interval.
        superiority_high: upper end of its interval.
        speedup_low_simultaneous: lower end of the interval of confidence 1 - alpha / m, for the m tests of the family.
        speedup_high_simultaneous: upper end of that interval.
        place: 1 + the number of methods of the task that are significantly faster, see `pairs`; None without a test.
        skewness: sample skewness of the log ratios (adjusted Fisher-Pearson).
        final: metric -> its mean at the last evaluation.
        seconds_per_epoch: of one replica trained alone, evaluation excluded.
        flop_per_epoch: floating-point operations of that epoch; None where they were not counted.
        seconds_mean: seconds to grok.
        seconds_speedup: seconds_mean of the baseline / seconds_mean.
        seconds_speedup_low: lower end of its 95% interval, as in `Cost.speedup`.
        seconds_speedup_high: upper end of its interval.
        seconds_speedup_bound: None, lower, upper or mixed.
        seconds_speedup_valid_end: the number to print.
        privileges: what the method uses and the baseline does not have.
        unverified_data: data sets that its runs read and that are not the published ones.
        published_epochs: the published mean.
        published_speedup: published mean of the baseline / published mean.
        published_speedup_low: lower end of its 95% interval; None where no spread is published.
        published_speedup_high: upper end of that interval.
        published_metrics: metric -> its published final value.
        verdict: on the published ratio.
        notes: remarks on the row, as records.
        marks: differences of its recipe from the task's.
        comparisons: with other rows than the baseline, by the suite's `compare_to`.
        identity: of the cell, as in its runs. Empty for a skipped cell.
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
    strict: int | None = None
    strict_mean: float | None = None
    strict_median: float | None = None
    lost: int | None = None
    worst: Mapping[str, float] = field(default_factory=dict)
    speedup: float | None = None
    speedup_low: float | None = None
    speedup_high: float | None = None
    speedup_bound: str | None = None
    speedup_valid_end: float | None = field(init=False)
    speedup_of_means: float | None = None
    speedup_of_means_low: float | None = None
    speedup_of_means_high: float | None = None
    p_sign_flip: float | None = None
    p_paired_t: float | None = None
    p_wilcoxon: float | None = None
    p_logrank: float | None = None
    p_misses_last: float | None = None
    deciding_test: str | None = None
    conclusion: Conclusion | None = None
    p_holm: float | None = None
    p_sequential: float | None = None
    family: int | None = None
    p_equivalence: float | None = None
    p_equivalence_holm: float | None = None
    effect_size: float | None = None
    superiority: float | None = None
    superiority_low: float | None = None
    superiority_high: float | None = None
    speedup_low_simultaneous: float | None = None
    speedup_high_simultaneous: float | None = None
    place: int | None = None
    skewness: float | None = None
    final: Mapping[str, float | None] = field(default_factory=dict)
    seconds_per_epoch: float | None = None
    flop_per_epoch: int | None = None
    seconds_mean: float | None = None
    seconds_speedup: float | None = None
    seconds_speedup_low: float | None = None
    seconds_speedup_high: float | None = None
    seconds_speedup_bound: str | None = None
    seconds_speedup_valid_end: float | None = field(init=False)
    privileges: tuple[str, ...] = ()
    unverified_data: tuple[str, ...] = ()
    published_epochs: float | None = None
    published_speedup: float | None = None
    published_speedup_low: float | None = None
    published_speedup_high: float | None = None
    published_metrics: Mapping[str, float] = field(default_factory=dict)
    verdict: Reproduction | None = None
    notes: tuple[Note, ...] = ()
    marks: tuple[Mark, ...] = ()
    comparisons: tuple[RowComparison, ...] = ()
    identity: str = ""

    def __post_init__(self) -> None:
        """Choose the numbers to print."""
        for name in ("speedup", "seconds_speedup"):
            object.__setattr__(self, f"{name}_valid_end", end_to_print(self, name))

    def p(self, statistics: Statistics) -> float | None:
        """Select the p that decides significance."""
        adjusted = self.p_holm if statistics.correction == "holm" else self.p_sequential
        return statistics.deciding(self.p_deciding, adjusted)

    @property
    def p_deciding(self) -> float | None:
        """The p of the deciding test, before any correction."""
        return getattr(self, f"p_{self.deciding_test}") if self.deciding_test else None

    def significant(self, statistics: Statistics) -> bool:
        """Check whether that p is at most alpha."""
        p = self.p(statistics)
        return p is not None and p <= statistics.alpha

    @property
    def shown(self) -> float | None:
        """The speed-up to show: its valid end, or the estimate of a mixed bound."""
        return self.speedup if self.speedup_valid_end is None else self.speedup_valid_end

    @property
    def seconds_shown(self) -> float | None:
        """The ratio of seconds to show, likewise."""
        return self.seconds_speedup if self.seconds_speedup_valid_end is None else self.seconds_speedup_valid_end

    @property
    def shown_bound(self) -> str | None:
        """The bound that the shown speed-up is: "mixed" also where too few seeds have no interval."""
        return known_bound(self.speedup_low, self.speedup_high, self.speedup_bound)

    @property
    def seconds_shown_bound(self) -> str | None:
        """The bound that the shown ratio of seconds is, likewise."""
        return known_bound(self.seconds_speedup_low, self.seconds_speedup_high, self.seconds_speedup_bound)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The texts of the notes."""
        return tuple(note.text for note in self.notes)

    def as_dict(self) -> dict[str, Any]:
        """Turn the row into JSON data, its notes into sentences."""
        marks = [asdict(mark) | {"text": mark_text(mark)} for mark in self.marks]
        comparisons = [each.as_dict() for each in self.comparisons]
        return asdict(self) | {"notes": self.sentences, "marks": marks, "comparisons": comparisons}
