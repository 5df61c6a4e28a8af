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
    """One cell of a leaderboard; a value that does not exist is None.

    Times are min(T, B): the epochs to grok T, or the budget B for a seed that did not grok.

    `speedup` and `seconds_speedup` are point estimates, even if seeds are censored. If censoring makes the estimate a
    one-sided bound, print the valid end (`speedup_valid_end` or `seconds_speedup_valid_end`) after the sign of the
    bound. The valid end is the end of the interval that would also hold without a budget, or the estimate if there are
    too few seeds or rounds for an interval. If the estimate is not a bound, the valid end equals the estimate. If the
    bound is "mixed", neither end holds and the valid end is None; a table then shows the estimate after "~".

    Attributes:
        task: label of the task.
        regularizer: label of the method.
        seeds: planned seeds; 0 for a skipped cell.
        grokked: seeds that grokked within the budget.
        censored: seeds that reached the budget.
        diverged: seeds with a loss that is not finite; their time is the budget.
        failed: seeds that ended with an error; the row is incomplete.
        epochs_mean: mean time (a restricted mean).
        epochs_median: median epochs to grok; None if no more than half of the seeds grokked.
        epochs_std: standard deviation (n - 1) of the times.
        epochs_mean_bound: "lower" if a finished seed did not grok, because the mean of T itself is then larger.
        epochs_median_low: lower bound of the median, if exactly half of the seeds grokked: the last epoch at which one
            of them did. None otherwise.
        epochs_to_memorise: median over the seeds that memorised.
        delay: median epochs from memorising to grokking.
        first_mean: mean of min(first crossing, B), whatever the suite ranks by.
        first_median: median epochs to the first crossing; None if no more than half of the seeds had one.
        lasting: seeds whose grokking lasted, see `Crossings`. None if the task does not stop by `{hold: H}`.
        lasting_mean: mean of min(lasting crossing, B).
        lasting_median: median epochs to the lasting crossing.
        below_share: of the evaluations after the first crossing, the share at which the criterion did not hold; mean
            over seeds. None if there are no such evaluations.
        below_again: seeds for which the criterion did not hold at an evaluation after the first crossing. None if a run
            of an earlier version did not record this.
        not_finite_after: seeds whose loss became non-finite after their first crossing. None as for `below_again`.
        strict: seeds with a strict crossing, after which the criterion held at every evaluation of H epochs, see
            `Crossings`.
        strict_mean: restricted mean of the epochs to the strict crossing. A lower bound if training ended before such a
            crossing was known; training ends when grokking has lasted.
        strict_median: median epochs to the strict crossing. None if it depends on a crossing that is not known.
        lost: seeds that lost the criterion after their first crossing, see `Crossings`. None as for `below_again`.
        worst: metric of the criterion -> its worst value after the first crossing, over all seeds.
        speedup: exp of the mean over seeds of log(baseline's time / method's time); above 1 the method is faster.
        speedup_low: lower end of the interval of `speedup`.
        speedup_high: upper end of this interval.
        speedup_bound: "lower", "upper" or "mixed" if seeds that did not grok make `speedup` a bound; otherwise None.
        speedup_valid_end: the number to print for `speedup`, see above.
        speedup_of_means: mean time of the baseline / mean time of the method.
        speedup_of_means_low: lower end of its interval by Fieller's theorem; always 95%, not the suite's confidence.
        speedup_of_means_high: upper end of that interval.
        p_sign_flip: p of the sign-flip test on the log ratios.
        p_paired_t: p of the paired t test on epochs.
        p_wilcoxon: p of the Wilcoxon signed-rank test on the log ratios.
        p_logrank: p of the log-rank test with labels exchanged within pairs.
        p_misses_last: p of the sign test on which side grokked first, seed by seed; a side that did not grok is last.
        deciding_test: the test that decides: the suite's primary test, or "misses_last" if a seed did not grok.
        conclusion: the result of the deciding test: faster, slower, no difference, or faster where it groks. None
            without a p.
        p_holm: p of the deciding test after Holm's correction over all comparisons of its family.
        p_equivalence: p of the two one-sided tests that the speed-up lies within the suite's margin.
        p_equivalence_holm: `p_equivalence` after Holm's correction.
        p_sequential: p of the deciding test, adjusted for the looks that the suite declares, before Holm's correction;
            None without looks.
        family: number of the family of comparisons over which p is corrected: 1 for those that the suite declared at
            first, larger for those added after a look; None if there is nothing to test.
        effect_size: d_z of the log ratios: their mean divided by their standard deviation.
        superiority: share of seeds on which the method groks before the baseline, an estimate of the probability of
            improvement. A tie counts half; a side that did not grok is last.
        superiority_low: lower end of the interval of `superiority`.
        superiority_high: upper end of this interval.
        speedup_low_simultaneous: lower end of the interval of `speedup` with confidence 1 - alpha / m, for the m tests
            of the family.
        speedup_high_simultaneous: upper end of that interval.
        place: 1 + the number of methods of the task that are significantly faster, see `pairs`; None without a test.
        skewness: sample skewness of the log ratios (adjusted Fisher-Pearson).
        final: metric -> its mean over seeds at the last evaluation.
        seconds_per_epoch: seconds per epoch of one replica trained alone, evaluation excluded.
        flop_per_epoch: floating-point operations of such an epoch; None if they were not counted.
        seconds_mean: mean seconds to grok.
        seconds_speedup: seconds_mean of the baseline / seconds_mean of the method.
        seconds_speedup_low: lower end of its 95% interval, as in `Cost.speedup`.
        seconds_speedup_high: upper end of this interval.
        seconds_speedup_bound: "lower", "upper" or "mixed" as for `speedup_bound`, or None.
        seconds_speedup_valid_end: the number to print for `seconds_speedup`, see above.
        privileges: what the method uses that the baseline does not have.
        unverified_data: names of data sets that runs of the cell read and whose content is not the published one.
        reference: the name of the reference folder that runs of the cell were copied from, see `runner.references`;
            empty for a cell that was trained in this folder.
        published_epochs: the published mean epochs to grok.
        published_speedup: published mean epochs of the baseline / those of the method.
        published_speedup_low: lower end of its 95% interval; None if no spread is published.
        published_speedup_high: upper end of this interval.
        published_metrics: metric -> its published final value.
        verdict: the verdict on the published ratio, see `Reproduction`.
        notes: remarks on the row, as records.
        marks: differences between the cell's recipe and the task's.
        comparisons: the comparisons with rows other than the baseline, by the suite's `compare_to`.
        identity: the identity of the cell, as in its runs. Empty for a skipped cell.
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
    reference: str = ""
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
        """Set the valid ends, which are the numbers to print."""
        for name in ("speedup", "seconds_speedup"):
            object.__setattr__(self, f"{name}_valid_end", end_to_print(self, name))

    def p(self, statistics: Statistics) -> float | None:
        """Return the p that decides significance."""
        adjusted = self.p_holm if statistics.correction == "holm" else self.p_sequential
        return statistics.deciding(self.p_deciding, adjusted)

    @property
    def p_deciding(self) -> float | None:
        """The p of the deciding test, before any correction."""
        return getattr(self, f"p_{self.deciding_test}") if self.deciding_test else None

    def significant(self, statistics: Statistics) -> bool:
        """Return whether `p` is at most alpha."""
        p = self.p(statistics)
        return p is not None and p <= statistics.alpha

    @property
    def shown(self) -> float | None:
        """The speed-up that a table shows: the valid end, or the point estimate if the bound is "mixed"."""
        return self.speedup if self.speedup_valid_end is None else self.speedup_valid_end

    @property
    def seconds_shown(self) -> float | None:
        """The ratio of seconds that a table shows: the valid end, or the point estimate if the bound is "mixed"."""
        return self.seconds_speedup if self.seconds_speedup_valid_end is None else self.seconds_speedup_valid_end

    @property
    def shown_bound(self) -> str | None:
        """The kind of bound of the shown speed-up; a bound without an interval (too few seeds) counts as "mixed"."""
        return known_bound(self.speedup_low, self.speedup_high, self.speedup_bound)

    @property
    def seconds_shown_bound(self) -> str | None:
        """The kind of bound of the shown ratio of seconds, by the same rule as `shown_bound`."""
        return known_bound(self.seconds_speedup_low, self.seconds_speedup_high, self.seconds_speedup_bound)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The texts of the notes."""
        return tuple(note.text for note in self.notes)

    def as_dict(self) -> dict[str, Any]:
        """Convert the row to JSON data; its notes become sentences."""
        marks = [asdict(mark) | {"text": mark_text(mark)} for mark in self.marks]
        comparisons = [each.as_dict() for each in self.comparisons]
        return asdict(self) | {"notes": self.sentences, "marks": marks, "comparisons": comparisons}
