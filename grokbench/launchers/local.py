"""Jobs in worker processes of this machine: a few on each CUDA device, or one single-threaded worker per core.

Small matrices gain little from a second thread and lose at every barrier, so a core to itself is the faster way; and
with one thread the numbers do not depend on how many cores there are. Workers are processes of their own, so a worker
that is killed costs its group and nothing else.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.launchers.inheritance import inheritance
from grokbench.records import Run
from grokbench.work import Event, Job, Stage, Worker

__all__ = ["launch"]


@dataclass(frozen=True)
class _Done:
    """The end of a job, with its traceback if it failed."""

    error: str | None = None


def launch(stages: Iterable[Stage], workers: Sequence[Worker]) -> Iterator[tuple[Job, Event]]:
    """Do the jobs of every stage, in order, on as many workers as it allows; yield every event with its job.

    A job that fails, or whose worker dies, yields what its `failed` says. Closing the iterator ends the workers.
    """
    crew: list[_Employee] = []
    try:
        for jobs, at_once in stages:
            crew += [_Employee(worker) for worker in workers[len(crew) : min(at_once, len(jobs))]]
            yield from _work(crew[:at_once], deque(jobs))
    finally:
        for employee in crew:
            employee.dismiss()


def _work(crew: Sequence["_Employee"], waiting: deque[Job]) -> Iterator[tuple[Job, Event]]:
    """One stage: whoever is free takes the next job."""
    while True:
        for employee in crew:
            if not employee.job and waiting:
                employee.assign(waiting.popleft())
        busy = [employee for employee in crew if employee.job]
        if not busy:
            return
        heard = wait([employee.pipe for employee in busy])
        for employee in busy:
            if employee.pipe in heard:
                yield from employee.listen()


class _Employee:
    """A worker process, and the job it is doing."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.job: Job | None = None
        self.told: set[int] = set()  # seeds of this job whose runs have come
        self._hire()

    def _hire(self) -> None:
        context = multiprocessing.get_context("spawn")  # CUDA and threads do not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.worker), daemon=True)
        with inheritance():
            self.process.start()
        theirs.close()

    def assign(self, job: Job) -> None:
        """Give it a job."""
        if not self.process.is_alive():
            self._hire()
        self.job, self.told = job, set()
        try:
            self.pipe.send(job)
        except OSError:  # it died between two jobs
            self._hire()
            self.pipe.send(job)

    def listen(self) -> Iterator[tuple[Job, Event]]:
        """The next thing it says."""
        assert self.job is not None
        try:
            message = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            message = _Done(f"the worker process ended with exit code {self.process.exitcode}{_cause(self.process)}")
        if not isinstance(message, _Done):
            self.told |= {message.seed} if isinstance(message, Run) else set()
            yield self.job, message
            return
        job, self.job = self.job, None
        if message.error:  # what was done before the failure is kept
            lost = (run for run in job.failed(message.error) if not (isinstance(run, Run) and run.seed in self.told))
            yield from ((job, run) for run in lost)

    def dismiss(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _cause(process: Any) -> str:
    killed = process.exitcode == -signal.SIGKILL
    return ": it was killed, most often because the machine ran out of memory" if killed else ""


def _serve(pipe: Connection, worker: Worker) -> None:
    """The life of a worker process: jobs in, events out, until nobody listens."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not born deaf
    threading.Thread(target=_end_with_parent, daemon=True).start()
    registry = None
    while True:
        try:
            job: Job = pipe.recv()
        except EOFError:
            return
        try:
            registry = registry or _prepare(worker)
            for event in job.run(worker, registry):
                pipe.send(event)
            pipe.send(_Done())
        except (BrokenPipeError, ConnectionError):
            return  # the parent is gone
        except GrokbenchError as error:
            pipe.send(_Done(str(error)))  # a sentence for the user
        except Exception:
            pipe.send(_Done(traceback.format_exc()))


def _end_with_parent() -> None:
    """End this process when its parent has ended, however that came: a long computation would hear of it late."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare(worker: Worker) -> Any:
    """Torch as this worker should have it, and the plugins."""
    import torch

    from grokbench.memory import SPARE
    from grokbench.plugins import load_registry

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # a memorised cell's gradients fade below 1e-38, where a CPU is many times slower
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if worker.device.startswith("cuda"):
        torch.cuda.set_device(worker.device)
        if worker.sharing > 1:  # so that what a group may hold depends on no other
            torch.cuda.set_per_process_memory_fraction((1.0 - SPARE) / worker.sharing, worker.device)
    return load_registry(worker.plugins)
