"""What a row of the leaderboard shows, in sentences a reader understands."""

from collections.abc import Iterator

from grokbench import stats
from grokbench.judging.effects import AGREEMENT, Effect, seeds_to_settle
from grokbench.judging.outcomes import MACHINE, Measured, same_clock
from grokbench.judging.seconds import Estimate, overhead
from grokbench.records import Manifest, Outcome, Statistics
from grokbench.text.lists import plural
from grokbench.text.numbers import interval, times

__all__ = [
    "compared_notes",
    "conclusion",
    "outcome_notes",
    "power_notes",
    "provenance_notes",
    "published_note",
]

MARKED = (
    "device",
    "device_name",
    "precision",
    "torch",
    "engine",
)  # where a difference from the baseline has to be said
UNSTEADY = 0.2  # of its overhead: how far an end of the interval may be away before it is said
MANY = 10_000  # seeds: beyond, their number says no more than that they are too many


def outcome_notes(measured: Measured, bound: str | None) -> Iterator[str]:
    """What the replicas of a cell did by themselves; `bound` is that of its speed-up."""
    n, budget, done = len(measured.runs), measured.cell.budget, len(measured.finished)
    if not measured.complete and n:
        failed = measured.count(Outcome.FAILED)
        yield f"incomplete: {failed} of {_seeds(n)} failed, {measured.missing} not run yet"
    yield from _grokking(measured, done, budget, bound)
    if diverged := measured.count(Outcome.DIVERGED):
        yield f"{diverged} of {_seeds(done)} diverged (non-finite): counted as {budget} epochs"
    if at_start := measured.at_start:
        interval = min(measured.cell.evaluate_every, budget)
        yield f"{at_start} of {_seeds(done)} grokked before any update: counted as {interval} epochs in ratios"
    yield from _delay(measured)
    yield from sorted({run.provenance["pace"] for run in measured.finished if run.provenance.get("pace")})
    if measured.cell.privileges:
        yield f"uses what the baseline does not have: {', '.join(measured.cell.privileges)}"


def _grokking(measured: Measured, done: int, budget: int, bound: str | None) -> Iterator[str]:
    missed = done - sum(measured.grokked)
    flatters = ": the speed-up is an upper bound and flatters the method" if bound == "upper" else ""
    if done and missed == done:
        yield f"none of {_seeds(done)} grokked within {budget} epochs{flatters}"
    elif missed:
        yield f"{missed} of {_seeds(done)} did not grok within {budget} epochs{flatters}"
    elif done:
        yield f"all {_seeds(done)} grokked" if done > 1 else "its one seed grokked"


def _delay(measured: Measured) -> Iterator[str]:
    delay = measured.delay()
    if delay is not None and delay <= 0:
        yield "no delay: it grokked no later than it memorised (median over seeds)"


def compared_notes(effect: Effect, adjusted: float | None, manifest: Manifest) -> Iterator[str]:
    """What the comparison with the baseline shows: significance, bounds, and what so few pairs cannot show."""
    statistics, baseline = manifest.statistics, manifest.baseline
    short = list(power_notes(manifest))
    if effect.speedup is None:
        yield f"neither this nor {baseline} grokked on any seed: there is no speed-up to measure"
    else:
        yield _significance(effect, adjusted, statistics, baseline, enough=not short)
    if effect.bound == "lower":
        yield f"{baseline} did not grok on every seed: the speed-up is a lower bound"
    elif effect.bound == "mixed" and effect.speedup is not None:
        yield f"seeds without grokking here and with {baseline}: the speed-up is no bound in either direction"
    yield from short


def _significance(
    effect: Effect, adjusted: float | None, statistics: Statistics, baseline: str, enough: bool = True
) -> str:
    """What the test says; with too few seeds to reject anything, not that nothing is there."""
    holm = statistics.correction == "holm"
    p = adjusted if holm else effect.p[statistics.primary]
    concluded = conclusion(effect, p, statistics)
    if concluded is None:
        return f"no p: {statistics.primary} cannot be computed from these differences"
    shown = f"({'Holm p' if holm else 'uncorrected p'} = {p:.2g})"
    if concluded == "no difference" and not enough:
        return f"too few seeds to tell it from {baseline} {shown}"
    if concluded == "no difference":
        return f"no significant difference from {baseline} {shown}"
    return f"significantly {concluded} than {baseline} {shown}"


def conclusion(effect: Effect, p: float | None, statistics: Statistics) -> str | None:
    """What the primary test says: "faster", "slower" or "no difference"; None where there is no speed-up or no p.

    The direction is that of the very statistic tested: means of epochs and of their logs may point apart.
    """
    if p is None or effect.speedup is None:
        return None
    if p > statistics.alpha:
        return "no difference"
    return "faster" if effect.favours[statistics.primary] > 0 else "slower"


def power_notes(manifest: Manifest) -> Iterator[str]:
    """What a test by exchanging labels cannot reach with so few seeds; the paired t knows no such bound."""
    if manifest.statistics.primary == "paired_t":
        return
    pairs, tests, alpha = len(manifest.seeds), manifest.tests, manifest.statistics.alpha
    needed, smallest = stats.pairs_needed(tests, alpha), stats.smallest_p(pairs)
    with_holm = f"with Holm over {tests} comparisons {needed} seeds are needed"
    if smallest > alpha:
        last = with_holm if tests > 1 else f"{needed} seeds are needed"
        yield f"{_seeds(pairs)} cannot reach p < {alpha:g}: the smallest possible is {smallest:.4g}; {last}"
    elif pairs < needed:
        yield f"{_seeds(pairs)} cannot reach a Holm p < {alpha:g}: {with_holm}"


def published_note(published: float, effect: Effect | None, verdict: str, pairs: int) -> str:
    """Our ratio of means beside the published one, and how many seeds would settle what `pairs` have not."""
    ours = "ours is not known yet"
    if effect is not None and effect.of_means is not None:
        shown = interval(effect.of_means, effect.of_means_low, effect.of_means_high, effect.bound)
        ours = f"our ratio of means is {shown}"
    more = _settling(published, effect, pairs) if effect is not None and verdict == "inconclusive" else ""
    if verdict == "reproduced" and 1 / AGREEMENT <= published <= AGREEMENT:
        more = "; a method without any effect would be, too"
    return f"{verdict}: the ratio of the published means is {times(published)}, {ours}{more}"


def _settling(published: float, effect: Effect, pairs: int) -> str:
    if effect.bound:
        return "; seeds that did not grok leave it open, and a longer budget may settle it"
    needed = seeds_to_settle(published, effect, pairs)
    if needed is not None and needed > MANY:
        return f"; more than {MANY} seeds would settle it"
    return f"; about {_seeds(needed)} would settle it" if needed and needed > pairs else ""


def provenance_notes(baseline: Measured, method: Measured) -> Iterator[str]:
    """Where paired runs, or the timings, were made differently: device, precision, torch, engine, coordinates."""
    both = zip(baseline.runs, method.runs, strict=True)
    pairs = [(a, b) for a, b in both if a and b and Outcome.FAILED not in (a.outcome, b.outcome)]
    for key in MARKED:
        differing = [(a, b) for a, b in pairs if a.provenance.get(key) != b.provenance.get(key)]
        if differing:
            a, b = differing[0]
            values = f"{b.provenance.get(key)}, not {a.provenance.get(key)}"
            yield f"{key} differs from the baseline's on {_seeds(len(differing))} ({values}): compare with care"
    yield from _clock_notes(baseline, method)
    if method.cell.recipe.task.data() != baseline.cell.recipe.task.data():
        yield "trained in other coordinates than the baseline: the same network and data, up to rounding"


def _clock_notes(baseline: Measured, method: Measured) -> Iterator[str]:
    """Why seconds of the two are not compared, where both were timed."""
    if not baseline.timings or not method.timings:
        return
    if baseline.clocks(*MACHINE) != method.clocks(*MACHINE):
        yield "seconds were not measured on the baseline's machine or device: do not compare them"
    elif not same_clock(baseline, method):
        yield "seconds were not measured in turns with the baseline's: do not compare them; `grokbench run` will again"
    else:
        yield from _unsteady(overhead(baseline, method))


def _unsteady(found: Estimate | None) -> Iterator[str]:
    """That no time should be read off clocks which differed this much from round to round."""
    if found is None or found.low is None or found.high is None:
        return
    if max(found.high - found.value, found.value - found.low) > UNSTEADY * found.value:
        shown = interval(found.value, found.low, found.high)
        yield f"an epoch takes {shown} the baseline's seconds, so its time is uncertain: see `grokbench seconds`"


def _seeds(n: int) -> str:
    return plural(n, "seed")
