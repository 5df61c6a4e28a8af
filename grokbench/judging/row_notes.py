"""Notes on the runs of a row: their outcomes, and how they were made differently from the baseline's runs.

Other modules make the other notes: `conclusions`, `equivalence`, `simultaneous` and `skew` about the comparison with
the baseline, `design_notes` about its family and looks, `published_notes` about published numbers, `marks` about
the recipe, `refusals` about timings, `endpoints` about places, and `task_summary` about a task.
"""

from collections.abc import Iterator

from grokbench.judging.data_notes import other_data_notes, unverified_note
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.judging.outcomes import MACHINE, Measured, same_clock
from grokbench.judging.refusals import refusal_notes
from grokbench.judging.seconds import Estimate, overhead
from grokbench.records import Outcome
from grokbench.text.lists import listed, plural
from grokbench.text.numbers import interval, number

__all__ = ["outcome_notes", "provenance_notes"]

MARKED = ("device", "device_name", "precision", "torch", "engine")  # keys of provenance to compare with the baseline's
UNSTEADY = 0.2  # an overhead is uncertain if an end of its interval is farther away than this share of it


def outcome_notes(measured: Measured, bound: str | None) -> Iterator[Note]:
    """Yield the notes on a cell that do not depend on other cells.

    Args:
        measured: the cell.
        bound: the kind of bound that censoring makes of the cell's speed-up, see `Effect.bound`.
    """
    n, budget, done = len(measured.runs), measured.cell.budget, len(measured.finished)
    if not measured.complete and n:
        failed, missing = measured.count(Outcome.FAILED), measured.missing
        short = len(measured.short)
        begun = f", {short} trained to a smaller budget than {budget} epochs" if short else ""
        text = f"incomplete: {failed} of {_seeds(n)} failed, {missing - short} not run yet{begun}"
        yield info(Kind.INCOMPLETE, text, failed, n, missing, short)
    if done and not measured.short:
        yield _grokking(done, sum(measured.grokked), budget, bound)
    if diverged := measured.count(Outcome.DIVERGED):
        text = f"{diverged} of {_seeds(done)} diverged (non-finite): counted as {budget} epochs"
        yield info(Kind.DIVERGED, text, diverged, done, budget)
    yield from _crossings(measured)
    if at_start := measured.at_start:
        epochs = min(measured.cell.evaluate_every, budget)
        text = f"{at_start} of {_seeds(done)} grokked before any update: counted as {epochs} epochs in ratios"
        yield info(Kind.GROKKED_AT_START, text, at_start, done, epochs)
    yield from _delay(measured)
    for why in sorted({run.provenance["pace"] for run in measured.finished if run.provenance.get("pace")}):
        yield info(Kind.EXECUTOR, why, why)
    yield from refusal_notes(measured)
    if privileges := measured.cell.privileges:
        text = f"uses what the baseline does not have: {', '.join(privileges)}"
        yield info(Kind.PRIVILEGES, text, *privileges)
    yield from unverified_note(measured)
    if name := measured.reference:
        text = f"made on another machine, from the reference {name}: compare its epochs, not its seconds"
        yield caution(Kind.REFERENCE, text, name)


def _grokking(done: int, grokked: int, budget: int, bound: str | None) -> Note:
    """Return a note on how many of the finished seeds grokked."""
    upper = bound == "upper"
    flatters = ": the speed-up is an upper bound and flatters the method" if upper else ""
    if not grokked:
        text = f"none of {_seeds(done)} grokked within {budget} epochs{flatters}"
        return info(Kind.NONE_GROKKED, text, done, budget, upper)
    if grokked < done:
        text = f"{done - grokked} of {_seeds(done)} did not grok within {budget} epochs{flatters}"
        return info(Kind.SOME_GROKKED, text, grokked, done, budget, upper)
    return info(Kind.ALL_GROKKED, f"all {_seeds(done)} grokked" if done > 1 else "its one seed grokked", done)


def _crossings(measured: Measured) -> Iterator[Note]:
    """Yield the notes on seeds that lost the criterion after having met it, or whose loss became non-finite."""
    done, key = len(measured.finished), measured.cell.key
    if below := measured.courses.below_again():
        share, worst = 100 * (measured.courses.below_share() or 0.0), measured.courses.worst()
        text = (
            f"after grokking, {below} of {_seeds(done)} were below the criterion again: on average over the seeds it "
            f"did not hold at {share:.2g}% of the later evaluations"
        )
        text += f", at worst with {listed([f'{label} {number(value)}' for label, value in worst.items()])}" * bool(
            worst
        )
        yield info(Kind.BELOW_AGAIN, text, below, done, share, *worst.items())
    if lost := measured.courses.lost():
        text = f"{lost} of {_seeds(done)} lost their grokking, by more than chance explains"
        yield caution(Kind.LOST, text, lost, done, *key)
    if broken := measured.courses.not_finite_after():
        text = f"{broken} of {_seeds(done)} ended non-finite after grokking"
        yield caution(Kind.NOT_FINITE_AFTER, text, broken, done, *key)


def _delay(measured: Measured) -> Iterator[Note]:
    delay = measured.delay()
    if delay is not None and delay <= 0:
        yield info(Kind.NO_DELAY, "no delay: it grokked no later than it memorised (median over seeds)")


def provenance_notes(baseline: Measured, method: Measured) -> Iterator[Note]:
    """Yield a caution for each way in which the runs of a pair, or the timings of both cells, were made differently.

    Args:
        baseline: the baseline's cell of the same task.
        method: the method's cell, with the same seeds in the same order.
    """
    both = zip(baseline.runs, method.runs, strict=True)
    pairs = [(a, b) for a, b in both if a and b and Outcome.FAILED not in (a.outcome, b.outcome)]
    for key in MARKED:
        differing = [(a, b) for a, b in pairs if a.provenance.get(key) != b.provenance.get(key)]
        if differing:
            here, there = (str(run.provenance.get(key)) for run in reversed(differing[0]))
            seeds = _seeds(len(differing))
            text = f"{key} differs from the baseline's on {seeds} ({here}, not {there}): compare with care"
            yield caution(Kind.PROVENANCE_DIFFERS, text, key, len(differing), here, there)
    yield from other_data_notes(pairs)
    yield from _clock_notes(baseline, method)
    if method.cell.recipe.task.data() != baseline.cell.recipe.task.data():
        text = "trained in other coordinates than the baseline: the same network and data, up to rounding"
        yield info(Kind.COORDINATES_DIFFER, text)


def _clock_notes(baseline: Measured, method: Measured) -> Iterator[Note]:
    """Yield a note if both cells were timed but their seconds are not comparable, or are uncertain."""
    if not baseline.timings or not method.timings:
        return
    if baseline.clocks(*MACHINE) != method.clocks(*MACHINE):
        text = "seconds were not measured on the baseline's machine or device: do not compare them"
        yield caution(Kind.CLOCKS_DIFFER, text, "machine")
    elif not same_clock(baseline, method):
        text = "seconds were not measured in turns with the baseline's: do not compare them; `grokbench run` will again"
        yield caution(Kind.CLOCKS_DIFFER, text, "turns")
    else:
        yield from _unsteady(overhead(baseline, method))


def _unsteady(found: Estimate | None) -> Iterator[Note]:
    """Yield a note if the ratio of seconds per epoch differed much from round to round."""
    if found is None or found.low is None or found.high is None:
        return
    if max(found.high - found.value, found.value - found.low) > UNSTEADY * found.value:
        shown = interval(found.value, found.low, found.high)
        text = f"an epoch takes {shown} the baseline's seconds, so its time is uncertain: see `grokbench seconds`"
        yield info(Kind.TIME_UNCERTAIN, text, shown)


def _seeds(n: int) -> str:
    return plural(n, "seed")
