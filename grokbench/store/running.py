"""Sentences about the run that works on a results folder: where its jobs are, and which show no progress."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from grokbench.store import Store
from grokbench.store.activity import Activity, RunningJob
from grokbench.text.lists import plural
from grokbench.text.table import table

__all__ = ["sentences", "utc"]

MOST = 40  # most jobs that get a line
HEADERS = ("job", "epoch", "where", "last progress")


def sentences(store: Store, activity: Activity | None) -> Iterator[str]:
    """Yield sentences about the process that writes to a folder, if there is one, and about its jobs.

    Args:
        store: the results folder.
        activity: the record of its run; None if there is none.
    """
    busy = store.busy
    if activity is None:
        if busy:
            yield f"A process is writing to {store.directory} now."
    elif activity.works(busy):
        run = f"process {activity.pid} on {activity.host}, launcher {activity.launcher}"
        yield f"A process is writing to {store.directory} now: {run}, since {utc(activity.began)}."
        yield from _jobs(store, activity)
    else:
        yield (
            f"The last run, process {activity.pid} on {activity.host}, was killed at about {utc(activity.written)}; "
            "the same `grokbench run` goes on from there."
        )


def _jobs(store: Store, activity: Activity) -> Iterator[str]:
    """Yield the jobs without progress, then a table of the others, then the number of those that wait."""
    stalled = [job for job in activity.jobs if job.stalled]
    yield from (f"  {job.name}: no progress since {utc(job.seen)}, on {_where(job)}" for job in stalled)
    jobs = [job for job in activity.jobs if not job.stalled]
    budgets = {cell.identity: cell.last_epoch for cell in store.manifest.cells}
    if jobs:
        lines = table([_row(job, budgets) for job in jobs[:MOST]], HEADERS).splitlines()
        yield from (f"  {line}" for line in lines)
    if len(jobs) > MOST:
        yield f"  and {plural(len(jobs) - MOST, 'job')} more"
    if waiting := sum(map(len, activity.queued.values())):
        yield f"  queued: {plural(waiting, 'replica')} of {plural(len(activity.queued), 'cell')}"


def _row(job: RunningJob, budgets: dict[str, int]) -> tuple[str, str, str, str]:
    budget = budgets.get(job.cell)
    epoch = f"{job.epoch:,} of {budget:,}" if budget else ""
    return job.name, epoch, _where(job), f"{max(0.0, time.time() - job.seen):.0f} s ago"


def _where(job: RunningJob) -> str:
    scheduled = f"job {job.job_id}" if job.job_id else ""
    process = f"process {job.pid}" if job.pid else ""
    return ", ".join(filter(None, [job.host, job.device, scheduled, process]))


def utc(seconds: float) -> str:
    """Format seconds since 1970 as a time in UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
