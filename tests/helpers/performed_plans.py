"""Plans performed in this process: their events, and the jobs that are left."""

from grokbench.records import Run
from grokbench.runner import pipeline

SEEDS = (1000, 1001, 1002)


def perform(plan):
    """Perform all jobs that are left; return their events."""
    with pipeline.open_store(plan) as store:
        return [event for _, event in pipeline.perform(plan, store)]


def opened(plan):
    """The results folder, created if it does not exist."""
    with pipeline.open_store(plan) as store:
        return store


def trained(events):
    return sorted((event.identity, event.seed) for event in events if isinstance(event, Run))


def left(made, store):
    return [(job.cells[0].regularizer, job.seeds, sorted(job.missing)) for job in pipeline.jobs(made, store)]
