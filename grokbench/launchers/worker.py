"""The life of a worker process: jobs in, events out, until nobody listens or its device is of no use any more."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.work import Job, Worker

__all__ = ["Done", "Unfit", "serve"]


@dataclass(frozen=True)
class Done:
    """The end of a job, with its traceback if it failed."""

    error: str | None = None
    last: bool = False  # of this process: its device would fail every other job


@dataclass(frozen=True)
class Unfit:
    """There is no device to work on, as where another process has it to itself."""

    why: str


class _NoDeviceError(Exception):
    pass


def serve(pipe: Connection, worker: Worker) -> None:
    """Do the jobs that come, one after the other, and say what comes of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it was not born deaf
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        for end in _ends(pipe, worker):
            pipe.send(end)
    except (EOFError, BrokenPipeError, ConnectionError):
        return  # the parent is gone


def _ends(pipe: Connection, worker: Worker) -> Iterator[Done | Unfit]:
    """How each job ends; what it yields is sent on the way."""
    registry, device_works = None, True
    while device_works:
        job: Job = pipe.recv()
        try:
            registry = registry or _prepare(worker)
            for event in job.run(worker, registry):
                pipe.send(event)
            yield Done()
        except (BrokenPipeError, ConnectionError):
            return
        except _NoDeviceError as error:
            device_works = False
            yield Unfit(str(error))
        except GrokbenchError as error:
            yield Done(str(error))  # a sentence for the user
        except Exception:
            device_works = _works(worker.device)
            yield Done(traceback.format_exc(), last=not device_works)


def _works(device: str) -> bool:
    """Whether a device still computes: an illegal access to its memory, say, ends that for the whole process."""
    if not device.startswith("cuda"):
        return True
    import torch

    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return False
    return True


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
