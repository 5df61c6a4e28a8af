"""What a row of the leaderboard shows, in sentences a reader understands."""

from collections.abc import Iterable, Iterator

from grokbench import stats
from grokbench.effects import Effect, seeds_to_settle
from grokbench.outcomes import Measured
from grokbench.records import Outcome, Statistics

__all__ = [
    "BOUND_SIGN",
    "compared_notes",
    "conclusion",
    "number",
    "outcome_notes",
    "power_notes",
    "provenance_notes",
    "published_note",
    "same_clock",
]

MARKED = (
    "device",
    "device_name",
    "precision",
    "torch",
    "engine",
)  # where a difference from the baseline has to be said
MACHINE = ("machine", "device_name")  # whose clock it was
MANY = 10_000  # seeds: beyond, their number says no more than that they are too many
BOUND_SIGN = {None: "", "lower": ">= ", "upper": "<= ", "mixed": "~ "}  # before a speed-up


def number(value: float) -> str:
    """Three significant digits, without an exponent from 0.001 to a million."""
    return f"{value:,.0f}".replace(",", "") if 100 <= abs(value) < 1e6 else f"{value:.3g}"


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


def compared_notes(
    effect: Effect, adjusted: float | None, statistics: Statistics, pairs: int, family: int, baseline: str
) -> Iterator[str]:
    """What the comparison with the baseline shows: significance, bounds, and what so few pairs cannot show."""
    short = list(power_notes(pairs, family, statistics))
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


def power_notes(pairs: int, family: int, statistics: Statistics) -> Iterator[str]:
    """What a test by exchanging labels cannot reach with so few seeds; the paired t knows no such bound."""
    if statistics.primary == "paired_t":
        return
    tests, alpha = family if statistics.correction == "holm" else 1, statistics.alpha
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
        ours = f"our ratio of means is {BOUND_SIGN[effect.bound]}{number(effect.of_means)}x"
        if effect.of_means_low is not None and effect.of_means_high is not None:
            ours += f" [{number(effect.of_means_low)}, {number(effect.of_means_high)}]"
    more = _settling(published, effect, pairs) if effect is not None and verdict == "inconclusive" else ""
    return f"{verdict}: the published speed-up is {number(published)}x, {ours}{more}"


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
    if method.cell.recipe.get("task") != baseline.cell.recipe.get("task"):
        yield "trained in other coordinates than the baseline: the same network and data, up to rounding"


def _clock_notes(baseline: Measured, method: Measured) -> Iterator[str]:
    """Why seconds of the two are not compared, where both were timed."""
    if not baseline.timings or not method.timings:
        return
    if _clocks(baseline, *MACHINE) != _clocks(method, *MACHINE):
        yield "seconds were not measured on the baseline's machine or device: do not compare them"
    elif not same_clock(baseline, method):
        yield "seconds were not measured in turns with the baseline's: do not compare them; `grokbench run` will again"


def same_clock(baseline: Measured, method: Measured) -> bool:
    """Whether the seconds of both were measured on one machine and device, in turns."""
    return _clocks(baseline, *MACHINE, "timed_at") == _clocks(method, *MACHINE, "timed_at")


def _clocks(measured: Measured, *keys: str) -> list[tuple[object, ...]]:
    return _distinct(tuple(t.provenance.get(key) for key in keys) for t in measured.timings)


def _distinct(values: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    found.extend(value for value in values if value not in found)
    return sorted(found, key=repr)


def _seeds(n: int) -> str:
    return f"{n} seed" if n == 1 else f"{n} seeds"
