"""Functions recorded as CUDA graphs: a replay launches all their kernels at once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

__all__ = ["WARM_UPS", "CudaGraphs", "Play", "Record", "first_cause"]

WARM_UPS = 2  # times that something runs before it is recorded: libraries choose kernels and take their workspaces

Play = Callable[[], None]
Record = Callable[[Play], Play]  # what is to be recorded -> what replays it


def first_cause(error: BaseException) -> str:
    """What broke a recording: a capture that is broken off complains too, of what came before."""
    while error.__context__:
        error = error.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class CudaGraphs:
    """Records functions on a CUDA device, each after it has run WARM_UPS times.

    The recordings share their memory: between two replays nothing lives in it but what is still referred to, and what
    plays next overwrites the rest. It goes with the last of them, and cannot be used again then.
    """

    def __init__(self, device: str) -> None:
        """Nothing is recorded yet."""
        self.device, self._pool = device, torch.cuda.graph_pool_handle()

    def __call__(self, play: Play) -> Play:
        """What replays a function; raises what the function raises, or torch where something cannot be recorded."""
        with torch.cuda.device(self.device):
            self._warm_up(play)
            graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
            try:
                with torch.cuda.graph(graph, pool=self._pool):
                    play()
            except BaseException:
                self._pool = torch.cuda.graph_pool_handle()  # torch may go on recording to the pool of a broken capture
                raise
            finally:
                torch.cuda.set_stream(current)  # and leaves its capturing stream current
        return partial(_replay, graph, self.device)

    @staticmethod
    def _warm_up(play: Play) -> None:
        """On a stream of its own, as torch asks for."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                play()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()


def _replay(graph: Any, device: str) -> None:
    with torch.cuda.device(device):
        graph.replay()
