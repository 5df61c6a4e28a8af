"""Seconds per epoch of one replica trained alone, measured apart, on a single thread of the CPU or a CUDA device.

The cells of a task take turns in one process, so that a drift of the machine's speed reaches them all. Evaluation is
excluded; whatever the method itself reads from training is inside.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from grokbench import engine
from grokbench.records import Cell, Timing
from grokbench.step import Step

__all__ = ["ROUNDS", "measure"]

ROUNDS = 7  # the median of the rounds is the figure, their spread its uncertainty
LEAST_SECONDS = 0.05  # of training per round: short epochs are repeated
SEED = 0  # speed does not depend on the seed; this one is never reported


def measure(
    cells: Sequence[Cell], steps: Sequence[Step], device: str, dtype: torch.dtype, provenance: Mapping[str, Any]
) -> Iterator[Timing]:
    """The timings of a task's cells."""
    epochs = [_Repeat(step, device, dtype) for step in steps]
    rounds = [[repeat.seconds_per_epoch() for repeat in epochs] for _ in range(ROUNDS)]
    for cell, seconds in zip(cells, zip(*rounds, strict=True), strict=True):
        yield Timing(cell.identity, tuple(seconds), provenance)


class _Repeat:
    """One replica that goes on training, epoch after epoch."""

    def __init__(self, step: Step, device: str, dtype: torch.dtype) -> None:
        self.step, self.device, self.epoch = step, device, 0
        self.group, _ = engine.start(step, [SEED], device, dtype)
        self._clock(self._train)  # warm-up: first calls choose kernels and fill caches
        self.repeats = max(1, round(LEAST_SECONDS / self._clock(self._train)))

    def seconds_per_epoch(self) -> float:
        """The mean of one round."""
        return self._clock(lambda: [self._train() for _ in range(self.repeats)]) / self.repeats

    def _train(self) -> None:
        self.group = engine.train_epoch(self.step, self.group, self.epoch)
        self.epoch += 1

    def _clock(self, work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - began
