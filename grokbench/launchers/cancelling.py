"""The end of the run that works on a results folder, as another process requests it."""

import os
import signal
import time
from collections.abc import Iterator

from grokbench.errors import StoreError
from grokbench.io.locks import holds
from grokbench.launchers.slurm.queue import Queue
from grokbench.settings import load_settings
from grokbench.store import Store
from grokbench.store.activity import Activity
from grokbench.store.inbox import Inbox

__all__ = ["cancel"]

PATIENCE = 30.0  # seconds to wait for the end; a worker has 8 seconds for its checkpoint
POLL = 0.1  # seconds between two checks


def cancel(store: Store) -> Iterator[str]:
    """End the run that works on a folder, and the jobs that it has submitted to Slurm; yield sentences about it.

    The signal is sent only to a process that has the folder's lock file open, whatever the record says.

    Args:
        store: the results folder.

    Raises:
        StoreError: no run works on the folder, or it cannot be ended from here.
        SlurmError: there are jobs in Slurm's queue, and Slurm does not answer.
    """
    activity, arrays = store.activity.read(), Inbox(store.directory).arrays()
    if activity is not None and activity.works(store.busy):
        yield from _end(activity, store)
    elif not arrays:
        raise StoreError(f"No run works on {store.directory}, so there is nothing to cancel.")
    for array in arrays:  # last, because a run that works would submit them again
        Queue(load_settings().launcher.slurm, store.directory).cancel(array.name)
        yield f"The jobs {array.name} were removed from Slurm's queue."


def _end(activity: Activity, store: Store) -> Iterator[str]:
    """End the process of a record, and wait for its end."""
    if not activity.here:
        raise StoreError(
            f"The run that works on {store.directory} is process {activity.pid} on {activity.host}: run "
            f"`grokbench cancel` on that machine."
        )
    _signal(activity, store)
    yield f"Process {activity.pid} was asked to stop; its groups write checkpoints."
    deadline = time.monotonic() + PATIENCE
    while store.busy and time.monotonic() < deadline:
        time.sleep(POLL)
    if store.busy:
        yield f"It has not ended after {PATIENCE:.0f} s; `grokbench cancel {store.directory}` again stops it at once."
    else:
        yield "It has ended. The same `grokbench run` goes on from there."


def _signal(activity: Activity, store: Store) -> None:
    """Send SIGTERM to the process of a record, if it has the folder's lock file open."""
    elsewhere = StoreError(
        f"Process {activity.pid}, which the record in {store.directory} names, cannot be seen to write there: end the "
        "run where it was started (Ctrl-C)."
    )
    if not holds(activity.pid, store.directory):
        raise elsewhere
    try:
        os.kill(activity.pid, signal.SIGTERM)
    except OSError as error:
        raise elsewhere from error
