"""The tidy table of a leaderboard, with a column for each key of its rows."""

from collections.abc import Callable, Iterable
from operator import attrgetter

from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.marks import mark_text
from grokbench.judging.row import Row
from grokbench.judging.verdicts import Reproduction
from grokbench.report.export.runs import LABELS, UNTIMED
from grokbench.report.export.tidy import INTEGER, NUMBER, TEXT, Column, Table
from grokbench.report.text.prose import TESTS

__all__ = ["ABOUT", "leaderboard", "row_columns"]

ABOUT = "A row per cell: one method on one task. `grokbench leaderboard --format json` has the same keys."
NOT_COMPARED = "the baseline, and cells that cannot be compared"
NO_END = f"{NOT_COMPARED}; the bound is mixed"
UNTESTED = f"{NOT_COMPARED}; copies of the baseline; a part of the suite's seeds has run"
UNDECLARED = "the suite declares no looks, or none is reached; the baseline"
UNFAMILIAR = "the baseline, copies of it, and skipped cells"
NOT_HELD = "the task does not stop by `hold`"
NOT_RECORDED = "nothing has finished, or a run is of an earlier version"
NO_MARGIN = f"{NOT_COMPARED}; the suite declares no margin, or a seed did not grok"
NO_WATCH = "no evaluation follows a first crossing"
UNCOUNTED = "not counted, or the timing is of an earlier version"
BONFERRONI = "its interval of confidence 1 - alpha / m, for the m tests of the family"
UNPUBLISHED = "the suite has no published number for it"
UNSPREAD = "the suite has no published spread for it"
VERDICTS = tuple(Reproduction)


def _joined(name: str, meaning: str, empty: str, texts: Callable[[Row], Iterable[str]]) -> Column:
    return Column(name, TEXT, f"{meaning}, joined by `; `", empty, of=lambda row: "; ".join(texts(row)))


def _worst(row: Row) -> list[str]:
    return [f"{label} {value:g}" for label, value in row.worst.items()]


def _contrasts(row: Row) -> list[str]:
    return [each.note.text for each in row.comparisons]


def _final(label: str) -> Column:
    meaning, empty = "mean of the metric at the last evaluation", "nothing has finished, or a value is not finite"
    return Column(f"final_{label}", NUMBER, meaning, empty, of=lambda row: row.final.get(label))


def _p(test: str) -> Column:
    return Column(f"p_{test}", NUMBER, f"p of the {TESTS[test]}", UNTESTED)


RANKED: tuple[Column, ...] = (
    *LABELS,
    Column("seeds", INTEGER, "planned; 0 for a cell that the suite skips"),
    Column("grokked", INTEGER, "seeds that met the criterion within the budget"),
    Column("censored", INTEGER, "seeds that reached the budget without meeting it"),
    Column("diverged", INTEGER, "seeds with a loss that is not finite; their time counts as the budget"),
    Column("failed", INTEGER, "seeds that ended with an error: the row is incomplete"),
    Column("epochs_mean", NUMBER, "mean of min(time, budget)", "nothing has finished", "epochs"),
    Column("epochs_median", NUMBER, "median time to grok", "no more than half grokked", "epochs"),
    Column("epochs_std", NUMBER, "standard deviation (n - 1) of min(time, budget)", "below two seeds", "epochs"),
    Column("epochs_mean_bound", TEXT, "lower: seeds did not grok, so that the mean time is larger", "all grokked"),
    Column("epochs_median_low", NUMBER, "lower bound of the median, if exactly half grokked", "otherwise", "epochs"),
    Column("epochs_to_memorise", NUMBER, "median over the seeds that memorised", "none memorised", "epochs"),
    Column("delay", NUMBER, "median epochs from memorising to grokking", "no seed grokked", "epochs"),
    Column("first_mean", NUMBER, "mean of min(first crossing, budget)", "nothing has finished", "epochs"),
    Column("first_median", NUMBER, "median epochs to the first crossing", "no more than half had one", "epochs"),
    Column("lasting", INTEGER, "seeds whose grokking lasted", NOT_HELD),
    Column("lasting_mean", NUMBER, "mean of min(lasting crossing, budget)", NOT_HELD, "epochs"),
    Column("lasting_median", NUMBER, "median epochs to that crossing", f"{NOT_HELD}; no more than half", "epochs"),
    Column("below_share", NUMBER, "share of evaluations after the first crossing that missed the criterion", NO_WATCH),
    Column("below_again", INTEGER, "seeds that missed the criterion after their first crossing", NOT_RECORDED),
    Column("not_finite_after", INTEGER, "seeds whose loss became non-finite after their first crossing", NOT_RECORDED),
    Column("strict", INTEGER, "seeds with a crossing after which the criterion held for H epochs", NOT_HELD),
    Column(
        "strict_mean",
        NUMBER,
        "mean of min(strict crossing, budget); a lower bound if a crossing is unknown",
        NOT_HELD,
        "epochs",
    ),
    Column("strict_median", NUMBER, "median epochs to that crossing", f"{NOT_HELD}; not known", "epochs"),
    Column("lost", INTEGER, "seeds below the criterion again by more than chance explains", NOT_RECORDED),
    _joined("worst", "worst value of each metric of the criterion after the first crossing", NO_WATCH, _worst),
    Column("speedup", NUMBER, "exp of the mean over seeds of log(baseline's time / its time)", NOT_COMPARED, "ratio"),
    Column("speedup_low", NUMBER, "lower end of its interval", f"{NOT_COMPARED}; too few seeds", "ratio"),
    Column("speedup_high", NUMBER, "upper end of its interval", f"{NOT_COMPARED}; too few seeds", "ratio"),
    Column("speedup_bound", TEXT, "lower, upper or mixed: its kind of bound if seeds did not grok", "not a bound"),
    Column("speedup_valid_end", NUMBER, "the number to print for `speedup`", NO_END, "ratio"),
    Column("speedup_of_means", NUMBER, "mean time of the baseline / mean time", NOT_COMPARED, "ratio"),
    Column("speedup_of_means_low", NUMBER, "lower end of its 95% interval", f"{NOT_COMPARED}; too few seeds", "ratio"),
    Column("speedup_of_means_high", NUMBER, "upper end of that interval", f"{NOT_COMPARED}; too few seeds", "ratio"),
    *map(_p, TESTS),
    Column("deciding_test", TEXT, "the suite's primary test; misses_last where a seed did not grok", NOT_COMPARED),
    Column("conclusion", TEXT, "faster, slower, no difference or faster where it groks", f"{NOT_COMPARED}; no p"),
    Column("p_holm", NUMBER, "p of the deciding test adjusted by Holm's method over its family", UNTESTED),
    Column("p_sequential", NUMBER, "that p adjusted for the declared looks, before Holm's method", UNDECLARED),
    Column("family", INTEGER, "1: declared at first, more: added after a look", UNFAMILIAR),
    Column("p_equivalence", NUMBER, "p of two one-sided tests that the speed-up lies within the margin", NO_MARGIN),
    Column("p_equivalence_holm", NUMBER, "that p adjusted by Holm's method", NO_MARGIN),
    Column("effect_size", NUMBER, "d_z of the log ratios: mean / standard deviation", NOT_COMPARED),
    Column("superiority", NUMBER, "share of seeds on which it groks before the baseline, ties half", NOT_COMPARED),
    Column("superiority_low", NUMBER, "lower end of its interval", NOT_COMPARED),
    Column("superiority_high", NUMBER, "upper end of its interval", NOT_COMPARED),
    Column("speedup_low_simultaneous", NUMBER, f"lower end of {BONFERRONI}", f"{NOT_COMPARED}; too few seeds", "ratio"),
    Column(
        "speedup_high_simultaneous", NUMBER, f"upper end of {BONFERRONI}", f"{NOT_COMPARED}; too few seeds", "ratio"
    ),
    Column("place", INTEGER, "1 + the number of methods of the task that are significantly faster", "not tested"),
    Column("skewness", NUMBER, "sample skewness of the log ratios", f"{NOT_COMPARED}; below three seeds"),
)
JUDGED: tuple[Column, ...] = (
    Column("seconds_per_epoch", NUMBER, "one network trained alone, evaluation excluded, median", UNTIMED, "seconds"),
    Column("flop_per_epoch", INTEGER, "floating-point operations of that epoch, elementwise ones left out", UNCOUNTED),
    Column("seconds_mean", NUMBER, "seconds_per_epoch x epochs_mean + seconds of `prepare`", UNTIMED, "seconds"),
    Column("seconds_speedup", NUMBER, "the baseline's seconds_mean / its own", f"{NOT_COMPARED}; {UNTIMED}", "ratio"),
    Column("seconds_speedup_low", NUMBER, "lower end of its interval", f"{NOT_COMPARED}; {UNTIMED}", "ratio"),
    Column("seconds_speedup_high", NUMBER, "upper end of its interval", f"{NOT_COMPARED}; {UNTIMED}", "ratio"),
    Column("seconds_speedup_bound", TEXT, "lower, upper or mixed, as speedup_bound", "not a bound"),
    Column("seconds_speedup_valid_end", NUMBER, "the number to print for it", f"{NO_END}; {UNTIMED}", "ratio"),
    _joined(
        "privileges",
        "what the method uses that the baseline does not have",
        "it uses nothing more",
        attrgetter("privileges"),
    ),
    _joined(
        "unverified_data",
        "data sets that its runs read and that are not the published ones",
        "none, or runs of an earlier version, which recorded no digests",
        attrgetter("unverified_data"),
    ),
    Column(
        "reference", TEXT, "the reference folder that its runs were copied from", "they were trained in this folder"
    ),
    Column("published_epochs", NUMBER, "published mean", UNPUBLISHED, "epochs"),
    Column("published_speedup", NUMBER, "published mean of the baseline / published mean", UNPUBLISHED, "ratio"),
    Column("published_speedup_low", NUMBER, "lower end of its 95% interval", UNSPREAD, "ratio"),
    Column("published_speedup_high", NUMBER, "upper end of that interval", UNSPREAD, "ratio"),
    _joined(
        "published_metrics",
        "published final values, each as `metric value`",
        UNPUBLISHED,
        lambda row: [f"{label} {value}" for label, value in row.published_metrics.items()],
    ),
    Column("verdict", TEXT, f"{', '.join(VERDICTS[:-1])} or {VERDICTS[-1]}: ours against the published", UNPUBLISHED),
    _joined("notes", "remarks about the row", "there are none", attrgetter("sentences")),
    _joined(
        "marks", "differences of its recipe from the task's", "there are none", lambda row: map(mark_text, row.marks)
    ),
    _joined("comparisons", "tests against other rows by `compare_to`", "there are none", _contrasts),
    Column("identity", TEXT, "hash of the recipe; names the cell on disk", "a cell that the suite skips"),
)


def row_columns(metrics: Iterable[str]) -> tuple[Column, ...]:
    """Return the columns of the table `leaderboard` with the given metrics."""
    return (*RANKED, *map(_final, metrics), *JUDGED)


def leaderboard(board: Leaderboard) -> Table:
    """Return the table `leaderboard`, with a row for each cell, skipped cells included."""
    labels = dict.fromkeys(label for row in board.rows for label in row.final)
    return Table.of("leaderboard", ABOUT, row_columns(labels), lambda: board.rows)
