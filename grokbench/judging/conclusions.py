"""Conclusions from a comparison with the baseline, and the notes that state them."""

from collections.abc import Iterator
from enum import StrEnum

from grokbench import stats
from grokbench.judging.comparison import RowContrast
from grokbench.judging.effects import Effect
from grokbench.judging.holm import Judgement
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.records import Manifest, Statistics
from grokbench.text.lists import plural
from grokbench.text.numbers import interval

__all__ = ["Conclusion", "compared_notes", "conclude", "conclusion", "contrast_note", "power_notes"]

FEWEST_FOR_T = 6  # seeds; a permutation test at 5% needs as many


class Conclusion(StrEnum):
    """A conclusion about a method, from the deciding test."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_DIFFERENCE = "no difference"
    FASTER_WHERE_IT_GROKS = "faster where it groks"  # only a description: no test shows that the method is faster


def compared_notes(effect: Effect, judged: Judgement, manifest: Manifest) -> Iterator[Note]:
    """Yield the notes on a comparison with the baseline: significance, bounds, too few seeds.

    Args:
        effect: the effect; if it is not tested, no note is about a test.
        judged: the corrected p of the comparison, see `Judgement`.
        manifest: the plan, with the suite's statistics.
    """
    baseline, tested = manifest.baseline, effect.tested or judged.p is not None
    short = list(power_notes(manifest, judged.tests)) if tested else []
    if effect.speedup is None:
        text = f"neither this nor {baseline} grokked on any seed: there is no speed-up to measure"
        yield info(Kind.NO_SPEEDUP, text, baseline)
    elif tested:
        yield _significance(effect, judged, manifest, enough=not short)
    if effect.bound == "lower":
        text = f"{baseline} did not grok on every seed: the speed-up is a lower bound"
        yield info(Kind.BOUND, text, effect.bound, baseline)
    elif effect.bound == "mixed" and effect.speedup is not None:
        text = f"seeds without grokking here and with {baseline}: the speed-up is no bound in either direction"
        yield info(Kind.BOUND, text, effect.bound, baseline)
    yield from short


def _significance(effect: Effect, judged: Judgement, manifest: Manifest, enough: bool) -> Note:
    """State the result of the test; if the seeds are too few to reject anything, the note says so."""
    statistics, baseline = manifest.statistics, manifest.baseline
    p, concluded = judged.deciding(effect, statistics), conclude(effect, judged, statistics)
    if concluded is None:
        test = effect.deciding(statistics.primary)
        return info(Kind.NO_P, f"no p: {test} cannot be computed from these differences", test)
    shown, partly = f"({statistics.name_of_p} = {p:.2g})", 0 < effect.failures[1] < effect.seeds
    if concluded is Conclusion.FASTER_WHERE_IT_GROKS:
        text = f"faster where it groks, {_failing(effect)}: no significant difference from {baseline} {shown}"
    elif concluded is not Conclusion.NO_DIFFERENCE:
        text = f"significantly {concluded} than {baseline} {shown}"
        link = ", although" if concluded is Conclusion.FASTER else ":"
        text += f"{link} it {_failing(effect)}" if partly else ""
    elif enough:
        text = f"no significant difference from {baseline} {shown}"
    else:
        text = f"too few seeds to tell it from {baseline} {shown}"
    kind = Kind.FAILURES if partly and concluded is not Conclusion.NO_DIFFERENCE else Kind.SIGNIFICANCE
    return info(kind, text, concluded, enough, baseline, p)


def _failing(effect: Effect) -> str:
    return f"fails on {effect.failures[1]} of {effect.seeds}"


def contrast_note(contrast: RowContrast, judged: Judgement, manifest: Manifest) -> Note:
    """State the result of a comparison with a row other than the baseline.

    Args:
        contrast: the comparison.
        judged: its corrected p, see `Judgement`.
        manifest: the plan, with the suite's statistics.
    """
    label, effect, statistics = contrast.label, contrast.effect, manifest.statistics
    if effect is None:
        return info(Kind.COMPARED_TO, f"against {label}: {contrast.obstacle}", label)
    if effect.speedup is None:
        return info(Kind.COMPARED_TO, f"against {label}: neither grokked on any seed", label)
    p, concluded = judged.deciding(effect, statistics), conclude(effect, judged, statistics)
    tested = "no p" if p is None else f"{statistics.name_of_p} = {p:.2g}"
    words = f"significantly {concluded}"
    if concluded is Conclusion.FASTER and effect.failures[1]:
        words += f", although it {_failing(effect)}"
    elif concluded == Conclusion.FASTER_WHERE_IT_GROKS:
        words = f"{concluded}, {_failing(effect)}"
    elif concluded == Conclusion.NO_DIFFERENCE:
        words = "too few seeds to tell" if any(power_notes(manifest, judged.tests)) else "no significant difference"
    shown = interval(effect.speedup, effect.low, effect.high, effect.bound)
    text = f"against {label}: {shown}{f', {words}' if concluded else ''} ({tested})"
    return info(Kind.COMPARED_TO, text, label, concluded, p)


def conclude(effect: Effect, judged: Judgement, statistics: Statistics) -> Conclusion | None:
    """Draw the conclusion from a judged comparison; None without a speed-up or a p.

    Args:
        effect: the effect of the method.
        judged: the corrected p of the comparison, and its direction.
        statistics: the statistics of the suite.
    """
    return conclusion(effect, judged.deciding(effect, statistics), statistics, judged.favours)


def conclusion(
    effect: Effect, p: float | None, statistics: Statistics, favours: float | None = None
) -> Conclusion | None:
    """Draw the conclusion from the deciding test; None without a speed-up or a p.

    The direction is that of the tested statistic, because means of epochs and of their logarithms can have opposite
    directions.

    Args:
        effect: the effect of the method.
        p: the p of the deciding test, corrected if the suite corrects.
        statistics: the statistics of the suite.
        favours: the direction of the test, above 0 if it favours the method; by default the direction of `effect`. The
            two can differ if an earlier look decided.
    """
    if p is None or effect.speedup is None:
        return None
    if p <= statistics.alpha:
        direction = effect.favours[effect.deciding(statistics.primary)] if favours is None else favours
        return Conclusion.FASTER if direction > 0 else Conclusion.SLOWER
    if effect.failures[1] > effect.failures[0] and effect.faster_where_both_grok(statistics.confidence):
        return Conclusion.FASTER_WHERE_IT_GROKS
    return Conclusion.NO_DIFFERENCE


def power_notes(manifest: Manifest, tests: int) -> Iterator[Note]:
    """Yield a caution if the planned seeds are too few for any significant p, or, with a t test, to check normality.

    Args:
        manifest: the plan.
        tests: the number of comparisons over which a p is corrected.
    """
    pairs, alpha = len(manifest.seeds), manifest.statistics.alpha
    needed, smallest = stats.pairs_needed(tests, alpha), stats.smallest_p(pairs)
    if manifest.statistics.primary == "paired_t":
        if pairs < FEWEST_FOR_T:
            text = f"the t test relies on normality, which {_seeds(pairs)} cannot show: {FEWEST_FOR_T} are needed"
            yield caution(Kind.TOO_FEW_SEEDS, text, pairs, tests, alpha)
        return
    with_holm = f"with Holm over {tests} comparisons {needed} seeds are needed"
    if smallest > alpha:
        last = with_holm if tests > 1 else f"{needed} seeds are needed"
        text = f"{_seeds(pairs)} cannot reach p < {alpha:g}: the smallest possible is {smallest:.4g}; {last}"
        yield caution(Kind.TOO_FEW_SEEDS, text, pairs, tests, alpha)
    elif pairs < needed:
        text = f"{_seeds(pairs)} cannot reach a Holm p < {alpha:g}: {with_holm}"
        yield caution(Kind.TOO_FEW_SEEDS, text, pairs, tests, alpha)


def _seeds(n: int) -> str:
    return plural(n, "seed")
