"""Ranking, which makes a leaderboard from comparisons: p's corrected over families, pairs, places. No torch.

Within a task, rows keep the order of the suite; skipped cells come last.
"""

from dataclasses import replace

from grokbench.judging.aggregate import aggregate
from grokbench.judging.comparison import Comparisons, compare
from grokbench.judging.conclusions import Conclusion
from grokbench.judging.endpoints import with_places
from grokbench.judging.equivalence import equivalences
from grokbench.judging.holm import Correction, correct, stopped
from grokbench.judging.leaderboard import Leaderboard
from grokbench.judging.pairs import pairs, places
from grokbench.judging.row import Row
from grokbench.judging.rows import make_row, skipped_row
from grokbench.judging.task_summary import TaskSummary, summarize

__all__ = ["Leaderboard", "Row", "compare", "rank"]


def rank(comparisons: Comparisons) -> Leaderboard:
    """Make the leaderboard of a folder; p's are corrected over all declared comparisons, finished or not."""
    manifest, corrected = comparisons.manifest, correct(comparisons)
    comparisons = _with_stopped_rows(comparisons, corrected)
    parts = zip(comparisons.cells, corrected.rows, corrected.others, equivalences(comparisons, corrected), strict=True)
    rows = [make_row(*part, corrected, comparisons) for part in parts]
    rows = with_places(rows, manifest.baseline)
    rows += [skipped_row(skip, manifest) for skip in manifest.skipped]
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
        families=tuple(map(len, corrected.families.members)),
        statistics=manifest.statistics,
        source=manifest.published.source if manifest.published else None,
        pairs=between,
        aggregate=aggregate(comparisons),
        protocol=manifest.protocol,
    )


def _with_stopped_rows(comparisons: Comparisons, corrected: Correction) -> Comparisons:
    """Return the comparisons in which rows that were stopped at a look have their effect at this look."""
    both = zip(comparisons.cells, corrected.rows, strict=True)
    cells = [stopped(each, judged.decided_at if judged else None, comparisons.manifest) for each, judged in both]
    return replace(comparisons, cells=tuple(cells))


def _fails(row: Row) -> bool:
    """Return whether a row has no place because it is faster only on the seeds on which it groks."""
    return row.conclusion is Conclusion.FASTER_WHERE_IT_GROKS


def _tasks(comparisons: Comparisons) -> dict[str, TaskSummary]:
    labels = dict.fromkeys(each.measured.cell.task for each in comparisons.cells)
    of_task = {label: [each for each in comparisons.cells if each.measured.cell.task == label] for label in labels}
    return {label: summarize(cells) for label, cells in of_task.items()}
