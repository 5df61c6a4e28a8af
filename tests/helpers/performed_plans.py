"""Plans that are performed in this process, what came of it, and what is left."""

from grokbench.records import Run
from grokbench.runner import pipeline

SEEDS = (1000, 1001, 1002)


def perform(plan):
    """What came of everything that was left to do."""
    with pipeline.open_store(plan) as store:
        return [event for _, event in pipeline.perform(plan, store)]


def opened(plan):
    """The results folder, made if need be."""
    with pipeline.open_store(plan) as store:
        return store


def trained(events):
    return sorted((event.identity, event.seed) for event in events if isinstance(event, Run))


def left(made, store):
    return [(job.cells[0].regularizer, job.seeds, sorted(job.missing)) for job in pipeline.jobs(made, store)]
