"""The check of a pull request that adds a submission."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from grokbench.errors import DataError, GrokbenchError, StoreError
from grokbench.store import Store
from grokbench.submissions import folder
from grokbench.submissions.agreement import disagreements, planned_again
from grokbench.submissions.body import row_lines
from grokbench.submissions.curves import contradictions
from grokbench.submissions.draws import LONGEST, Draw, Replica, chance, draw
from grokbench.submissions.recomputing import compared, endpoints, recompute
from grokbench.submissions.tolerance import Tolerance, placebo_tolerance, tolerance
from grokbench.suite_files import committed_results
from grokbench.text.escape import printable
from grokbench.text.lists import listed, plural

__all__ = ["Finding", "PullRequest", "check", "committed", "contradicting"]

NAMED = 5  # largest number of contradictions of curves that are named
ALTERED = (1, 5, 20)  # numbers of altered outcomes for which the chance of drawing one of them is stated


@dataclass(frozen=True)
class PullRequest:
    """A submission, and everything that it is checked against.

    Attributes:
        directory: the folder that the pull request adds.
        base: the base commit.
        suite: the name of a shipped suite, or a path; None for the shipped suite that the folder names.
        plugins: files of plugins that define the added methods.
        reference: the committed results of the suite at the base commit; None if there are none.
        draws: the number of replicas to recompute.
    """

    directory: Path
    base: str
    suite: str | None
    plugins: Sequence[str]
    reference: Path | None
    draws: int


class Finding(NamedTuple):
    """A sentence of the check.

    Attributes:
        text: the sentence.
        refused: whether the submission is refused for this reason.
    """

    text: str
    refused: bool = False


def check(request: PullRequest) -> Iterator[Finding]:
    """Check a submission; replicas are recomputed only if nothing else is wrong.

    Yields:
        A finding for each step, and for each reason to refuse the submission.

    Raises:
        StoreError: the reference is no results folder, or is damaged.
        DataError: the data of a task is missing on this machine, so that nothing can be recomputed.
    """
    refused, reference = False, Store.load(request.reference) if request.reference else None
    for finding in _without_training(request, reference):
        refused |= finding.refused
        yield finding
    if not refused:
        yield from _with_training(request, reference)


def _without_training(request: PullRequest, reference: Store | None) -> Iterator[Finding]:
    try:
        files = folder.read_files(request.directory)
        wrong = list(folder.faults(request.directory, files))
        yield from (Finding(text, True) for text in wrong)
        if wrong:
            return
        yield Finding("The files fit the schema, name no path, user or host, and hold every planned replica.")
        store = Store.load(request.directory)
        suite = request.suite or store.manifest.suite
        wrong = list(disagreements(store, planned_again(store.manifest, suite, request.plugins), reference))
    except DataError:
        raise
    except GrokbenchError as error:
        yield Finding(printable(str(error), keep="\n"), True)
        return
    wrong += [*contradicting(store), *_of_body(store, files)]
    yield from (Finding(text, True) for text in wrong)
    if not wrong:
        yield Finding(
            "Recipes, sources, data and rows of the reference are those of the suite; curves and outcomes agree."
        )


def committed(directory: Path) -> Path | None:
    """Return the committed results of the suite that a submission names; None if there are none or it cannot be read.

    Args:
        directory: the submission.
    """
    try:
        return committed_results(Store.load(directory).manifest.suite)
    except StoreError:
        return None


def contradicting(store: Store) -> list[str]:
    """List a sentence for each outcome that contradicts its own curve; after the first few, only count the others.

    Args:
        store: the submission. Rows of a reference are left out, because their curves are not submitted.
    """
    cells = {cell.identity: cell for cell in store.manifest.cells}
    found = [
        f"{printable(cells[run.identity].name)}, seed {run.seed}, contradicts its own curve: {printable(clause)}."
        for run in store.each_run(curves=True)
        if not run.reference
        for clause in contradictions(cells[run.identity], run)
    ]
    more = [f"There are {len(found) - NAMED} more contradictions of curves."] if len(found) > NAMED else []
    return found[:NAMED] + more


def _of_body(store: Store, files: Mapping[str, bytes]) -> Iterator[str]:
    """Refuse a text without the rows of the folder, because people read the text instead of the data."""
    if "\n".join(row_lines(store)) not in files.get(folder.BODY, b"").decode(errors="replace"):
        yield f"{folder.BODY} does not show the rows of the data: prepare the submission again."


def _with_training(request: PullRequest, reference: Store | None) -> Iterator[Finding]:
    store = Store.load(request.directory)
    files = folder.read_files(request.directory)
    drawn = draw(store, files, request.base, request.draws, reference)
    yield from _about(drawn)
    if not drawn.drawn:
        return
    plan = planned_again(store.manifest, request.suite or store.manifest.suite, request.plugins)
    comparisons = sum(len(endpoints(each.cell)) for each in drawn.drawn)
    used = {each.cell.identity: _tolerances(each, store, reference, comparisons) for each in drawn.drawn}
    for each in {each.cell.identity: each for each in drawn.drawn}.values():
        for endpoint, found in used[each.cell.identity].items():
            yield Finding(f"Tolerance of {printable(each.cell.name)}, {endpoint} crossing: {found.words}.")
    for recomputed in recompute(drawn.drawn, plan):
        words, accepted = compared(recomputed, used[recomputed.replica.cell.identity])
        text = f"{printable(recomputed.replica.name)}, recomputed: {printable(words)}"
        yield Finding(f"{text}." if accepted else f"{text}, which rounding does not explain.", not accepted)


def _tolerances(each: Replica, store: Store, reference: Store | None, comparisons: int) -> dict[str, Tolerance]:
    """Return the tolerance of each endpoint: that of the task or, if it is larger, that of the submitted method."""
    found = {}
    for endpoint in endpoints(each.cell):
        of_task = tolerance(each.cell.task, reference or store, endpoint, comparisons)
        own = placebo_tolerance(each.cell, store, endpoint, comparisons)
        found[endpoint] = max(filter(None, [of_task, own]), key=lambda one: one.log_ratio)
    return found


def _about(drawn: Draw) -> Iterator[Finding]:
    if not drawn.replicas:
        yield Finding("The submitter trained no replica: every row is a row of the reference.", True)
        return
    if drawn.long:
        yield Finding(
            f"{plural(drawn.long, 'replica')} would take more than {LONGEST / 60:.0f} CPU-minutes, and cannot be drawn."
        )
    if drawn.without_pace:
        yield Finding(f"{plural(drawn.without_pace, 'replica')} without measured seconds on the task cannot be drawn.")
    if drawn.unchecked:
        named = printable(listed(drawn.unchecked))
        yield Finding(
            f"No replica of {named} can be drawn: a maintainer must decide whether its seconds are plausible."
        )
    if not drawn.drawn:
        yield Finding(
            "No replica can be recomputed: run the suite again until its seconds per epoch are measured.", True
        )
        return
    minutes = sum(each.seconds or 0.0 for each in drawn.drawn) / 60
    chances = [f"{k}: {chance(k, len(drawn.drawn), drawn.replicas):.0%}" for k in ALTERED if k <= drawn.replicas]
    yield Finding(
        f"Drawn: {plural(len(drawn.drawn), 'replica')} of {drawn.replicas}, some {minutes:.0f} CPU-minutes. The chance "
        f"that such a draw contains an altered replica, by the number of altered ones: {', '.join(chances)}."
    )
