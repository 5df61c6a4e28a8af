"""`grokbench run --dry-run`: print the work without doing it."""

from typing import TYPE_CHECKING

from grokbench.commands.output import echo
from grokbench.text.escape import printable

if TYPE_CHECKING:
    from grokbench.runner.request import Plan

__all__ = ["print_work", "warn_of_unverified"]


def print_work(plan: "Plan") -> None:
    """Print the numbers of replicas that are done and that are left to train, for each cell and in total."""
    from grokbench.runner import pipeline
    from grokbench.runner.devices import in_words
    from grokbench.runner.references import reference_of
    from grokbench.text.lists import plural
    from grokbench.text.table import table

    reference = reference_of(plan)
    work = pipeline.jobs(plan, pipeline.existing_store(plan), reference=reference)
    left = {job.cell.identity: 0 for job in work}
    for job in work:
        left[job.cell.identity] += len(job.missing)
    counts = [(cell, left.get(cell.identity, 0)) for cell in plan.cells]
    rows = [(c.task, c.regularizer, len(plan.seeds), len(plan.seeds) - n, n, n * c.budget) for c, n in counts]
    echo(table(rows, ("task", "regularizer", "replicas", "done", "left", "epochs at most")))
    echo(
        f"\n{plural(len(plan.cells), 'cell')}, {plural(sum(left.values()), 'replica')} left to train in "
        f"{plural(len(work), 'group')}, at most {sum(len(job.seeds) * job.cell.budget for job in work):,} epochs "
        f"on {in_words(plan.devices)}. Nothing was run."
        + " Groups that come close to a device's memory will be measured first."
        * (plan.kind == "cuda")
    )
    if reference:
        echo(printable(reference.sentence()))
    warn_of_unverified(plan)


def warn_of_unverified(plan: "Plan") -> None:
    """Print a warning for each data set that would make `grokbench run` refuse the suite."""
    from grokbench.runner.data_checks import unverified_sentences

    for sentence in unverified_sentences(plan):
        echo(f"Warning: {sentence}", err=True)
