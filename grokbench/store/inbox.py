"""The inbox of a results folder: what jobs of a scheduler have finished, and what they report.

    DIR/inbox/runs, timings, weights      as in the results folder
    DIR/inbox/arrays/<name>.json          the jobs that were submitted together
    DIR/inbox/states/<name>.<n>.json      what the n-th of them reports

Jobs write here without the folder's lock, which a network disk may lack. Each file appears whole, and equal replicas
have equal names, so that a replica that is written twice does no harm. The process that holds the lock takes the files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field

from grokbench.events import Event, KeptWeights
from grokbench.io import atomic, json_lines
from grokbench.io.files import read_bytes
from grokbench.records import Run, Timing
from grokbench.records.bounds import Count
from grokbench.store.layout import Layout
from grokbench.store.run_files import read_run, read_timing, write_run

__all__ = ["Array", "Inbox", "JobState"]

LONGEST_WEIGHTS = 2**32  # most bytes of a replica's weights
MOST_ITEMS = 100_000
# The name is a part of paths, and the jobs of that name are cancelled: it must not name other files or other jobs.
ARRAY_NAME = "^grokbench-[0-9a-f]{12}$"
Kind = TypeVar("Kind", "Array", "JobState")
Texts = Annotated[tuple[str, ...], Field(max_length=MOST_ITEMS)]


@dataclass(frozen=True)
class Array:
    """Jobs that were submitted together.

    Attributes:
        name: the name of the jobs in the scheduler, which no other array has.
        packs: for each job the keys of the groups that it trains.
        job_ids: the scheduler's id of each job; empty until the scheduler has taken them.
    """

    name: Annotated[str, Field(pattern=ARRAY_NAME)]
    packs: Annotated[tuple[Texts, ...], Field(max_length=MOST_ITEMS)]
    job_ids: Texts = ()


@dataclass(frozen=True)
class JobState:
    """The report of a job.

    Attributes:
        host: the machine.
        job_id: the scheduler's id.
        progress: key of a group -> its completed epochs, and its replicas still in training.
        notices: sentences for the user, each with the key of its group.
        refused: why the job did no work; empty if it agrees with the command.
        ended: True if the job has done all its work.
    """

    host: str
    job_id: str
    progress: Mapping[str, tuple[Count, Count]] = field(default_factory=dict)
    notices: Annotated[tuple[tuple[str, str], ...], Field(max_length=MOST_ITEMS)] = ()
    refused: str = ""
    ended: bool = False


class Inbox:
    """The inbox of a results folder.

    Attributes:
        folder: the inbox.
    """

    def __init__(self, directory: Path) -> None:
        """Set the results folder; nothing is read or written."""
        self.directory, self.folder = directory, Layout(directory).inbox
        self._layout = Layout(self.folder)

    def put(self, event: Event) -> None:
        """Write a run, weights or a timing.

        Raises:
            StoreError: the folder cannot be written.
        """
        if isinstance(event, Run):
            write_run(self._layout.run(event.identity, event.seed), event, self.directory)
        elif isinstance(event, KeptWeights):
            path = self._layout.weights(event.identity, event.seed, event.epoch)
            atomic.write(path, event.content, self.directory)
        elif isinstance(event, Timing):
            atomic.write(self._layout.timing(event.identity), json_lines.dump(event), self.directory)

    def seeds(self, identity: str) -> list[int]:
        """List the seeds of a cell whose runs are here."""
        return sorted(int(seed) for seed in self._layout.seeds_of(identity) if seed.isdecimal())

    def of_replica(self, identity: str, seed: int) -> Iterator[KeptWeights | Run]:
        """Yield the weights and then the run of a replica; nothing if a file is damaged."""
        try:
            run = read_run(self._layout.run(identity, seed))
            weights = [
                KeptWeights(identity, seed, int(path.name.split(".")[1]), read_bytes(path, LONGEST_WEIGHTS))
                for path in self._layout.all_weights(identity, seed)
            ]
        except (OSError, ValueError):
            return
        yield from weights
        yield run

    def timings(self, identity: str) -> Iterator[Timing]:
        """Yield the timing of a cell, if there is one."""
        try:
            yield read_timing(self._layout.timing(identity))
        except (OSError, ValueError):
            return

    def forget(self, identity: str, seed: int) -> None:
        """Delete the files of a replica, the run first."""
        for path in (self._layout.run(identity, seed), *self._layout.all_weights(identity, seed)):
            atomic.remove(path, self.directory)

    def forget_timing(self, identity: str) -> None:
        """Delete the timing of a cell."""
        atomic.remove(self._layout.timing(identity), self.directory)

    def arrays(self) -> list[Array]:
        """List the arrays that were submitted and not forgotten; damaged files count as missing."""
        found = (_read(Array, path) for path in sorted(self.folder.glob("arrays/*.json")))
        return [array for array in found if array is not None]

    def put_array(self, array: Array) -> None:
        """Write an array, in place of an earlier version of it."""
        atomic.write(self.folder / "arrays" / f"{array.name}.json", json_lines.dump(array), self.directory)

    def forget_array(self, array: Array) -> None:
        """Delete an array and the states of its jobs; delete the inbox once it is empty."""
        for number in range(len(array.packs)):
            atomic.remove(self._state(array.name, number), self.directory)
        atomic.remove(self.folder / "arrays" / f"{array.name}.json", self.directory)
        below = [path for path in self.folder.rglob("*") if path.is_dir()]
        atomic.remove_empty([*sorted(below, reverse=True), self.folder])

    def put_state(self, name: str, number: int, state: JobState) -> None:
        """Write the report of a job of an array."""
        atomic.write(self._state(name, number), json_lines.dump(state), self.directory)

    def state(self, name: str, number: int) -> JobState | None:
        """Read the report of a job of an array; None if there is none yet."""
        return _read(JobState, self._state(name, number))

    def _state(self, name: str, number: int) -> Path:
        return self.folder / "states" / f"{name}.{number}.json"


def _read(kind: type[Kind], path: Path) -> Kind | None:
    """Read a record; None if it is missing or damaged."""
    try:
        return json_lines.read(kind, path)
    except (OSError, ValueError):
        return None
