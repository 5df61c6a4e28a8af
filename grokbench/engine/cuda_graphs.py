"""Functions captured as CUDA graphs: a replay launches all their kernels at once."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, ClassVar

import torch

__all__ = ["WARM_UPS", "Capture", "GraphCapture", "Replay", "first_cause"]

WARM_UPS = 2  # calls of a function before its capture, so that libraries choose kernels and allocate workspaces

Replay = Callable[[], None]  # launches the kernels of a captured function
Capture = Callable[[Callable[[], None]], Replay]  # a function without arguments -> its replay


def first_cause(error: BaseException) -> str:
    """Return the first line of the error that broke a capture, which is followed by further errors."""
    while error.__context__ and not error.__suppress_context__:
        error = error.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class GraphCapture:
    """An object that captures functions on a CUDA device as graphs that share a memory pool.

    Between two replays only the tensors that are still referenced keep their values; the next replay may overwrite the
    rest of the pool. The memory is freed with the last graph, and the pool cannot be used again after that.

    Attributes:
        broken: True if a capture of this process failed; torch may then never free its memory.
    """

    broken: ClassVar[bool] = False

    def __init__(self, device: str) -> None:
        """Create a memory pool for graphs on a CUDA device."""
        self.device, self._pool = device, torch.cuda.graph_pool_handle()

    def __call__(self, function: Callable[[], None]) -> Replay:
        """Call a function WARM_UPS times, capture it and return its replay.

        A graph holds only the addresses of its tensors. The replay therefore keeps a reference to the function, and so
        keeps the tensors alive.

        Raises:
            Exception: the function's error, or torch's error if an operation cannot be captured.
        """
        with torch.cuda.device(self.device):
            self._warm_up(function)
            graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
            try:
                with torch.cuda.graph(graph, pool=self._pool, stream=_stream(self.device)):
                    function()
            except BaseException:
                self._abandon()
                raise
            finally:
                torch.cuda.set_stream(current)  # after a failed capture torch leaves its capturing stream current
        return partial(_replay, graph, self.device, function)

    def _warm_up(self, function: Callable[[], None]) -> None:
        """Call the function WARM_UPS times on a side stream, as torch requires."""
        stream = _stream(self.device)
        stream.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    function()
        finally:  # also after an exception: the buffers are restored on the current stream
            torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()

    def _abandon(self) -> None:
        """Stop torch before 2.12 from allocating from the pool of a broken capture.

        Since 2.12, torch stops by itself and raises an exception here, which is ignored.
        """
        GraphCapture.broken = True
        with suppress(Exception):
            torch._C._cuda_endAllocateToPool(torch.cuda.current_device(), self._pool)
        self._pool = torch.cuda.graph_pool_handle()


@cache
def _stream(device: str) -> Any:
    """Return the only capturing stream of a device: libraries keep a workspace for every stream they have used."""
    return torch.cuda.Stream(device)


def _replay(graph: Any, device: str, function: Callable[[], None]) -> None:
    del function
    with torch.cuda.device(device):
        graph.replay()
