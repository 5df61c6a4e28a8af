"""Comparisons -> Leaderboard: p's corrected by Holm over the planned family, and the notes of every row. No torch.

Rows keep the order of the suite within a task; skipped cells close their task.
"""

from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean
from typing import Any

from grokbench.judging.aggregate import aggregate
from grokbench.judging.comparison import Comparison, Comparisons, RowContrast, compare
from grokbench.judging.conclusions import Conclusion, compared_notes, conclusion, contrast_note
from grokbench.judging.endpoints import with_places
from grokbench.judging.equivalence import Equivalence, equivalences
from grokbench.judging.holm import holm_family
from grokbench.judging.marks import recipe_notes
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.judging.outcomes import Measured
from grokbench.judging.pairs import pairs, places
from grokbench.judging.published_notes import metric_notes, published_note
from grokbench.judging.row import Leaderboard, Row, RowComparison
from grokbench.judging.row_notes import outcome_notes, provenance_notes
from grokbench.judging.seconds import seconds_speedup
from grokbench.judging.simultaneous import simultaneous_ends, simultaneous_note
from grokbench.judging.task_summary import TaskSummary, summarize
from grokbench.judging.verdicts import PublishedRatio, Reproduction, published_ratio, verdict
from grokbench.records import Manifest, Outcome, Skip, Statistics
from grokbench.stats.survival import median_time, restricted_mean

__all__ = ["Leaderboard", "Row", "compare", "rank"]


def rank(comparisons: Comparisons) -> Leaderboard:
    """Rank the cells of a folder: p's are corrected over all planned comparisons, finished or not."""
    manifest = comparisons.manifest
    cells, (adjusted, others) = comparisons.cells, holm_family(comparisons)
    judged = zip(cells, adjusted, others, equivalences(comparisons), strict=True)
    rows = [_row(each, p, more, equivalence, manifest) for each, p, more, equivalence in judged]
    rows = with_places(rows, manifest.baseline)
    rows += [_skipped_row(skip, manifest) for skip in manifest.skipped]
    between = pairs(comparisons)
    placed = places(between, manifest)
    rows = [row if _fails(row) else replace(row, place=placed.get((row.task, row.regularizer))) for row in rows]
    tasks = list(dict.fromkeys(row.task for row in rows))
    return Leaderboard(
        suite=manifest.suite,
        baseline=manifest.baseline,
        environment=comparisons.environment,
        rows=tuple(sorted(rows, key=lambda row: tasks.index(row.task))),
        skipped=manifest.skipped,
        tasks=_tasks(comparisons),
        seeds=manifest.seeds,
        comparisons=manifest.comparisons,
        statistics=manifest.statistics,
        source=manifest.published.source if manifest.published else None,
        pairs=between,
        aggregate=aggregate(comparisons),
    )


def _fails(row: Row) -> bool:
    """Check whether a row has no place because it is faster on the seeds alone on which it groks."""
    return row.conclusion is Conclusion.FASTER_WHERE_IT_GROKS


def _tasks(comparisons: Comparisons) -> dict[str, TaskSummary]:
    labels = dict.fromkeys(each.measured.cell.task for each in comparisons.cells)
    of_task = {label: [each for each in comparisons.cells if each.measured.cell.task == label] for label in labels}
    return {label: summarize(cells) for label, cells in of_task.items()}


def _row(
    each: Comparison,
    adjusted: float | None,
    others: list[float | None],
    equivalence: Equivalence | None,
    manifest: Manifest,
) -> Row:
    measured, cell = each.measured, each.measured.cell
    theirs = published_ratio(manifest.published, cell.task, manifest.baseline, cell.regularizer)
    judged = verdict(theirs, each.effect, len(manifest.seeds)) if theirs is not None else None
    contrasts = tuple(_contrast(other, p, manifest) for other, p in zip(each.others, others, strict=True))
    equivalent = [equivalence.note] if equivalence and each.effect else []
    ends, p = simultaneous_ends(each, manifest), _p(each, adjusted, manifest)
    untested = (row.note for row, other in zip(contrasts, each.others, strict=True) if other.obstacle)
    return Row(
        task=cell.task,
        regularizer=cell.regularizer,
        seeds=len(measured.runs),
        grokked=measured.count(Outcome.GROKKED),
        censored=measured.count(Outcome.CENSORED),
        diverged=measured.count(Outcome.DIVERGED),
        failed=measured.count(Outcome.FAILED),
        epochs_mean=measured.mean(),
        epochs_median=measured.median(),
        epochs_std=measured.std(),
        epochs_to_memorise=measured.memorised(),
        delay=measured.delay(),
        **_crossing_columns(measured),
        **_effect_columns(each, adjusted, manifest.statistics),
        p_holm=adjusted,
        p_equivalence=equivalence.p if equivalence else None,
        p_equivalence_holm=equivalence.adjusted if equivalence else None,
        speedup_low_simultaneous=ends[0],
        speedup_high_simultaneous=ends[1],
        final=measured.final(),
        seconds_per_epoch=measured.seconds_per_epoch(),
        flop_per_epoch=measured.flop_per_epoch(),
        seconds_mean=measured.seconds(),
        privileges=cell.privileges,
        **_published(cell.task, cell.regularizer, manifest),
        verdict=judged,
        notes=(
            *_notes(each, adjusted, manifest, theirs, judged),
            *equivalent,
            *simultaneous_note(each, ends, p, manifest),
            *untested,
        ),
        marks=cell.marks,
        comparisons=contrasts,
        identity=cell.identity,
    )


def _p(each: Comparison, adjusted: float | None, manifest: Manifest) -> float | None:
    """Select the p that decides on significance."""
    statistics = manifest.statistics
    return statistics.deciding(each.effect.p[statistics.primary], adjusted) if each.effect else None


def _contrast(other: RowContrast, adjusted: float | None, manifest: Manifest) -> RowComparison:
    found, note = other.effect, contrast_note(other, adjusted, manifest)
    if found is None:
        return RowComparison(other=other.label, note=note)
    return RowComparison(
        other=other.label,
        speedup=found.speedup,
        speedup_low=found.low,
        speedup_high=found.high,
        speedup_bound=found.bound,
        speedup_of_means=found.of_means,
        deciding_test=(test := found.deciding(manifest.statistics.primary)),
        p=found.p[test],
        speedup_of_means_low=found.of_means_low,
        speedup_of_means_high=found.of_means_high,
        p_holm=adjusted,
        effect_size=found.effect_size,
        superiority=found.superiority,
        note=note,
    )


def _crossing_columns(measured: Measured) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "below_share": measured.below_share(),
        "below_again": measured.below_again(),
        "not_finite_after": measured.not_finite_after(),
        "lost": measured.lost(),
        "worst": measured.worst(),
    }
    recorded = measured.crossings is not None or not isinstance(measured.cell.recipe.stop, int)
    for name, known in (("first", recorded), ("lasting", measured.holds), ("strict", measured.holds)):
        if known and measured.finished:
            times, hits = measured.crossed(name)
            mean = restricted_mean(times, hits, measured.cell.budget) if name == "strict" else fmean(times)
            columns |= {f"{name}_mean": mean, f"{name}_median": median_time(times, hits)}
            columns |= {name: sum(hits)} if name != "first" else {}
    return columns


def _effect_columns(each: Comparison, adjusted: float | None, statistics: Statistics) -> dict[str, Any]:
    found = each.effect
    if found is None:
        return {}
    test = found.deciding(statistics.primary)
    return {
        "speedup": found.speedup,
        "speedup_low": found.low,
        "speedup_high": found.high,
        "speedup_bound": found.bound,
        "speedup_of_means": found.of_means,
        **{f"p_{name}": p for name, p in found.p.items()},
        "deciding_test": test,
        "conclusion": conclusion(found, statistics.deciding(found.p[test], adjusted), statistics),
        "speedup_of_means_low": found.of_means_low,
        "speedup_of_means_high": found.of_means_high,
        "effect_size": found.effect_size,
        "superiority": found.superiority,
        "superiority_low": found.superiority_low,
        "superiority_high": found.superiority_high,
        **_seconds_columns(each),
    }


def _seconds_columns(each: Comparison) -> dict[str, Any]:
    found, name = seconds_speedup(each), "seconds_speedup"
    if found is None or each.effect is None:
        return {}
    ends = {f"{name}_low": found.low, f"{name}_high": found.high}
    return {name: found.value, **ends, f"{name}_bound": each.effect.bound}


def _notes(
    each: Comparison,
    adjusted: float | None,
    manifest: Manifest,
    published: PublishedRatio | None,
    judged: Reproduction | None,
) -> Iterator[Note]:
    """Yield the notes of a row: on its outcomes, on its comparison, and on differences from the baseline's runs."""
    yield from recipe_notes(each.measured.cell)
    yield from outcome_notes(each.measured, each.effect.bound if each.effect else None)
    if each.is_baseline:
        yield info(Kind.BASELINE, "the baseline that the others are compared with")
    if each.identical:
        yield _identical(each)
    if each.obstacle:
        yield each.obstacle
    if each.effect:
        yield from compared_notes(each.effect, adjusted, manifest)
    if published is not None and judged is not None:
        yield published_note(published, each.effect, judged, len(manifest.seeds))
    if manifest.published is not None:
        yield from metric_notes(manifest.published.finals(*each.measured.cell.key), each.measured.final())
    if each.baseline is not None and not each.is_baseline:
        yield from provenance_notes(each.baseline, each.measured)


def _identical(each: Comparison) -> Note:
    thinned = each.measured.thinned or (each.baseline is not None and each.baseline.thinned)
    evaluation = "recorded evaluation" if thinned else "evaluation"
    other = "the baseline" if each.baseline and each.identical == each.baseline.cell.regularizer else each.identical
    mine, theirs = each.measured.cell, each.baseline.cell if each.baseline else None
    doubt = "does the method do anything?"
    if mine.recipe.optimizer is not None:
        same = theirs is not None and each.identical == theirs.regularizer and mine.optimizer == theirs.optimizer
        doubt = "it has the same settings" if same else "its settings of the optimizer change nothing"
    text = f"equals {other} at every {evaluation} of every seed: {doubt}"
    return caution(Kind.IDENTICAL, text, *each.measured.cell.key, other)


def _published(task: str, regularizer: str, manifest: Manifest) -> dict[str, Any]:
    """The published numbers of a cell: epochs, the speed-up with its interval, and final values of metrics."""
    published = manifest.published
    if published is None:
        return {}
    found = published_ratio(published, task, manifest.baseline, regularizer)
    low, high = found.ends if found else (None, None)
    return {
        "published_epochs": published.epochs.get(task, {}).get(regularizer),
        "published_speedup": found.value if found else None,
        "published_speedup_low": low,
        "published_speedup_high": high,
        "published_metrics": published.finals(task, regularizer),
    }


def _skipped_row(skip: Skip, manifest: Manifest) -> Row:
    counts: dict[str, Any] = dict.fromkeys(["seeds", *Outcome], 0)
    published = _published(skip.task, skip.regularizer, manifest)
    why = info(Kind.SKIPPED, f"skipped: {skip.why}", skip.why)
    return Row(task=skip.task, regularizer=skip.regularizer, **counts, **published, notes=(why,))


def _ratio(baseline: float | None, method: float | None) -> float | None:
    return baseline / method if baseline is not None and method else None
