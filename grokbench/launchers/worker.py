"""The life of a worker process: jobs in, events out, until nobody listens or its device is of no use any more."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing.connection import Connection
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.jobs import Job, Worker

__all__ = ["Done", "Unfit", "serve"]


@dataclass(frozen=True)
class Done:
    """The end of a job, with its traceback if it failed."""

    error: str | None = None
    last: bool = False  # of this process


@dataclass(frozen=True)
class Unfit:
    """There is no device to work on, as where another process has it to itself."""

    why: str


class _NoDeviceError(Exception):
    pass


class _NobodyListensError(Exception):
    """The parent is gone."""


def serve(pipe: Connection, worker: Worker) -> None:
    """Do the jobs that come, one after the other, and say what comes of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not born deaf
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(_NobodyListensError, EOFError):
        for end in _ends(pipe, worker):
            _tell(pipe, end)


def _ends(pipe: Connection, worker: Worker) -> Iterator[Done | Unfit]:
    """How each job ends; what it yields is told on the way."""
    prepare = cache(partial(_prepare, worker))  # one that failed is tried again
    spent = False
    while not spent:
        job: Job = pipe.recv()
        try:
            error = _error(job, worker, prepare, pipe)
        except _NoDeviceError as no_device:
            yield Unfit(str(no_device))
            return
        spent = worker.device.startswith("cuda") and _spent(worker.device)
        yield Done(error, spent)


def _error(job: Job, worker: Worker, prepare: Callable[[], Any], pipe: Connection) -> str | None:
    """Do a job and tell what it yields; what went wrong, for the user."""
    try:
        for event in job.run(worker, prepare()):
            _tell(pipe, event)
    except (_NobodyListensError, _NoDeviceError):
        raise
    except GrokbenchError as sentence:
        return str(sentence)
    except Exception:
        return traceback.format_exc()
    return None


def _tell(pipe: Connection, what: Any) -> None:
    try:
        pipe.send(what)
    except (BrokenPipeError, ConnectionError) as error:
        raise _NobodyListensError from error


def _spent(device: str) -> bool:
    """Whether this process should do no more on its device.

    An illegal access to memory ends all computing there, and torch does not give back what a broken recording held.
    """
    import torch

    from grokbench.cuda_graphs import CudaGraphs

    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return True
    return CudaGraphs.broken


def _end_with_parent() -> None:
    """End this process when its parent has ended, however that came: a long computation would hear of it late."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _prepare(worker: Worker) -> Any:
    """Torch as this worker should have it, and the plugins."""
    import torch

    from grokbench.plugins import load_registry

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # a memorised cell's gradients fade below 1e-38, where a CPU is many times slower
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if worker.device.startswith("cuda"):
        _take_device(worker)
    return load_registry(worker.plugins)


def _take_device(worker: Worker) -> None:
    """Begin with a CUDA device, and with a part of its memory where others share it."""
    import torch

    from grokbench.memory import SPARE

    try:
        torch.cuda.set_device(worker.device)
        torch.zeros(1, device=worker.device)
    except RuntimeError as error:
        first = (str(error).splitlines() or [""])[0]
        raise _NoDeviceError(f"{worker.device} cannot be used: {first}; see `grokbench doctor`") from error
    if worker.sharing > 1:  # so that what a group may hold depends on no other
        torch.cuda.set_per_process_memory_fraction((1.0 - SPARE) / worker.sharing, worker.device)
