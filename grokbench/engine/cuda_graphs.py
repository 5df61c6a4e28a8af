"""Functions captured as CUDA graphs: a replay launches all their kernels at once."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, ClassVar

import torch

__all__ = ["WARM_UPS", "CudaGraphs", "Play", "Record", "first_cause"]

WARM_UPS = 2  # times that something runs before it is recorded: libraries choose kernels and take their workspaces

Play = Callable[[], None]
Record = Callable[[Play], Play]  # a function to capture -> a function that replays it


def first_cause(error: BaseException) -> str:
    """The message of the error that broke a capture: a broken capture raises further errors after it."""
    while error.__context__ and not error.__suppress_context__:
        error = error.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class CudaGraphs:
    """Captures functions on a CUDA device, each after it has run WARM_UPS times.

    The graphs share their memory: between two replays nothing lives in it but what is still referred to, and what
    plays next overwrites the rest. It goes with the last of them, and cannot be used again then.
    """

    broken: ClassVar[bool] = False  # whether any capture of this process broke: torch may keep its memory

    def __init__(self, device: str) -> None:
        """Make a memory pool for graphs on a CUDA device."""
        self.device, self._pool = device, torch.cuda.graph_pool_handle()

    def __call__(self, play: Play) -> Play:
        """Capture a function and return its replay.

        The replay refers to the function, and so to the tensors it works on: a graph knows only their addresses.

        Raises:
            Exception: the function's own, or torch's where an operation cannot be captured.
        """
        with torch.cuda.device(self.device):
            self._warm_up(play)
            graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
            try:
                with torch.cuda.graph(graph, pool=self._pool, stream=_stream(self.device)):
                    play()
            except BaseException:
                self._abandon()
                raise
            finally:
                torch.cuda.set_stream(current)  # torch leaves its capturing stream current where a capture breaks off
        return partial(_replay, graph, self.device, play)

    def _warm_up(self, play: Play) -> None:
        """Run the function WARM_UPS times on a side stream, as torch asks for."""
        stream = _stream(self.device)
        stream.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    play()
        finally:  # what is put back afterwards has to wait, too
            torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()

    def _abandon(self) -> None:
        """Stop allocating from the pool of a broken capture: torch before 2.12 goes on doing so, and frees nothing.

        The exception that torch raises where it has stopped by itself is dropped.
        """
        CudaGraphs.broken = True
        with suppress(Exception):
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), self._pool)
        self._pool = torch.cuda.graph_pool_handle()


@cache
def _stream(device: str) -> Any:
    """The one capturing stream of a device: libraries keep a workspace for every stream that they have seen."""
    return torch.cuda.Stream(device)


def _replay(graph: Any, device: str, play: Play) -> None:
    del play
    with torch.cuda.device(device):
        graph.replay()
