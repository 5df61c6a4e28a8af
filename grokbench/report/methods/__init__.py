"""A methods section: what a results folder records of how its numbers were made, in sentences for a paper. No torch.

Every sentence follows from the manifest, the runs and the timings; for what they do not say there is a sentence too.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from grokbench.judging.comparison import Comparison, Comparisons
from grokbench.judging.conclusions import power_notes
from grokbench.judging.effects import AGREEMENT
from grokbench.records import Cell, Manifest, Outcome
from grokbench.report.methods.origin import computation
from grokbench.report.methods.parameters import settings
from grokbench.report.text.prose import named_test
from grokbench.seeds import format_seeds
from grokbench.stats import EXACT_PAIRS, MONTE_CARLO_DRAWS
from grokbench.store.manifests import FIRST_REPORTED
from grokbench.text.lists import either, listed, plural, several

__all__ = ["paragraphs"]

COUNTED = {
    Outcome.CENSORED: "did not by the budget",
    Outcome.DIVERGED: "diverged",
    Outcome.FAILED: "failed with an error",
}


def paragraphs(found: Comparisons) -> list[str]:
    """Design, criterion, statistics, computation and settings, a paragraph each."""
    parts: tuple[Callable[[Comparisons], Iterator[str]], ...] = (
        _design,
        _criterion,
        _statistics,
        computation,
        settings,
    )
    return [text for part in parts if (text := " ".join(part(found)))]


def _design(found: Comparisons) -> Iterator[str]:
    """What was compared, on which seeds."""
    manifest = found.manifest
    tasks = list(dict.fromkeys(cell.task for cell in manifest.cells))
    methods = list(dict.fromkeys(cell.regularizer for cell in manifest.cells if cell.regularizer != manifest.baseline))
    compared = f"compares {several(methods, 'method')} with" if methods else "trains"
    yield f"The suite {manifest.suite} {compared} {manifest.baseline} on {several(tasks, 'task')}."
    yield from _seeds(manifest)
    if manifest.skipped:
        yield f"Left out: {'; '.join(f'{skip.regularizer} on {skip.task} ({skip.why})' for skip in manifest.skipped)}."


def _seeds(manifest: Manifest) -> Iterator[str]:
    if not manifest.seeds:
        yield "No seeds are planned."
        return
    number = "one seed" if len(manifest.seeds) == 1 else f"the same {len(manifest.seeds)} seeds"
    yield f"Every method was trained on {number} ({format_seeds(manifest.seeds)})."
    yield (
        "A seed fixes data, split, initialisation and batch order, the same for every method, and methods are compared "
        "with the baseline in pairs of the same seed."
    )
    if min(manifest.seeds) >= FIRST_REPORTED:
        yield f"By convention seeds below {FIRST_REPORTED} are for choosing settings; none of them was used here."
    else:
        yield (
            f"Seeds below {FIRST_REPORTED}, by convention those for choosing settings, are among them; whether "
            "settings were chosen on them is not recorded."
        )


def _criterion(found: Comparisons) -> Iterator[str]:
    """When a replica has grokked, what happens when it does not, and what happened."""
    cells = found.manifest.cells
    yield (
        "Time is counted in epochs, completed passes over the training set, and a network has grokked at the first "
        "evaluation at which its task's criterion holds."
    )
    tasks: dict[str, list[Cell]] = {}
    for cell in cells:
        tasks.setdefault(cell.task, []).append(cell)
    yield f"{'; '.join(f'{task}: {_clock(group)}' for task, group in tasks.items())}."
    yield (
        "A network that has not grokked by the budget is censored; it counts as the budget, and so does one whose loss "
        "is no longer finite (diverged), so that means are restricted means."
    )
    if any(each.measured.at_start for each in found.cells):
        yield "One that had grokked before any update counts as one evaluation interval in ratios."
    yield from _happened(found)


def _clock(cells: Sequence[Cell]) -> str:
    """Criterion, cadence, budget and end of training of a task."""
    cadence = either("epoch" if each == 1 else f"{each} epochs" for each in (cell.evaluate_every for cell in cells))
    ends = either(_end(cell.recipe.stop) for cell in cells)
    known = either(filter(None, (cell.criterion for cell in cells))) or "the criterion is not recorded"
    return f"{known}, evaluated every {cadence}, {ends} {either(cell.budget for cell in cells)} epochs"


def _end(stop: str | int) -> str:
    if isinstance(stop, int):
        return f"trained until it had held for {plural(stop, 'evaluation')} and at most for"
    return "always trained for" if stop == "budget" else "trained until then and at most for"


def _happened(found: Comparisons) -> Iterator[str]:
    counts = Counter({outcome: sum(each.measured.count(outcome) for each in found.cells) for outcome in Outcome})
    missing = sum(each.measured.missing for each in found.cells)
    words = [f"{counts[outcome]} {said}" for outcome, said in COUNTED.items() if counts[outcome]]
    words += [f"{missing} {'has' if missing == 1 else 'have'} no result yet"] if missing else []
    yield f"Of {plural(counts.total() + missing, 'network')}, {listed([f'{counts[Outcome.GROKKED]} grokked', *words])}."
    incomplete = [_name(each) for each in found.cells if not each.measured.complete]
    if incomplete:
        yield f"Nothing is compared on fewer seeds than planned; incomplete: {'; '.join(incomplete)}."


def _name(each: Comparison) -> str:
    return f"{each.measured.cell.regularizer} on {each.measured.cell.task}"


def _statistics(found: Comparisons) -> Iterator[str]:
    """The effect, the test, and published numbers; nothing where there is no pair to compare."""
    if found.manifest.seeds and found.manifest.comparisons:
        yield from _effect(found)
        yield from _test(found.manifest)
        yield from _published(found.manifest)


def _effect(found: Comparisons) -> Iterator[str]:
    yield (
        "The speed-up of a method is exp of the mean over seeds of the log ratio of the baseline's epochs to its own; "
        "above 1 the method is faster."
    )
    if any(each.effect and each.effect.bound for each in found.cells):
        yield (
            "Where seeds are censored it is a bound: a lower one if they are the baseline's, an upper one if they are "
            "the method's, none in either direction if both have some."
        )
    confidence = f"{100 * found.manifest.statistics.confidence:g}%"
    exact = len(found.manifest.seeds) <= EXACT_PAIRS
    flips = "all sign flips" if exact else f"{MONTE_CARLO_DRAWS} random sign flips"
    yield f"Its {confidence} interval inverts the two-sided test by {flips} of these log ratios."


def _test(manifest: Manifest) -> Iterator[str]:
    n, chosen = len(manifest.seeds), manifest.statistics
    test = named_test(chosen.primary, n)
    yield (
        f"A method is tested against the baseline by the {test}, two-sided, on {plural(n, 'pair')}, "
        f"{_corrected(chosen.correction, manifest.comparisons)}, at the level {chosen.alpha:g}."
    )
    yield from (f"{note}." for note in power_notes(manifest))


def _published(manifest: Manifest) -> Iterator[str]:
    if manifest.published:
        yield (
            f"Published means ({manifest.published.source}) are compared as ratios: reproduced if the 95% interval of "
            f"our ratio of means lies within a factor {AGREEMENT:g} of the published one, not reproduced if it lies "
            "outside, inconclusive otherwise."
        )


def _corrected(correction: str, family: int) -> str:
    over = "the one planned comparison" if family == 1 else f"all {family} planned comparisons, finished or not"
    return (
        f"corrected by Holm over {over}" if correction == "holm" else f"uncorrected for {plural(family, 'comparison')}"
    )
