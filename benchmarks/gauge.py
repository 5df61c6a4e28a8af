"""The peak rates of the machine with all workers busy: float32 matrix products, and memory bandwidth.

Operations: C = A B of square float32 matrices, 2 n^3 each. Bytes: c = a + b of long float32 vectors, two reads and one
write, 12 per element; the reads that precede writes in a processor's cache are not counted. Every worker, a
single-threaded process for each core or one process on a CUDA device, repeats both, and the rates are summed.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import grouped
from grokbench.events import Event
from grokbench.launchers.interface import Measurement, Stage, Worker
from grokbench.launchers.local.pool import launch
from grokbench.records import Cell

__all__ = ["RateProbe", "Rates", "rates"]


@dataclass(frozen=True)
class Rates:
    """Rates of a machine.

    Attributes:
        operations: floating-point operations per second.
        bytes: bytes per second.
    """

    operations: float
    bytes: float


@dataclass(frozen=True)
class RateProbe(Measurement):
    """A job that measures the rates of a worker.

    Attributes:
        rows: the rows of the square matrices.
        elements: the length of the vectors.
        seconds: the duration of each of the two measurements.
        cells: none.
    """

    rows: int
    elements: int
    seconds: float = 0.5

    cells: tuple[Cell, ...] = ()

    def run(self, worker: Worker, registry: Any) -> Iterator[Any]:
        """Yield the rates of this worker."""
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
        """Raise RuntimeError."""
        raise RuntimeError(f"the machine's speed could not be measured: {error}")


SIZES = {"cpu": RateProbe(2048, 2**25), "cuda": RateProbe(8192, 2**28)}  # the vectors are larger than any cache


def rates(device: str, rate_probe: RateProbe | None = None) -> Generator[Rates]:
    """Yield the summed rates of all workers, measured anew for each; closing the iterator ends the processes."""
    workers, found = grouped.cores(device), []
    share = rate_probe or SIZES[device.split(":")[0]]
    stages = iter(lambda: Stage([share] * workers, workers), None)
    event: Any
    for _, event in launch(stages, [Worker(device, "float32", (), {})] * workers):
        found.append(event)
        if len(found) == workers:
            yield Rates(sum(each.operations for each in found), sum(each.bytes for each in found))
            found = []
