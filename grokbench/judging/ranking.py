"""Comparisons -> Leaderboard: p's corrected by Holm over the planned family, and the notes of every row. No torch.

Rows keep the order of the suite within a task; skipped cells close their task.
"""

from collections.abc import Iterator
from statistics import fmean
from typing import Any

from grokbench.judging.comparison import Comparison, Comparisons, RowContrast, compare
from grokbench.judging.conclusions import compared_notes, contrast_note, published_note
from grokbench.judging.effects import Reproduction, verdict
from grokbench.judging.holm import holm_family
from grokbench.judging.marks import recipe_notes
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.judging.outcomes import Measured, same_clock
from grokbench.judging.row import Leaderboard, Row, RowComparison
from grokbench.judging.row_notes import outcome_notes, provenance_notes
from grokbench.judging.skew import skew_notes, skewness
from grokbench.records import Manifest, Outcome, Skip
from grokbench.stats.survival import half_time, median_time

__all__ = ["Leaderboard", "Row", "compare", "rank"]


def rank(comparisons: Comparisons) -> Leaderboard:
    """Rank the cells of a folder: p's are corrected over all planned comparisons, finished or not."""
    manifest = comparisons.manifest
    cells, (adjusted, others) = comparisons.cells, holm_family(comparisons)
    rows = [_row(each, p, more, manifest) for each, p, more in zip(cells, adjusted, others, strict=True)]
    rows += [_skipped_row(skip, manifest) for skip in manifest.skipped]
    tasks = list(dict.fromkeys(row.task for row in rows))
    return Leaderboard(
        suite=manifest.suite,
        baseline=manifest.baseline,
        environment=comparisons.environment,
        rows=tuple(sorted(rows, key=lambda row: tasks.index(row.task))),
        skipped=manifest.skipped,
        budgets={cell.task: cell.budget for cell in manifest.cells},
        statistics=manifest.statistics,
        source=manifest.published.source if manifest.published else None,
    )


def _row(each: Comparison, adjusted: float | None, others: list[float | None], manifest: Manifest) -> Row:
    measured, cell = each.measured, each.measured.cell
    published = _published(cell.task, cell.regularizer, manifest)
    theirs = published["published_speedup"]
    judged = verdict(theirs, each.effect) if theirs is not None else None
    contrasts = tuple(_contrast(other, p, manifest) for other, p in zip(each.others, others, strict=True))
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
        epochs_mean_bound=None if all(measured.grokked) else "lower",
        epochs_median_low=half_time(measured.times, measured.grokked),
        epochs_to_memorise=measured.memorised(),
        delay=measured.delay(),
        **_crossing_columns(measured),
        **_effect_columns(each),
        p_holm=adjusted,
        final=measured.final(),
        seconds_per_epoch=measured.seconds_per_epoch(),
        flop_per_epoch=measured.flop_per_epoch(),
        seconds_mean=measured.seconds(),
        privileges=cell.privileges,
        **published,
        verdict=judged,
        notes=(*_notes(each, adjusted, manifest, theirs, judged), *untested),
        marks=cell.marks,
        comparisons=contrasts,
    )


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
        p=found.p[manifest.statistics.primary],
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
    }
    recorded = measured.crossings is not None or not isinstance(measured.cell.recipe.stop, int)
    for name, known in (("first", recorded), ("lasting", measured.holds)):
        if known and measured.finished:
            times, hits = measured.crossed(name)
            columns |= {f"{name}_mean": fmean(times), f"{name}_median": median_time(times, hits)}
            columns |= {"lasting": sum(hits)} if name == "lasting" else {}
    return columns


def _effect_columns(each: Comparison) -> dict[str, Any]:
    found = each.effect
    if found is None or each.baseline is None:
        return {}
    comparable = same_clock(each.baseline, each.measured)
    ratio = _ratio(each.baseline.seconds(), each.measured.seconds()) if comparable else None
    return {
        "speedup": found.speedup,
        "speedup_low": found.low,
        "speedup_high": found.high,
        "speedup_bound": found.bound,
        "speedup_of_means": found.of_means,
        **{f"p_{test}": p for test, p in found.p.items()},
        "effect_size": found.effect_size,
        "superiority": found.superiority,
        "skewness": skewness(each.baseline, each.measured),
        "seconds_speedup": ratio if found.speedup is not None else None,
    }


def _notes(
    each: Comparison, adjusted: float | None, manifest: Manifest, published: float | None, judged: Reproduction | None
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
        if each.baseline is not None:
            yield from skew_notes(skewness(each.baseline, each.measured), each.effect.low is not None)
    if published is not None and judged is not None:
        yield published_note(published, each.effect, judged, len(manifest.seeds))
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
    """The published epochs of a cell, and its published speed-up: baseline epochs / its epochs."""
    epochs = manifest.published.epochs.get(task, {}) if manifest.published else {}
    mine, baseline = epochs.get(regularizer), epochs.get(manifest.baseline)
    ratio = None if regularizer == manifest.baseline else _ratio(baseline, mine)
    return {"published_epochs": mine, "published_speedup": ratio}


def _skipped_row(skip: Skip, manifest: Manifest) -> Row:
    counts: dict[str, Any] = dict.fromkeys(["seeds", *Outcome], 0)
    published = _published(skip.task, skip.regularizer, manifest)
    why = info(Kind.SKIPPED, f"skipped: {skip.why}", skip.why)
    return Row(task=skip.task, regularizer=skip.regularizer, **counts, **published, notes=(why,))


def _ratio(baseline: float | None, method: float | None) -> float | None:
    return baseline / method if baseline is not None and method else None
