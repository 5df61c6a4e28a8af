"""A worker process: jobs in, events out, until the parent is gone or the device cannot be used any more."""

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
    """The end of a job, with its traceback if it failed."""

    error: str | None = None
    last: bool = False  # of this process


@dataclass(frozen=True)
class NoDevice:
    """The worker's device cannot be used, for instance because another process holds it exclusively."""

    why: str


class _NoDeviceError(Exception):
    pass


class _ParentGoneError(Exception):
    """The parent is gone."""


def serve(pipe: Connection, worker: Worker) -> None:
    """Run the jobs that arrive on a pipe, one after the other, and send their events and results back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was spawned from another thread than the main one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(_ParentGoneError, EOFError):
        for end in _results(pipe, worker):
            _send(pipe, end)


def _results(pipe: Connection, worker: Worker) -> Iterator[Done | NoDevice]:
    """Yield the result of each job; its events are sent on the way."""
    prepare = cache(partial(_prepare, worker))  # not cached where it fails, so that the next job tries again
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
    """Run a job and send its events; return its error for the user, if there is one."""
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
    """Whether this process should run nothing more on its device.

    An illegal access to memory ends all computing there, and torch does not give back what a broken capture held.
    """
    import torch

    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return True
    graphs = sys.modules.get("grokbench.engine.cuda_graphs")  # without it, nothing was captured
    return bool(graphs and graphs.CudaGraphs.broken)


def _end_with_parent() -> None:
    """End this process when its parent ends for whatever reason: a long computation would notice it late."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare(worker: Worker) -> Any:
    """Set up torch for this worker, and load the plugins."""
    import torch

    from grokbench.plugins import load_registry

    torch.set_num_threads(1)
    torch.set_flush_denormal(
        True
    )  # gradients of a memorised network fall below 1e-38, where a CPU is many times slower
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if worker.device.startswith("cuda"):
        _take_device(worker)
    return load_registry(worker.plugins)


def _take_device(worker: Worker) -> None:
    """Initialise a CUDA device, limited to a share of its memory where other workers use it too."""
    import torch

    try:
        torch.cuda.set_device(worker.device)
        torch.zeros(1, device=worker.device)
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0]
        raise _NoDeviceError(f"{worker.device} cannot be used: {first}; see `grokbench doctor`") from error
    if worker.sharing > 1:  # so that the memory of a group does not depend on other workers
        torch.cuda.set_per_process_memory_fraction(worker.memory_fraction, worker.device)
