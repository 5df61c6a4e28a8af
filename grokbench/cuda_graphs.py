"""Functions recorded as CUDA graphs: a replay launches all their kernels at once."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, ClassVar

import torch

__all__ = ["WARM_UPS", "CudaGraphs", "Play", "Record", "first_cause"]

WARM_UPS = 2  # times that something runs before it is recorded: libraries choose kernels and take their workspaces

Play = Callable[[], None]
Record = Callable[[Play], Play]  # what is to be recorded -> what replays it


def first_cause(error: BaseException) -> str:
    """What broke a recording: a capture that is broken off complains too, of what came before."""
    while error.__context__ and not error.__suppress_context__:
        error = error.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class CudaGraphs:
    """Records functions on a CUDA device, each after it has run WARM_UPS times.

    The recordings share their memory: between two replays nothing lives in it but what is still referred to, and what
    plays next overwrites the rest. It goes with the last of them, and cannot be used again then.
    """

    broken: ClassVar[bool] = False  # whether a recording of this process was: torch may keep its memory

    def __init__(self, device: str) -> None:
        """Nothing is recorded yet."""
        self.device, self._pool = device, torch.cuda.graph_pool_handle()

    def __call__(self, play: Play) -> Play:
        """What replays a function; raises what the function raises, or torch where something cannot be recorded.

        The replay holds on to the function, and so to the tensors it works on: a graph knows only where they are.
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
        """On another stream than usual, as torch asks for."""
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
        """End what a broken capture leaves begun: torch before 2.12 goes on allocating from its pool and frees none.

        Where torch has ended it itself it says so in an exception, which is of no interest.
        """
        CudaGraphs.broken = True
        with suppress(Exception):
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), self._pool)
        self._pool = torch.cuda.graph_pool_handle()


@cache
def _stream(device: str) -> Any:
    """One for all recordings of a device: libraries keep a workspace for every stream that they have seen."""
    return torch.cuda.Stream(device)


def _replay(graph: Any, device: str, play: Play) -> None:
    del play
    with torch.cuda.device(device):
        graph.replay()
