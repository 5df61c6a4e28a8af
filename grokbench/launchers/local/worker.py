"""The loop of a worker process: run the jobs that it receives until its parent ends or its device fails."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.launchers.jobs import Job, Worker

__all__ = ["Done", "NoDevice", "serve"]


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
class NoDevice:
    """The message that the worker's device cannot be used, for instance because another process has exclusive use.

    Attributes:
        why: a sentence for the user.
    """

    why: str


class _NoDeviceError(Exception):
    pass


class _ParentGoneError(Exception):
    """The parent process has closed its end of the pipe."""


def serve(pipe: Connection, worker: Worker) -> None:
    """Run the jobs that arrive on a pipe, one after the other, and send back their events and results.

    Args:
        pipe: the pipe to the parent process.
        worker: the settings of this process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # not inherited from other threads than the main thread
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(_ParentGoneError, EOFError):
        for end in _results(pipe, worker):
            _send(pipe, end)


def _results(pipe: Connection, worker: Worker) -> Iterator[Done | NoDevice]:
    """Yield the result of each job; its events are sent while it runs."""
    prepare = cache(partial(_prepare, worker))  # an exception is not cached, so the next job tries again
    unusable = False
    while not unusable:
        job: Job = pipe.recv()
        try:
            error = _run(job, worker, prepare, pipe)
        except _NoDeviceError as no_device:
            yield NoDevice(str(no_device))
            return
        unusable = worker.device.startswith("cuda") and _unusable(worker.device)
        yield Done(error, unusable)


def _run(job: Job, worker: Worker, prepare: Callable[[], Any], pipe: Connection) -> str | None:
    """Run a job and send its events; return its error for the user, None if it succeeded."""
    try:
        for event in job.run(worker, prepare()):
            _send(pipe, event)
    except (_ParentGoneError, _NoDeviceError):
        raise
    except GrokbenchError as sentence:
        return str(sentence)
    except Exception:
        return traceback.format_exc()
    return None


def _send(pipe: Connection, what: Any) -> None:
    try:
        pipe.send(what)
    except (BrokenPipeError, ConnectionError) as error:
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
    graphs = sys.modules.get("grokbench.engine.cuda_graphs")  # if it was never imported, nothing was captured
    return bool(graphs and graphs.GraphCapture.broken)


def _end_with_parent() -> None:
    """Wait for the parent's end and end this process; the computation would notice it only at the next message."""
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
    if worker.sharing > 1:  # so that the memory for a group does not depend on the other workers
        torch.cuda.set_per_process_memory_fraction(worker.memory_fraction, worker.device)
