"""What the machine can do, on all its workers at the same time: float32 matrix products, and numbers moved.

Operations: C = A B of square float32 matrices, 2 n^3 each. Bytes: c = a + b of long float32 vectors, two read and one
written, 12 per element; what a processor reads before it writes is not counted. Every worker, one single-threaded
process per core or one process on a CUDA device, repeats each for a while, and the rates are summed.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import grouped
from grokbench.events import Event
from grokbench.launchers.jobs import Stage, Worker
from grokbench.launchers.local.pool import launch
from grokbench.records import Cell

__all__ = ["Gauging", "Rates", "rates"]


@dataclass(frozen=True)
class Rates:
    """What is done in a second."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Gauging:
    """A worker's share: how large, and for how many seconds each of the two."""

    rows: int  # of the square matrices
    elements: int  # of the vectors
    seconds: float = 0.5

    cells: tuple[Cell, ...] = ()

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Yield the rates."""
        del registry
        import torch

        generator = torch.Generator(worker.device).manual_seed(0)
        A, B = (torch.randn(self.rows, self.rows, generator=generator, device=worker.device) for _ in range(2))
        a, b = (torch.randn(self.elements, generator=generator, device=worker.device) for _ in range(2))
        C, c = torch.empty_like(A), torch.empty_like(a)
        products = self._per_second(worker.device, lambda: torch.mm(A, B, out=C))
        sums = self._per_second(worker.device, lambda: torch.add(a, b, out=c))
        yield Rates(2 * self.rows**3 * products, 3 * a.element_size() * self.elements * sums)

    def _per_second(self, device: str, once: Callable[[], Any]) -> float:
        from grokbench.engine import synchronize

        once()
        synchronize(device)
        began, calls = time.perf_counter(), 0
        while calls == 0 or time.perf_counter() - began < self.seconds:
            once()
            synchronize(device)
            calls += 1
        return calls / (time.perf_counter() - began)

    def failed(self, error: str) -> Iterator[Event]:
        """Nothing can be compared with an unknown machine."""
        raise RuntimeError(f"the machine's speed could not be measured: {error}")


SIZES = {"cpu": Gauging(2048, 2**25), "cuda": Gauging(8192, 2**28)}  # the vectors outgrow every cache


def rates(device: str, gauging: Gauging | None = None) -> Generator[Rates]:
    """Of all workers together, measured anew whenever asked; closing the iterator ends the processes."""
    workers, found = grouped.cores(device), []
    share = gauging or SIZES[device.split(":")[0]]
    stages = iter(lambda: Stage([share] * workers, workers), None)
    event: Any
    for _, event in launch(stages, [Worker(device, "float32", (), {})] * workers):
        found.append(event)
        if len(found) == workers:
            yield Rates(sum(each.operations for each in found), sum(each.bytes for each in found))
            found = []
