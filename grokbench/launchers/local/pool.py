"""A pool of worker processes on this machine: a few for each CUDA device, or one with a single thread for each core.

Small matrices gain little from a second thread and lose time at every barrier, so one thread per worker is faster. With
one thread, the numbers also do not depend on the number of cores. When a worker is killed, only its group is lost.
"""

import socket
import time
from collections import Counter, defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from queue import Empty, SimpleQueue

from grokbench.events import Event, NoProgress, Notice, Started
from grokbench.launchers.interface import Job, Stage, Worker
from grokbench.launchers.limits import ATTEMPTS, TimeLimits
from grokbench.launchers.local.ends import FAULTS, STOPPING, UNCOMPILED, crashed, stalled, took_too_long
from grokbench.launchers.local.worker import STOPPED, Done, Heartbeat, NoDevice
from grokbench.launchers.local.worker_process import Ended, Received, WorkerProcess
from grokbench.launchers.signals import PendingSignal, deferring_signals
from grokbench.records import Run

__all__ = ["GRACE", "TICK", "Pool", "launch", "trained_cell"]

# Seconds between two checks of the processes. A worker's end leaves its pipe open if a process that it forked is alive.
TICK = 0.5
LATE = 1.0  # seconds within which a signal reaches this process, after it has reached a worker
GRACE = 8.0  # seconds that a worker has to write its checkpoint before it is stopped; schedulers wait for 10 or more


def launch(
    stages: Iterable[Stage],
    workers: Sequence[Worker],
    limits: TimeLimits = TimeLimits(),  # noqa: B008 - frozen
) -> Generator[tuple[Job, Event], None, None]:
    """Run the jobs of every stage, one stage after the other; see `Launcher`.

    Args:
        stages: each stage has its jobs and the number that may run at once. A stage is requested when the previous
            stage has ended.
        workers: the settings of each process. A process starts when a stage first needs it.
        limits: the time limits of jobs.

    Yields:
        Every event with its job. If a job fails or its process dies, these are the events of `Job.failed`. Closing the
        iterator stops the processes.
    """
    with deferring_signals() as signalled:
        pool = Pool(workers, limits, signalled)
        try:
            for stage in stages:
                yield from pool.work(stage)
                if signalled.number is not None:
                    return
        finally:
            pool.stop()


class Pool:
    """The worker processes, and the jobs of the present stage."""

    def __init__(self, workers: Sequence[Worker], limits: TimeLimits, signalled: PendingSignal) -> None:
        """Make a pool without processes.

        Args:
            workers: the settings of each process. A process starts when a stage first needs it.
            limits: the time limits of jobs.
            signalled: once its number is set, even by another thread, the busy processes are asked to stop.
        """
        self.workers, self.limits, self.signalled = workers, limits, signalled
        self.processes: list[WorkerProcess] = []
        self.started = 0
        self.messages: SimpleQueue[Received] = SimpleQueue()
        self.waiting: deque[Job] = deque()
        self.attempts: Counter[str] = Counter()  # name of a job -> attempts that showed no progress
        self.used: defaultdict[str, float] = defaultdict(float)  # identity of a cell -> seconds of ended training jobs
        self.looked = time.monotonic()

    def work(self, stage: Stage) -> Iterator[tuple[Job, Event]]:
        """Run one stage: idle processes get the next jobs. After a signal, the busy processes are asked to stop."""
        self.waiting = deque(stage.jobs)
        wanted = min(stage.at_once, len(stage.jobs))
        for worker in self.workers[self.started : wanted]:
            self.processes.append(WorkerProcess(worker, self.messages, self.limits))
        self.started, self.looked = max(self.started, wanted), time.monotonic()
        while True:
            yield from self._assign(stage.at_once)
            busy = [process for process in self.processes if process.job]
            if not busy:
                return
            if self.signalled.number is not None:
                yield from self._ask_all_to_stop(busy)
            yield from self._receive()
            if time.monotonic() - self.looked >= TICK:
                yield from self._look(busy)

    def stop(self) -> None:
        """Stop all processes."""
        for process in self.processes:
            process.kill()  # kill all of them before waiting for the first
        for process in self.processes:
            process.stop()

    def _assign(self, at_once: int) -> Iterator[tuple[Job, Event]]:
        for process in self.processes[:at_once]:
            if not process.job and self.waiting and self.signalled.number is None:
                process.assign(job := self.waiting.popleft())
                yield job, Started(socket.gethostname(), process.process.pid, process.worker.device)

    def _ask_all_to_stop(self, busy: Sequence[WorkerProcess]) -> Iterator[tuple[Job, Event]]:
        """Ask each process once to stop; kill a process whose job keeps no checkpoint."""
        asked = [process for process in busy if process.stop_by is None]
        for process in asked:
            _ask_to_stop(process)
        resumable = [process.job for process in asked if process.job and process.job.resumable]
        if resumable:
            yield resumable[0], Notice(STOPPING)

    def _receive(self) -> Iterator[tuple[Job, Event]]:
        """Handle the next message, if one comes within a TICK."""
        try:
            process, pipe, message = self.messages.get(timeout=TICK)
        except Empty:
            return
        if process.job is None or pipe is not process.pipe:  # from a process that was replaced or is idle
            return
        if isinstance(message, Ended):
            yield from self._ended(process)
        elif isinstance(message, NoDevice):
            yield from self._without_device(process, message.why)
        elif isinstance(message, Done):
            if message.last or process.stop_by is not None:  # a requested stop may come during its next job
                process.stop()
            yield from self._end(process, message.error)
        elif not isinstance(message, Heartbeat):
            process.received |= {message.seed} if isinstance(message, Run) else set()
            yield process.job, message
            if isinstance(message, Run):  # the caller has stored the event when it requests the next one
                process.acknowledge()

    def _look(self, busy: Sequence[WorkerProcess]) -> Iterator[tuple[Job, Event]]:
        """Check every busy process: whether it has ended, whether it must be killed, and whether it shows progress."""
        away, self.looked = time.monotonic() - self.looked - 2 * TICK, time.monotonic()
        for process in busy:
            if process.job is None:
                continue
            if away > TICK:  # this program itself was stopped, for instance by Ctrl-Z
                process.clock.pause(away)
            if process.has_vanished() and self.messages.empty():
                yield from self._ended(process)
            elif process.stop_by is not None and time.monotonic() > process.stop_by:
                process.kill()
            elif process.stop_by is None:
                yield from self._limit(process)

    def _limit(self, process: WorkerProcess) -> Iterator[tuple[Job, Event]]:
        """Apply the time limits to a process."""
        job, clock = process.job, process.clock
        assert job is not None
        if clock.stalled:
            yield from self._stalled(process)
        elif self._seconds(process) > (self.limits.cell or float("inf")):
            _ask_to_stop(process)
        elif (seconds := clock.to_show()) is not None:
            yield job, NoProgress(seconds)

    def _seconds(self, process: WorkerProcess) -> float:
        """Return the seconds that the cell of a training job has used; 0 for other jobs, which have no limit."""
        if (identity := trained_cell(process.job)) is None:
            return 0.0
        running = (each.clock.used for each in self.processes if trained_cell(each.job) == identity)
        return self.used[identity] + sum(running)

    def _stalled(self, process: WorkerProcess) -> Iterator[tuple[Job, Event]]:
        """Kill a process without progress, and start its job again; after the last attempt, the job fails instead."""
        seconds, frames = process.clock.silent, process.where()
        process.stop()
        job = process.job
        assert job is not None
        self.attempts[job.name] += 1
        if self.attempts[job.name] == ATTEMPTS:
            yield from self._end(process, stalled(seconds, ATTEMPTS, frames))
        elif left := self._take_job(process).without(process.received):
            left = left.without_compiled_code(f"no progress for {seconds:.0f} s") or left
            again = f"no progress for {seconds:.0f} s; its process was stopped, and it starts again"
            yield job, Notice(f"{job.name}: {again} (attempt {self.attempts[job.name] + 1} of {ATTEMPTS})")
            self.waiting.appendleft(left)

    def _ended(self, process: WorkerProcess) -> Iterator[tuple[Job, Event]]:
        """End the job of a process that has ended, or whose pipe cannot be used any more."""
        asked, code, frames = process.stop_by is not None, process.exit_code(), process.log()
        process.stop()
        if code == STOPPED and not asked:
            self._await_signal()
        if self.signalled.number is not None:  # a scheduler may have sent the signal to the process, too
            process.take_job()  # the same command resumes the job
        elif asked:
            yield from self._end(process, took_too_long(self.limits.cell or 0.0))
        elif code in FAULTS and (slower := _without_compiled_code(process, crashed(code, ""))):
            yield self._take_job(process), Notice(f"{slower.name}: {crashed(code, '')}; {UNCOMPILED}")
            self.waiting.appendleft(slower)
        else:
            yield from self._end(process, crashed(code, frames))

    def _await_signal(self) -> None:
        """Wait a little for a signal that a worker has received first; a scheduler sends it to every process."""
        deadline = time.monotonic() + LATE
        while self.signalled.number is None and time.monotonic() < deadline:
            time.sleep(0.02)

    def _without_device(self, process: WorkerProcess, why: str) -> Iterator[tuple[Job, Event]]:
        """Drop a process whose device cannot be used; another one gets its job. Without another, the job fails."""
        process.stop()
        if len(self.processes) > 1:
            self.processes.remove(process)
            self.waiting.appendleft(process.take_job())
        else:
            yield from self._end(process, why)

    def _end(self, process: WorkerProcess, error: str | None) -> Iterator[tuple[Job, Event]]:
        """End the job. If it failed, yield a failure for each of its replicas whose run has not been received."""
        job = self._take_job(process)
        if error is not None and (left := job.without(process.received)):  # the error may be an empty text
            yield from ((job, event) for event in left.failed(error))

    def _take_job(self, process: WorkerProcess) -> Job:
        """Leave a process without a job, and add the seconds of a training job to those of its cell."""
        seconds, job = process.clock.used, process.take_job()
        if (identity := trained_cell(job)) is not None:
            self.used[identity] += seconds
        return job


def trained_cell(job: Job | None) -> str | None:
    """Return the identity of the cell that a job trains; None for other jobs."""
    return job.cells[0].identity if job and job.resumable else None


def _without_compiled_code(process: WorkerProcess, why: str) -> Job | None:
    """Return the rest of a job that crashed in compiled code, to be done without it; None if the job used none."""
    left = process.job.without(process.received) if process.job else None
    return left.without_compiled_code(why) if left else None


def _ask_to_stop(process: WorkerProcess) -> None:
    process.ask_to_stop(GRACE if process.job and process.job.resumable else 0.0)
