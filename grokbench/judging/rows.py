"""Rows of a leaderboard, made from judged comparisons."""

from collections.abc import Iterator, Sequence
from typing import Any

from grokbench.judging.comparison import Comparison, Comparisons, RowContrast
from grokbench.judging.conclusions import compared_notes, contrast_note
from grokbench.judging.data_notes import unverified_data
from grokbench.judging.design_notes import design_notes
from grokbench.judging.equivalence import Equivalence
from grokbench.judging.holm import Correction, Judgement
from grokbench.judging.marks import recipe_notes
from grokbench.judging.note import Kind, Note, caution, info
from grokbench.judging.published_notes import metric_notes, published_note
from grokbench.judging.row import Row
from grokbench.judging.row_columns import crossing_columns, design_columns, effect_columns, published_columns
from grokbench.judging.row_comparison import RowComparison
from grokbench.judging.row_notes import outcome_notes, provenance_notes
from grokbench.judging.simultaneous import simultaneous_ends, simultaneous_note
from grokbench.judging.skew import skew_notes
from grokbench.judging.verdicts import PublishedRatio, Reproduction, published_ratio, verdict
from grokbench.records import Manifest, Outcome, Skip
from grokbench.stats.survival import half_time

__all__ = ["make_row", "skipped_row"]


def make_row(
    each: Comparison,
    judged: Judgement | None,
    others: Sequence[Judgement],
    equivalence: Equivalence | None,
    corrected: Correction,
    found: Comparisons,
) -> Row:
    """Make the row of a cell.

    Args:
        each: the cell and its comparisons.
        judged: the corrected p of its comparison with the baseline; None for the baseline.
        others: the corrected p's of its comparisons with other rows.
        equivalence: its test of equivalence with the baseline; None if it is not tested.
        corrected: the corrected p's of all comparisons of the folder.
        found: all comparisons of the folder, with the manifest and the history.
    """
    measured, cell, manifest = each.measured, each.measured.cell, found.manifest
    theirs = published_ratio(manifest.published, cell.task, manifest.baseline, cell.regularizer)
    reproduction = verdict(theirs, each.effect, _pairs(each, manifest)) if theirs is not None else None
    ends = simultaneous_ends(each, judged, manifest) if judged else (None, None)
    contrasts = [_contrast(*both, manifest) for both in zip(each.others, others, strict=True)]
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
        epochs_mean_bound=measured.mean_bound,
        epochs_median_low=half_time(measured.times, measured.grokked),
        epochs_to_memorise=measured.memorised(),
        delay=measured.delay(),
        **crossing_columns(measured),
        **effect_columns(each, judged, manifest.statistics),
        **design_columns(judged, manifest.statistics, tested=each.effect is not None),
        p_equivalence=equivalence.p if equivalence else None,
        p_equivalence_holm=equivalence.adjusted if equivalence else None,
        speedup_low_simultaneous=ends[0],
        speedup_high_simultaneous=ends[1],
        final=measured.final(),
        seconds_per_epoch=measured.seconds_per_epoch(),
        flop_per_epoch=measured.flop_per_epoch(),
        seconds_mean=measured.seconds(),
        privileges=cell.privileges,
        unverified_data=unverified_data(measured),
        reference=measured.reference,
        **published_columns(cell.task, cell.regularizer, manifest),
        verdict=reproduction,
        notes=(
            *_notes(each, judged, manifest),
            *_published_notes(each, theirs, reproduction, manifest),
            *([equivalence.note] if equivalence and each.effect else []),
            *(simultaneous_note(each, ends, judged, manifest) if judged else ()),
            *(design_notes(each, judged, corrected, found) if judged else ()),
            *(row.note for row, other in zip(contrasts, each.others, strict=True) if other.obstacle),
        ),
        marks=cell.marks,
        comparisons=tuple(contrasts),
        identity=cell.identity,
    )


def _contrast(other: RowContrast, judged: Judgement, manifest: Manifest) -> RowComparison:
    found, note = other.effect, contrast_note(other, judged, manifest)
    if found is None:
        return RowComparison(other=other.label, note=note)
    return RowComparison(
        other=other.label,
        speedup=found.speedup,
        speedup_low=found.low,
        speedup_high=found.high,
        speedup_bound=found.bound,
        speedup_of_means=found.of_means,
        speedup_of_means_low=found.of_means_low,
        speedup_of_means_high=found.of_means_high,
        deciding_test=found.deciding(manifest.statistics.primary),
        p=found.p_deciding(manifest.statistics),
        **design_columns(judged, manifest.statistics),
        effect_size=found.effect_size,
        superiority=found.superiority,
        note=note,
    )


def _notes(each: Comparison, tested: Judgement | None, manifest: Manifest) -> Iterator[Note]:
    """Yield the notes of a row: about its outcomes, its comparison, and differences from the baseline's runs."""
    yield from recipe_notes(each.measured.cell)
    yield from outcome_notes(each.measured, each.effect.bound if each.effect else None)
    if each.is_baseline:
        yield info(Kind.BASELINE, "the baseline that the others are compared with")
    if each.identical and not each.is_copy:
        yield _identical(each)
    if each.obstacle:
        yield each.obstacle
    if each.effect and tested:
        yield from compared_notes(each.effect, tested, manifest)
        yield from skew_notes(each.effect)
    if each.baseline is not None and not each.is_baseline:
        yield from provenance_notes(each.baseline, each.measured)


def _published_notes(
    each: Comparison, theirs: PublishedRatio | None, judged: Reproduction | None, manifest: Manifest
) -> Iterator[Note]:
    if theirs is not None and judged is not None:
        yield published_note(theirs, each.effect, judged, _pairs(each, manifest))
    if manifest.published is not None:
        yield from metric_notes(manifest.published.finals(*each.measured.cell.key), each.measured.final())


def _pairs(each: Comparison, manifest: Manifest) -> int:
    """Count the pairs behind a verdict: fewer for a row stopped at a look, none if the folder plans only some seeds."""
    if manifest.unfinished:
        return 0
    return each.effect.seeds if each.effect else len(manifest.seeds)


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


def skipped_row(skip: Skip, manifest: Manifest) -> Row:
    """Make the row of a cell that the suite skips.

    Args:
        skip: the cell, and why.
        manifest: the plan, with the published numbers.
    """
    counts: dict[str, Any] = dict.fromkeys(["seeds", *Outcome], 0)
    published = published_columns(skip.task, skip.regularizer, manifest)
    why = info(Kind.SKIPPED, f"skipped: {skip.why}", skip.why)
    return Row(task=skip.task, regularizer=skip.regularizer, **counts, **published, notes=(why,))
