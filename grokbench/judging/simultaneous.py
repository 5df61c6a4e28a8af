"""Intervals that hold simultaneously for all comparisons of the family, beside Holm's p.

Bonferroni's intervals have the confidence 1 - alpha / m for m tests; the probability that all of them cover is at least
1 - alpha. Holm's method rejects at least as much as these intervals do, because it compares only the smallest p with
alpha / m. No simple simultaneous interval always agrees with Holm's method; a note says if the two disagree.
"""

from collections.abc import Iterator

from grokbench.judging.comparison import Comparison
from grokbench.judging.holm import Judgement
from grokbench.judging.note import Kind, Note, info
from grokbench.judging.paired_times import PairedTimes
from grokbench.records import Manifest
from grokbench.text.numbers import ends as written

__all__ = ["Ends", "simultaneous_ends", "simultaneous_note"]

Ends = tuple[float | None, float | None]


def simultaneous_ends(each: Comparison, judged: Judgement, manifest: Manifest) -> Ends:
    """Compute the Bonferroni interval of a speed-up over the baseline.

    Args:
        each: the comparison.
        judged: the corrected p of the comparison, with the number of tests in the family.
        manifest: the plan, with the suite's statistics.

    Returns:
        Both ends; (None, None) in three cases: there is no speed-up or no test, the suite declares looks (for which an
        interval of one test is not valid), or the seeds are too few for this confidence.
    """
    if each.effect is None or each.effect.speedup is None or each.baseline is None or judged.family is None:
        return None, None
    if manifest.statistics.interim_looks or not each.effect.tested:
        return None, None
    found, confidence = each.effect, _confidence(judged, manifest)
    if abs(confidence - manifest.statistics.confidence) > 1e-12:
        return PairedTimes.of(each.baseline, each.measured).interval(confidence)
    return found.low, found.high


def simultaneous_note(each: Comparison, ends: Ends, judged: Judgement, manifest: Manifest) -> Iterator[Note]:
    """Yield a note if the p that decides and the Bonferroni interval disagree; a bound gets no note.

    Args:
        each: the comparison.
        ends: the ends of the Bonferroni interval.
        judged: the corrected p of the comparison, see `Judgement`.
        manifest: the plan, with the suite's statistics and the number of tests.
    """
    (low, high), statistics = ends, manifest.statistics
    if each.effect is None or each.effect.bound or low is None or high is None:
        return
    if (p := judged.deciding(each.effect, statistics)) is None:
        return
    significant, includes = p <= statistics.alpha, low <= 1 <= high
    if significant == includes:
        shown, percent = written(low, high), f"{100 * _confidence(judged, manifest):.4g}%"
        verb, but = ("includes", "significant") if includes else ("excludes", "not significant")
        text = (
            f"the simultaneous interval {shown} ({percent}, Bonferroni over {judged.tests}) {verb} 1, though "
            f"{statistics.name_of_p} is {but}"
        )
        yield info(Kind.SIMULTANEOUS, text, low, high, judged.tests, significant)


def _confidence(judged: Judgement, manifest: Manifest) -> float:
    return 1 - manifest.statistics.alpha / max(judged.tests, 1)
