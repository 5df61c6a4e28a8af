"""Conclusions from a comparison with the baseline, and the notes that state them."""

from collections.abc import Iterator
from enum import StrEnum

from grokbench import stats
from grokbench.judging.comparison import RowContrast
from grokbench.judging.effects import AGREEMENT, Effect, Reproduction, seeds_to_settle
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.records import Manifest, Statistics
from grokbench.text.lists import plural
from grokbench.text.numbers import interval, times

__all__ = ["Conclusion", "compared_notes", "conclusion", "contrast_note", "power_notes", "published_note"]

FEWEST_FOR_T = 6  # seeds, as many as a permutation test needs at 5%
MANY = 10_000  # seeds: beyond, the exact number is of no use


class Conclusion(StrEnum):
    """A conclusion about a method, from the primary test."""

    FASTER = "faster"
    SLOWER = "slower"
    NO_DIFFERENCE = "no difference"


def compared_notes(effect: Effect, adjusted: float | None, manifest: Manifest) -> Iterator[Note]:
    """Yield the notes on a comparison with the baseline: significance, bounds, too few seeds.

    Args:
        effect: what was found.
        adjusted: p after Holm's correction; None without one.
        manifest: the plan, with the suite's statistics and the number of comparisons.
    """
    statistics, baseline = manifest.statistics, manifest.baseline
    short = list(power_notes(manifest))
    if effect.speedup is None:
        text = f"neither this nor {baseline} grokked on any seed: there is no speed-up to measure"
        yield info(Kind.NO_SPEEDUP, text, baseline)
    else:
        yield _significance(effect, adjusted, statistics, baseline, enough=not short)
    if effect.bound == "lower":
        text = f"{baseline} did not grok on every seed: the speed-up is a lower bound"
        yield info(Kind.BOUND, text, effect.bound, baseline)
    elif effect.bound == "mixed" and effect.speedup is not None:
        text = f"seeds without grokking here and with {baseline}: the speed-up is no bound in either direction"
        yield info(Kind.BOUND, text, effect.bound, baseline)
    yield from short


def _significance(
    effect: Effect, adjusted: float | None, statistics: Statistics, baseline: str, enough: bool = True
) -> Note:
    """State the result of the test; where there are too few seeds to reject anything, it rules nothing out."""
    p = statistics.deciding(effect.p[statistics.primary], adjusted)
    concluded = conclusion(effect, p, statistics)
    if concluded is None:
        text = f"no p: {statistics.primary} cannot be computed from these differences"
        return info(Kind.NO_P, text, statistics.primary)
    shown = f"({statistics.name_of_p} = {p:.2g})"
    if concluded is not Conclusion.NO_DIFFERENCE:
        text = f"significantly {concluded} than {baseline} {shown}"
    elif enough:
        text = f"no significant difference from {baseline} {shown}"
    else:
        text = f"too few seeds to tell it from {baseline} {shown}"
    return info(Kind.SIGNIFICANCE, text, concluded, enough, baseline, p)


def contrast_note(contrast: RowContrast, adjusted: float | None, manifest: Manifest) -> Note:
    """State a comparison with another row than the baseline.

    Args:
        contrast: the comparison.
        adjusted: p after Holm's correction; None without one.
        manifest: the plan, with the suite's statistics and the number of comparisons.
    """
    label, effect, statistics = contrast.label, contrast.effect, manifest.statistics
    if effect is None:
        return info(Kind.COMPARED_TO, f"against {label}: {contrast.obstacle}", label)
    if effect.speedup is None:
        return info(Kind.COMPARED_TO, f"against {label}: neither grokked on any seed", label)
    p = statistics.deciding(effect.p[statistics.primary], adjusted)
    concluded = conclusion(effect, p, statistics)
    tested = "no p" if p is None else f"{statistics.name_of_p} = {p:.2g}"
    words = f"significantly {concluded}"
    if concluded == Conclusion.NO_DIFFERENCE:
        words = "too few seeds to tell" if any(power_notes(manifest)) else "no significant difference"
    shown = interval(effect.speedup, effect.low, effect.high, effect.bound)
    text = f"against {label}: {shown}{f', {words}' if concluded else ''} ({tested})"
    return info(Kind.COMPARED_TO, text, label, concluded, p)


def conclusion(effect: Effect, p: float | None, statistics: Statistics) -> Conclusion | None:
    """Conclude from the primary test; None where there is no speed-up or no p.

    The direction is that of the tested statistic: means of epochs and of their logs may point in opposite directions.

    Args:
        effect: what was found.
        p: of the primary test, corrected if the suite corrects.
        statistics: the suite's.
    """
    if p is None or effect.speedup is None:
        return None
    if p > statistics.alpha:
        return Conclusion.NO_DIFFERENCE
    return Conclusion.FASTER if effect.favours[statistics.primary] > 0 else Conclusion.SLOWER


def power_notes(manifest: Manifest) -> Iterator[Note]:
    """Yield a caution where the planned seeds are too few for a permutation test, or for the normality that t needs."""
    pairs, tests, alpha = len(manifest.seeds), manifest.tests, manifest.statistics.alpha
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


def published_note(published: float, effect: Effect | None, verdict: Reproduction, pairs: int) -> Note:
    """Set our ratio of means beside the published one.

    Args:
        published: the published ratio.
        effect: ours; None while the row is incomplete.
        verdict: of `effects.verdict`.
        pairs: planned seeds; an inconclusive verdict says how many would settle it.
    """
    ours = "ours is not known yet"
    if effect is not None and effect.of_means is not None:
        shown = interval(effect.of_means, effect.of_means_low, effect.of_means_high, effect.bound)
        ours = f"our ratio of means is {shown}"
    more = _settling(published, effect, pairs) if effect and verdict == Reproduction.INCONCLUSIVE else ""
    if verdict == Reproduction.REPRODUCED and 1 / AGREEMENT <= published <= AGREEMENT:
        more = "; a method with no effect would be, too"
    text = f"{verdict}: the ratio of the published means is {times(published)}, {ours}{more}"
    return info(Kind.PUBLISHED_VERDICT, text, verdict, published, effect.of_means if effect else None, pairs)


def _settling(published: float, effect: Effect, pairs: int) -> str:
    if effect.bound:
        return "; seeds that did not grok leave it open, and a longer budget may settle it"
    needed = seeds_to_settle(published, effect, pairs)
    if needed is not None and needed > MANY:
        return f"; more than {MANY} seeds would settle it"
    return f"; about {_seeds(needed)} would settle it" if needed and needed > pairs else ""


def _seeds(n: int) -> str:
    return plural(n, "seed")
