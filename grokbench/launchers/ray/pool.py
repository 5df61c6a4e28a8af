"""The workers of a Ray cluster and their jobs: a job whose worker is lost starts again on another one."""

import pickle
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from typing import Any

from grokbench.events import Event, Notice
from grokbench.launchers.interface import Job, Stage
from grokbench.launchers.limits import SHOWN_AFTER, TimeLimits
from grokbench.launchers.local.ends import STOPPING, took_too_long
from grokbench.launchers.local.pool import GRACE, TICK, trained_cell
from grokbench.launchers.ray.cluster import Cluster, ClusterError, LostError
from grokbench.launchers.ray.handle import Handle, State
from grokbench.launchers.ray.remote_worker import Settings
from grokbench.launchers.signals import PendingSignal
from grokbench.records import Run

__all__ = ["RemotePool"]

LATE = 4.0  # seconds beyond GRACE until a stopping worker's last events are no longer awaited
PATIENCE = 300.0  # seconds without a node that is large enough, after which the command ends


class NoWorkersError(ClusterError):
    """No worker is left for the jobs that remain; what was finished is saved."""

    exit_status = 1


class RemotePool:
    """The workers of a cluster, and the jobs of the present stage."""

    def __init__(
        self,
        cluster: Cluster,
        settings: Sequence[Settings],
        limits: TimeLimits,
        retries: int,
        signalled: PendingSignal,
    ) -> None:
        """Make a pool without workers.

        Args:
            cluster: the cluster.
            settings: the settings of each worker. A worker starts when a stage first needs it.
            limits: the time limits of jobs.
            retries: how often a job starts again after its worker is lost.
            signalled: once its number is set, the busy workers are asked to stop.
        """
        self.cluster, self.settings, self.limits, self.retries = cluster, settings, limits, retries
        self.signalled = signalled
        self.handles: list[Handle] = []
        self.started = 0
        self.waiting: deque[Job] = deque()
        self.lost: Counter[str] = Counter()  # name of a job -> workers that were lost while they did it
        self.used: defaultdict[str, float] = defaultdict(float)  # identity of a cell -> seconds of ended training jobs
        self.refused: list[str] = []  # why workers were dropped
        self.stop_by: float | None = None
        self.placed, self.shown = time.monotonic(), 0.0

    def work(self, stage: Stage) -> Iterator[tuple[Job, Event]]:
        """Run one stage: idle workers get the next jobs. After a signal, the busy workers are asked to stop."""
        self.waiting = deque(stage.jobs)
        self._start(min(stage.at_once, len(stage.jobs)))
        while self.waiting or self._busy():
            if self.signalled.number is not None:
                self.waiting.clear()
                yield from self._ask_all_to_stop()
            self._assign(stage.at_once)
            yield from self._receive()
            self._limit()
            yield from self._wait_for_nodes(stage.jobs[0])
            if self.stop_by is not None and time.monotonic() > self.stop_by:
                return

    def stop(self) -> None:
        """End all workers."""
        self.cluster.end_workers([handle.actor for handle in self.handles])
        self.handles = []

    def _start(self, wanted: int) -> None:
        for settings in self.settings[self.started : wanted]:
            self.handles.append(Handle(self.cluster, settings.agreement.expected, pickle.dumps(settings)))
        self.started, self.placed = max(self.started, wanted), time.monotonic()

    def _busy(self) -> list[Handle]:
        return [handle for handle in self.handles if handle.busy]

    def _ask_all_to_stop(self) -> Iterator[tuple[Job, Event]]:
        """Ask every worker once to stop."""
        if self.stop_by is None:
            self.stop_by = time.monotonic() + GRACE + LATE
            for handle in self._busy():
                handle.ask_to_stop()
            resumable = [job for handle in self._busy() if (job := handle.job) and job.resumable]
            if resumable:
                yield resumable[0], Notice(STOPPING)

    def _assign(self, at_once: int) -> None:
        free = at_once - len(self._busy())
        for handle in [handle for handle in self.handles if handle.state is State.IDLE][:free]:
            if self.waiting:
                handle.assign(self.waiting.popleft())

    def _receive(self) -> Iterator[tuple[Job, Event]]:
        """Handle the answers that have come, or come within a TICK."""
        calls = {handle.call: handle for handle in self.handles if handle.call is not None}
        for call in self.cluster.wait(list(calls), TICK) if calls else ():
            handle = calls[call]
            try:
                answer = self.cluster.answer(call)
            except LostError as error:
                yield from self._lost(handle, str(error))
            else:
                yield from self._take(handle, answer)

    def _take(self, handle: Handle, answer: Any) -> Iterator[tuple[Job, Event]]:
        """Handle an answer."""
        if handle.state is State.PREPARING:
            yield from self._prepared(handle, *answer)
        elif handle.state is State.BEGINNING:
            handle.fetch()
        elif answer is None:
            yield from self._ended(handle)
        else:
            event = pickle.loads(answer)
            handle.received |= {event.seed} if isinstance(event, Run) else set()
            if handle.job and not (self.stop_by and isinstance(event, Notice)):  # each worker says that it stops
                yield handle.job, event
            handle.fetch()  # the caller has stored the event when it requests the next one

    def _prepared(self, handle: Handle, host: str, refusal: str) -> Iterator[tuple[Job, Event]]:
        """Let a worker take jobs, or drop it."""
        if refusal:
            yield from self._drop(handle, refusal)
        else:
            handle.ready(host)

    def _drop(self, handle: Handle, why: str) -> Iterator[tuple[Job, Event]]:
        """Go on without a worker.

        Raises:
            ClusterError: it was the last one, and there is work left.
        """
        self.handles.remove(handle)
        self.cluster.end_workers([handle.actor])
        if why not in self.refused and self.waiting:
            self.refused.append(why)
            yield self.waiting[0], Notice(why)
        if not self.handles and self.waiting:
            raise NoWorkersError(f"no worker of the Ray cluster can be used: {'; '.join(self.refused)}")

    def _ended(self, handle: Handle) -> Iterator[tuple[Job, Event]]:
        """End the job of a worker, which has sent its last event."""
        overdue, job = handle.overdue, self._take_job(handle)
        if overdue and (left := job.without(handle.received)):
            yield from ((job, event) for event in left.failed(took_too_long(self.limits.cell or 0.0)))

    def _lost(self, handle: Handle, why: str) -> Iterator[tuple[Job, Event]]:
        """Start a worker in place of a lost one; its job starts again, at most `retries` times."""
        host, began, overdue = handle.host, handle.state is State.WORKING, handle.overdue
        job = self._take_job(handle) if handle.busy else None
        handle.failures += job is None
        if self.signalled.number is not None or handle.failures > self.retries:
            yield from self._drop(handle, f"a worker of the Ray cluster cannot be started: {why}")
        else:
            handle.restart()
        left = job.without(handle.received) if job and self.signalled.number is None else None
        if job and left and overdue:
            yield from ((job, event) for event in left.failed(took_too_long(self.limits.cell or 0.0)))
        elif job and left:
            yield from self._repeat(job, left, began, f"the worker on {host} was lost ({why})")

    def _repeat(self, job: Job, left: Job, began: bool, why: str) -> Iterator[tuple[Job, Event]]:
        """Start a job again, or let it fail after the last attempt."""
        self.lost[job.name] += began
        if self.lost[job.name] > self.retries:
            yield from ((job, event) for event in left.failed(f"{why}, at the last of {self.retries + 1} attempts"))
        else:
            self.waiting.appendleft(left)
            attempt = f"attempt {self.lost[job.name] + 1} of {self.retries + 1}"
            yield job, Notice(f"{job.name}: {why}; it starts again ({attempt})")

    def _limit(self) -> None:
        """Ask workers to stop whose cell has used up its time."""
        for handle in self._busy():
            if not handle.overdue and self._seconds(handle.job) > (self.limits.cell or float("inf")):
                handle.overdue = True
                handle.ask_to_stop()

    def _seconds(self, job: Job | None) -> float:
        """Return the seconds that the cell of a training job has used; 0 for other jobs, which have no limit."""
        if (identity := trained_cell(job)) is None:
            return 0.0
        return self.used[identity] + sum(each.seconds for each in self.handles if trained_cell(each.job) == identity)

    def _take_job(self, handle: Handle) -> Job:
        """Leave a worker without a job, and add the seconds of a training job to those of its cell."""
        seconds, job = handle.seconds, handle.take_job()
        if (identity := trained_cell(job)) is not None:
            self.used[identity] += seconds
        return job

    def _wait_for_nodes(self, job: Job) -> Iterator[tuple[Job, Event]]:
        """Report, from time to time, that no worker has a place in the cluster.

        Raises:
            NoWorkersError: for PATIENCE seconds there has been no node that is large enough.
        """
        if not self.handles or any(handle.state is not State.PREPARING for handle in self.handles):
            self.placed, self.shown = time.monotonic(), 0.0
            return
        seconds = time.monotonic() - self.placed
        if seconds > PATIENCE and not self.cluster.has_place():
            raise NoWorkersError(
                f"no node of the Ray cluster has had {self.cluster.need} for {seconds:.0f} s: add one, and give the "
                "same command again, which goes on from here"
            )
        if seconds > max(SHOWN_AFTER, 2 * self.shown):
            self.shown = seconds
            yield job, Notice(f"for {seconds:.0f} s no worker has started: the Ray cluster has no free place")
