"""The loop of a worker process: run the jobs that it receives until its parent ends or its device fails."""

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.launchers.interface import Job, Worker
from grokbench.records import Run
from grokbench.records.activity import ACTIVITY

__all__ = ["CLOSED", "STOPPED", "Done", "Heartbeat", "NoDevice", "serve"]

BEAT = 0.25  # seconds between two checks of a job's count of steps
CLOSED = 109  # exit code of a process whose pipe was closed: by the end of its parent, or by a plugin
STOPPED = 128 + 15  # exit code of a process that stopped as requested


@dataclass(frozen=True)
class Done:
    """The message that ends a job.

    Attributes:
        error: the traceback, or a sentence for the user; None if the job succeeded.
        last: whether the process ends too, because its device cannot be used any more.
    """

    error: str | None = None
    last: bool = False


@dataclass(frozen=True)
class Heartbeat:
    """The message that the job has begun, or has made progress since the last message."""


@dataclass(frozen=True)
class NoDevice:
    """The message that the worker's device cannot be used, for instance because another process uses it exclusively.

    Attributes:
        why: a sentence for the user.
    """

    why: str


class _NoDeviceError(Exception):
    pass


class _ParentGoneError(Exception):
    """The parent process has closed its end of the pipe."""


def serve(pipe: Connection, settings: tuple[Worker, str]) -> None:
    """Run the jobs that arrive on a pipe, one after the other, and send back their events and results.

    Args:
        pipe: the pipe to the parent process.
        settings: the settings of this process, and the path of the file to which it writes its stack frames.
    """
    worker, log = settings
    # The parent ignores SIGINT for its workers only if its main thread starts them, so this is set here too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _report_frames(log)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    outbox = _Outbox(pipe)
    try:
        for end in _results(pipe, outbox, worker):
            outbox.send(end)
    except (_ParentGoneError, EOFError):
        sys.exit(CLOSED)


class _Outbox:
    """The sending end of the pipe, which the job and the thread of heartbeats share."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def send(self, what: Any) -> None:
        """Send a message.

        Raises:
            _ParentGoneError: the pipe is closed, by the parent or by a plugin.
        """
        content = ForkingPickler.dumps(what)  # if an event cannot be pickled, the job has failed
        try:
            with self._lock:
                self._pipe.send_bytes(content)
        except OSError as error:
            raise _ParentGoneError from error


def _report_frames(log: str) -> None:
    """Write the stack frames of all threads to a file at a fatal error, and when the parent sends SIGUSR1."""
    file = open(log, "ab")  # noqa: SIM115 - open until the process ends
    os.unlink(log)
    faulthandler.enable(file)
    if hasattr(signal, "SIGUSR1"):
        faulthandler.register(signal.SIGUSR1, file)


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, from the parent or a scheduler, end the job's training with a checkpoint."""

    def stop(number: int, frame: object) -> None:
        ACTIVITY.stopping = True

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handled = [number for number in numbers if before[number] is not signal.SIG_IGN]  # as under nohup
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        if ACTIVITY.stopping:
            os._exit(STOPPED)
        for number in handled:
            signal.signal(number, before[number])


@contextmanager
def _heartbeats(outbox: _Outbox) -> Iterator[None]:
    """Send a heartbeat now, and let a thread send one whenever the job has made progress."""
    ended = threading.Event()
    outbox.send(Heartbeat())
    thread = threading.Thread(target=_beat, args=(outbox, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _beat(outbox: _Outbox, ended: threading.Event) -> None:
    seen = ACTIVITY.steps
    with suppress(_ParentGoneError):
        while not ended.wait(BEAT):
            if ACTIVITY.steps != seen:
                seen = ACTIVITY.steps
                outbox.send(Heartbeat())


def _results(pipe: Connection, outbox: _Outbox, worker: Worker) -> Iterator[Done | NoDevice]:
    """Yield the result of each job; its events are sent while it runs."""
    prepare = cache(partial(_prepare, worker))  # an exception is not cached, so the next job tries again
    unusable = False
    while not unusable:
        job: Job = pipe.recv()
        try:
            error = _run(job, worker, prepare, pipe, outbox)
        except _NoDeviceError as no_device:
            yield NoDevice(str(no_device))
            return
        unusable = worker.device.startswith("cuda") and _unusable(worker.device)
        yield Done(error, unusable)


def _run(job: Job, worker: Worker, prepare: Callable[[], Any], pipe: Connection, outbox: _Outbox) -> str | None:
    """Run a job and send its events; return its error for the user, None if it succeeded."""
    try:
        registry = prepare()
        with _stopping_on_signals(), _heartbeats(outbox):
            for event in job.run(worker, registry):
                outbox.send(event)
                if isinstance(event, Run):
                    _wait_until_stored(pipe)
    except (_ParentGoneError, _NoDeviceError):
        raise
    except GrokbenchError as sentence:
        return str(sentence)
    except BaseException:  # a plugin may call sys.exit, or raise KeyboardInterrupt
        return traceback.format_exc()
    return None


def _wait_until_stored(pipe: Connection) -> None:
    """Wait until the parent has stored a run. Before that, every checkpoint must contain the run's replica."""
    try:
        pipe.recv()
    except (EOFError, OSError) as error:
        raise _ParentGoneError from error


def _unusable(device: str) -> bool:
    """Return whether this process can no longer use its device.

    An illegal memory access breaks the CUDA context, and torch never frees the memory of a failed graph capture.
    """
    import torch

    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return True
    graphs = sys.modules.get("grokbench.engine.cuda_graphs")  # if the module was never imported, nothing was captured
    return bool(graphs and graphs.GraphCapture.broken)


def _end_with_parent() -> None:
    """Wait until the parent ends, then end this process; otherwise the job would continue until its next message."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare(worker: Worker) -> Any:
    """Set up torch for this worker, and load the plugins."""
    import torch

    from grokbench.plugins import load_registry

    torch.set_num_threads(1)
    # Gradients of a memorised network fall below 1e-38, and a CPU computes many times slower with denormal numbers.
    torch.set_flush_denormal(True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if worker.device.startswith("cuda"):
        _take_device(worker)
    return load_registry(worker.plugins)


def _take_device(worker: Worker) -> None:
    """Initialise a CUDA device; if workers share the device, limit this process to its part of the memory."""
    import torch

    try:
        torch.cuda.set_device(worker.device)
        torch.zeros(1, device=worker.device)
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0]
        raise _NoDeviceError(f"{worker.device} cannot be used: {first}; see `grokbench doctor`") from error
    if worker.sharing > 1:  # otherwise the memory for a group would depend on the other workers
        torch.cuda.set_per_process_memory_fraction(worker.memory_fraction, worker.device)
