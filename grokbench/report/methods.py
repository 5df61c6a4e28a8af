"""A methods section for a paper, in sentences made from the manifest, the runs and the timings of a results folder."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from grokbench.judging.comparison import Comparisons
from grokbench.judging.marks import mark_text
from grokbench.judging.verdicts import LARGEST_MARGIN, LEAST_SEEDS, MARGIN
from grokbench.records import LASTING, Cell, Outcome, Use
from grokbench.report.methods_tests import tests
from grokbench.report.text.prose import environment_line
from grokbench.seeds import FIRST_REPORTED, format_seeds
from grokbench.stats import EXACT_PAIRS, MONTE_CARLO_DRAWS
from grokbench.text.lists import either, listed, plural, several

__all__ = ["paragraphs"]

NOT_GROKKED = {
    Outcome.CENSORED: "did not by the budget",
    Outcome.DIVERGED: "diverged",
    Outcome.FAILED: "failed with an error",
}
RANKED_BY = {
    "first": "Time is counted in epochs; a network has grokked at the first evaluation at which the criterion holds.",
    "lasting": "Time is counted in epochs; a network has grokked at the first evaluation at which the criterion holds "
    f"and after which it holds at {100 * LASTING:g}% or more of the evaluations in the next H epochs.",
}
STOPS = {"grokked": "trained until then and at most for", "budget": "always trained for"}


def paragraphs(found: Comparisons) -> list[str]:
    """Describe design, criterion, statistics, computation and settings in a paragraph each; empty ones are left out."""
    parts = (_design, _criterion, _statistics, _computation, _settings)
    return [text for part in parts if (text := " ".join(part(found)))]


def _design(found: Comparisons) -> Iterator[str]:
    manifest, seeds = found.manifest, found.manifest.seeds
    tasks = list(dict.fromkeys(cell.task for cell in manifest.cells))
    methods = list(dict.fromkeys(cell.regularizer for cell in manifest.cells if cell.regularizer != manifest.baseline))
    compared = f"compares {several(methods, 'method')} with" if methods else "trains"
    yield f"The suite {manifest.suite} {compared} {manifest.baseline} on {several(tasks, 'task')}."
    if manifest.protocol:
        yield f"It follows the protocol {manifest.protocol}."
    if not seeds:
        yield "No seeds are planned."
        return
    yield f"Every method was trained on {plural(len(seeds), 'seed')} ({format_seeds(seeds)})."
    yield (
        "A seed fixes data, split, initialisation and batch order, the same for every method; methods are compared "
        "with the baseline in pairs of the same seed."
    )
    if min(seeds) < FIRST_REPORTED:
        yield f"Seeds below {FIRST_REPORTED}, by convention those for choosing settings, are among them."
    if manifest.skipped:
        yield f"Left out: {'; '.join(f'{skip.regularizer} on {skip.task} ({skip.why})' for skip in manifest.skipped)}."


def _criterion(found: Comparisons) -> Iterator[str]:
    """Yield sentences on each task's criterion and budget, on replicas that did not grok, and on the outcomes."""
    yield RANKED_BY[found.manifest.statistics.rank_by]
    tasks = {cell.task: cell for cell in found.manifest.cells}
    yield f"{'; '.join(f'{task}: {_clock(cell)}' for task, cell in tasks.items())}."
    yield (
        "A network that has not grokked by the budget is censored, and one whose loss is no longer finite has "
        "diverged; both count as the budget, so that means are restricted means."
    )
    counts = Counter({outcome: sum(each.measured.count(outcome) for each in found.cells) for outcome in Outcome})
    missing = sum(each.measured.missing for each in found.cells)
    happened = [f"{counts[Outcome.GROKKED]} grokked"]
    happened += [f"{counts[outcome]} {words}" for outcome, words in NOT_GROKKED.items() if counts[outcome]]
    happened += [f"{missing} {'has' if missing == 1 else 'have'} no result yet"] if missing else []
    yield f"Of {plural(counts.total() + missing, 'network')}, {listed(happened)}."
    incomplete = [each.measured.cell for each in found.cells if not each.measured.complete]
    if incomplete:
        names = "; ".join(f"{cell.regularizer} on {cell.task}" for cell in incomplete)
        yield f"Nothing is compared on fewer seeds than planned; incomplete: {names}."


def _clock(cell: Cell) -> str:
    """Describe criterion, cadence, budget and end of training of a task."""
    every, stop = cell.evaluate_every, cell.recipe.stop
    end = STOPS.get(str(stop), "at most for")
    if isinstance(stop, int):
        end = f"trained until it had held for {plural(stop, 'evaluation')} and at most for"
    if cell.recipe.hold is not None:
        end = f"trained until it had lasted for H = {cell.recipe.hold} epochs, with crossings up to"
    cadence = "epoch" if every == 1 else f"{every} epochs"
    return f"{cell.criterion or 'criterion not recorded'}, evaluated every {cadence}, {end} {cell.budget} epochs"


def _statistics(found: Comparisons) -> Iterator[str]:
    """Yield sentences on the effect, the test, and published numbers; none if there is no pair to compare."""
    manifest, chosen, pairs = found.manifest, found.manifest.statistics, len(found.manifest.seeds)
    if not pairs or not manifest.comparisons:
        return
    yield "The speed-up of a method is exp of the mean over seeds of the log ratio of the baseline's epochs to its own."
    if any(each.effect and each.effect.bound for each in found.cells):
        yield (
            "Where seeds are censored it is a bound: a lower one if they are the baseline's, an upper one if they are "
            "the method's, none in either direction if both have some."
        )
    flips = "all sign flips" if pairs <= EXACT_PAIRS else f"{MONTE_CARLO_DRAWS} random sign flips"
    yield f"Its {100 * chosen.confidence:g}% interval inverts the two-sided test by {flips} of these log ratios."
    yield from tests(found)
    if more := [f"{cell.regularizer} with {listed(cell.compare_to)}" for cell in manifest.cells if cell.compare_to]:
        yield f"Compared in the same way: {'; '.join(dict.fromkeys(more))}."
    if manifest.published:
        yield (
            f"Published means ({manifest.published.source}) are compared as ratios, by the 95% interval of our ratio "
            f"of means. The margin around the published ratio is {100 * MARGIN:g}% of its logarithm, and at most a "
            f"factor {LARGEST_MARGIN:g}. An effect is reproduced if the interval excludes 1 in the published direction "
            "and lies within the margin; consistent if it holds 1 and the published ratio; not shown if it holds 1 and "
            "excludes the published ratio; not reproduced if it excludes 1 in the other direction or lies outside the "
            f"margin. Otherwise, or with fewer than {LEAST_SEEDS} seeds, it is inconclusive."
        )


def _computation(found: Comparisons) -> Iterator[str]:
    """Yield sentences on the environment of the finished runs, and on the measurement of seconds."""
    runs = [run for each in found.cells for run in each.measured.finished]
    if not runs:
        yield "No network has finished."
        return
    if known := environment_line(found.environment):
        yield f"Networks were trained with: {known}."
    if unknown := [name for name, value in found.environment.items() if value is None]:
        yield f"Not recorded: {listed(unknown)}."
    largest = max(len(run.group) for run in runs)
    if largest > 1:
        yield f"Networks of a cell were trained together, up to {largest} at a time; this changes only rounding."
    timings = [timing for each in found.cells for timing in each.measured.timings if timing.seconds_per_epoch]
    rounds = either(len(timing.seconds_per_epoch) for timing in timings)
    yield (
        "Seconds per epoch were measured separately: one network alone, evaluation excluded, "
        f"median of {rounds} rounds."
        if timings
        else "Seconds were not measured."
    )


def _settings(found: Comparisons) -> Iterator[str]:
    """Yield sentences on the parameters of tasks and methods, on plugins that do not ship, and on privileges."""
    cells = found.manifest.cells
    tasks = {cell.task: _use(cell.recipe.task) for cell in cells}
    yield f"Tasks: {'; '.join(_labelled(label, used) for label, used in tasks.items())}."
    methods = _grouped(cells, _uses).items()
    yield f"Methods: {'; '.join(_labelled(label, _on_tasks(used)) for label, used in methods)}."
    origins = {name: origin for cell in cells for name, origin in cell.origins.items()}
    if others := [f"{name} ({origin.with_digest})" for name, origin in origins.items() if not origin.built_in]:
        yield f"Plugins that do not ship with grokbench: {'; '.join(others)}."
    if marked := _by_method(cells, lambda cell: ", ".join(map(mark_text, cell.marks))):
        yield f"Recipes that differ from the task's own: {marked}."
    if privileged := _by_method(cells, lambda cell: listed(cell.privileges)):
        yield f"Methods that use what the baseline does not have: {privileged}."
    yield "Not recorded: which settings were published, which were fitted, and how many others were tried."


def _grouped(cells: Iterable[Cell], text: Callable[[Cell], str]) -> dict[str, dict[str, list[str]]]:
    """Map the label of each method to the texts of its cells, and each text to its tasks."""
    grouped: dict[str, dict[str, list[str]]] = {}
    for cell in cells:
        grouped.setdefault(cell.regularizer, {}).setdefault(text(cell), []).append(cell.task)
    return grouped


def _by_method(cells: Iterable[Cell], text: Callable[[Cell], str]) -> str:
    """Write the texts of all methods that have any; a text is followed by its tasks unless it applies to every task."""
    said = {label: _on_tasks(texts) for label, texts in _grouped(cells, text).items()}
    return "; ".join(f"{label}: {found}" for label, found in said.items() if found)


def _labelled(label: str, used: str) -> str:
    """Write settings after their label, unless they begin with it."""
    return used if used == label or used.startswith(f"{label} (") else f"{label}: {used}"


def _on_tasks(settings: Mapping[str, list[str]]) -> str:
    """Write the settings of a method, with their tasks if they differ; leave out empty settings."""
    if len(settings) == 1:
        return next(iter(settings))
    return ", ".join(f"{used} on {listed(tasks)}" for used, tasks in settings.items() if used)


def _uses(cell: Cell) -> str:
    named = " with ".join(map(_use, cell.recipe.regularizers)) or "settings not recorded"
    given = [f"{name} = {json.dumps(value)}" for name, value in (cell.recipe.optimizer or {}).items()]
    return f"{named}, trained with {', '.join(given)}" if given else named


def _use(use: Use) -> str:
    """Write a plugin and its parameters."""
    given = use.parameters.items()
    shown = [f"{name} = {value if isinstance(value, str) else json.dumps(value)}" for name, value in given]
    return f"{use.name} ({', '.join(shown)})" if shown else use.name
