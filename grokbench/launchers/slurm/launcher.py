"""The launcher `slurm` on the command's side: jobs are submitted, awaited, and submitted again if they are lost."""

import pickle
import time
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grokbench.events import Event, Notice, Progress, Started
from grokbench.launchers.agreement import Agreement, versions
from grokbench.launchers.interface import Job, Stage, Worker
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.signals import PendingSignal, deferring_signals
from grokbench.launchers.slurm.pack import Pack, Work, key
from grokbench.launchers.slurm.queue import LIVE, Queue, SlurmError
from grokbench.records import Run
from grokbench.settings.slurm import SlurmSettings
from grokbench.store.inbox import Array, Inbox, JobState
from grokbench.text.lists import plural

__all__ = ["SlurmLauncher"]

POLL = 1.0  # seconds between two looks into the inbox
ASKED = 10.0  # seconds between two questions to Slurm
LAST = 10.0  # most seconds to wait for the last report of a job, after its last result
UNSEEN = 2  # answers without a job after which it has ended; a new job may not be listed at once


@dataclass(frozen=True)
class SlurmLauncher:
    """The launcher `slurm`, see `Launcher`, but that jobs go on in the queue after a signal.

    Attributes:
        settings: the user's settings.
        directory: the results folder, which all nodes share.
        agreement: a function that makes the comparison that precedes a job's first group.
        wait: False to end as soon as the jobs are submitted.
    """

    settings: SlurmSettings
    directory: Path
    agreement: Callable[[], Agreement]
    wait: bool = True

    def __call__(
        self,
        stages: Iterable[Stage],
        workers: Sequence[Worker],
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - frozen
    ) -> Generator[tuple[Job, Event], None, None]:
        """Run the jobs of every stage, one stage after the other."""
        with deferring_signals() as signalled:
            for stage in stages:
                if stage.jobs and signalled.number is None:
                    yield from _Submitted(self, workers[0], limits, signalled).work(stage)
                    if not self.wait:
                        return


class _Submitted:
    """The jobs of a stage, and the arrays that do them."""

    def __init__(self, launcher: SlurmLauncher, worker: Worker, limits: TimeLimits, signalled: PendingSignal) -> None:
        self.settings, self.wait, self.directory = launcher.settings, launcher.wait, launcher.directory
        self.inbox, self.queue = Inbox(launcher.directory), Queue(launcher.settings, launcher.directory)
        self.worker, self.limits, self.signalled = worker, limits, signalled
        self.agreement = launcher.agreement
        self.jobs: dict[str, Job] = {}  # key -> what is left of a job
        self.known: set[str] = set()  # the keys of the stage's jobs
        self.in_work: dict[tuple[str, int], tuple[str, ...]] = {}  # name of an array, number -> keys of its jobs
        self.arrays: list[Array] = []
        self.lost: Counter[str] = Counter()  # key of a job -> Slurm jobs that ended without it
        self.unseen: Counter[tuple[str, int]] = Counter()
        self.shown: set[tuple[str, ...]] = set()
        self.pace: dict[str, tuple[int, int]] = {}

    def work(self, stage: Stage) -> Iterator[tuple[Job, Event]]:
        """Submit the jobs that no Slurm job does already, and await all of them."""
        self.jobs = {key(job): job for job in stage.jobs}
        self.known = set(self.jobs)
        self._adopt()
        alone = not stage.jobs[0].resumable  # measurements, which other jobs on their machine would disturb
        at_once = 1 if alone else len(self.settings.devices)
        size = len(stage.jobs) if alone else self.settings.groups_per_job or 4 * at_once
        in_work = {each for keys in self.in_work.values() for each in keys}
        try:
            yield from self._submit([each for each in self.jobs if each not in in_work], size, at_once)
            if not self.wait:
                yield stage.jobs[0], Notice("the jobs are submitted; the same command receives their results later")
                return
            yield from self._await(stage, size, at_once)
        except GeneratorExit:
            self._cancel()
            raise

    def _adopt(self) -> None:
        """Find the jobs that an earlier command submitted and that still wait or run; forget the others."""
        for array in self.inbox.arrays():
            states = self.queue.states(array.name)
            live = [number for number, state in states.items() if state in LIVE and number < len(array.packs)]
            if not live:
                self.inbox.forget_array(array)
                continue
            self.arrays.append(array)
            for number in live:
                if keys := tuple(each for each in array.packs[number] if each in self.jobs):
                    self.in_work[array.name, number] = keys

    def _submit(self, keys: Sequence[str], size: int, at_once: int) -> Iterator[tuple[Job, Event]]:
        """Submit an array. It is recorded before, so that a command that is killed meanwhile finds it by its name."""
        if not keys:
            return
        packs = tuple(tuple(keys[i : i + size]) for i in range(0, len(keys), size))
        array = Array(f"grokbench-{uuid.uuid4().hex[:12]}", packs)
        work = [self._pack(array, number, at_once) for number in range(len(packs))]
        self.inbox.put_array(array)
        try:
            array = replace(array, job_ids=self.queue.submit(array.name, work))
        except SlurmError:
            self.inbox.forget_array(array)
            raise
        self.inbox.put_array(array)
        self.arrays.append(array)
        self.in_work |= {(array.name, number): pack for number, pack in enumerate(packs)}
        job = array.job_ids[0].partition("_")[0]
        said = f"submitted to Slurm as {job}: {plural(len(packs), 'job')}, logs in {self.queue.folder}"
        yield self.jobs[keys[0]], Notice(said)

    def _pack(self, array: Array, number: int, at_once: int) -> Pack:
        devices = self.settings.devices[:at_once]
        workers = [replace(self.worker, device=each, sharing=devices.count(each)) for each in devices]
        jobs = [self.jobs[each] for each in array.packs[number]]
        content = pickle.dumps(Work(jobs, workers, self.limits, self.agreement()))
        return Pack(str(self.directory.resolve()), array.name, number, versions(), content)

    def _await(self, stage: Stage, size: int, at_once: int) -> Iterator[tuple[Job, Event]]:
        """Yield what arrives until every job is done, or a signal has come."""
        asked = time.monotonic()
        while self.jobs:
            if self.signalled.number is not None:
                said = "the jobs go on in Slurm's queue; the same command receives their results later"
                yield stage.jobs[0], Notice(said)
                return
            ended = self._reported()
            if time.monotonic() - asked > ASKED:
                asked = time.monotonic()
                ended |= self._vanished()
            yield from self._take()
            yield from self._progress()
            again: list[str] = []
            for place, why in ended.items():
                again += yield from self._end(place, why)
            yield from self._submit(again, size, at_once)
            time.sleep(POLL if self.jobs else 0.0)
        self._finish()

    def _finish(self) -> None:
        """Wait a little until the jobs, whose results are all here, have reported their end; then forget them."""
        deadline = time.monotonic() + LAST
        while len(self._reported()) < len(self.in_work) and time.monotonic() < deadline:
            time.sleep(POLL)
        for array in self.arrays:
            if self.known.issuperset(each for pack in array.packs for each in pack):  # others belong to other commands
                self.inbox.forget_array(array)

    def _reported(self) -> dict[tuple[str, int], str]:
        """Return the jobs that report their end, each with the reason why work may be left."""
        states = {place: self.inbox.state(*place) for place in self.in_work}
        return {
            place: state.refused or "its Slurm job ended without a result"
            for place, state in states.items()
            if state and (state.ended or state.refused)
        }

    def _vanished(self) -> dict[tuple[str, int], str]:
        """Return the jobs that are no longer in Slurm's queue, each with the reason."""
        found = {}
        for name in {name for name, _ in self.in_work}:
            states = self.queue.states(name)
            for place in [place for place in self.in_work if place[0] == name]:
                state = states.get(place[1], "gone")
                self.unseen[place] = 0 if state in LIVE else self.unseen[place] + 1
                if self.unseen[place] >= UNSEEN:
                    found[place] = f"its Slurm job ended ({state.lower().replace('_', ' ')})"
        return found

    def _take(self) -> Iterator[tuple[Job, Event]]:
        """Yield the results in the inbox that jobs still await; the caller stores each before it requests the next."""
        for name, job in list(self.jobs.items()):
            awaited: frozenset[int] = getattr(job, "missing", frozenset())
            for seed in awaited.intersection(self.inbox.seeds(job.cells[0].identity)) if awaited else ():
                yield from self._replica(name, job, seed)
            if not job.resumable:
                for cell in job.cells:
                    for timing in self.inbox.timings(cell.identity):
                        yield job, timing
                        self.inbox.forget_timing(cell.identity)

    def _replica(self, name: str, job: Job, seed: int) -> Iterator[tuple[Job, Event]]:
        identity = job.cells[0].identity
        for event in self.inbox.of_replica(identity, seed):
            yield job, event
            if isinstance(event, Run):
                left = self.jobs[name].without({seed})
                self.jobs = (
                    {each: self.jobs[each] for each in self.jobs if each != name}
                    if left is None
                    else {**self.jobs, name: left}
                )
        self.inbox.forget(identity, seed)

    def _progress(self) -> Iterator[tuple[Job, Event]]:
        """Yield the start, the progress and the notices that the jobs report."""
        for place, keys in self.in_work.items():
            if state := self.inbox.state(*place):
                for each in (each for each in keys if each in self.jobs):
                    yield from ((self.jobs[each], event) for event in self._news(each, state))

    def _news(self, each: str, state: JobState) -> Iterator[Event]:
        """Yield what the report of a Slurm job says about one of its groups and has not said before."""
        job = self.jobs[each]
        if (pace := state.progress.get(each)) and self.pace.get(each) != pace:
            if each not in self.pace:
                log = self.queue.folder / f"{state.job_id}_0_log.out"
                yield Started(state.host, 0, self.settings.devices[0], state.job_id, str(log))
            self.pace[each] = pace
            yield Progress(job.cells[0], getattr(job, "seeds", ()), *pace)
        for text in [text for group, text in state.notices if group == each]:
            if (each, text) not in self.shown:
                self.shown.add((each, text))
                yield Notice(text)

    def _end(self, place: tuple[str, int], why: str) -> Generator[tuple[Job, Event], None, list[str]]:
        """End a Slurm job; return the keys of the jobs to submit again. After the last attempt, a job fails."""
        again = []
        for each in [each for each in self.in_work.pop(place, ()) if each in self.jobs]:
            job = self.jobs[each]
            self.lost[each] += 1
            self.pace.pop(each, None)  # the next attempt starts again
            if not job.resumable and "ended without" in why:  # a measurement sends what it has, and then ends
                del self.jobs[each]
            elif self.lost[each] > self.settings.retries:
                yield from ((job, event) for event in job.failed(f"{why}, at the last of {self.lost[each]} attempts"))
                del self.jobs[each]
            else:
                attempt = f"attempt {self.lost[each] + 1} of {self.settings.retries + 1}"
                yield job, Notice(f"{job.name}: {why}; it is submitted again ({attempt})")
                again.append(each)
        return again

    def _cancel(self) -> None:
        """End the jobs, after `--fail-fast` or an error."""
        for name in {name for name, _ in self.in_work}:
            self.queue.cancel(name)
