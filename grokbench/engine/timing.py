"""Seconds per epoch of one replica trained alone, measured apart, on a single thread of the CPU or a CUDA device.

The cells of a task take turns in one process, so that a drift of the machine's speed reaches them all. Evaluation is
excluded; whatever the method itself reads from training is inside.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from grokbench import engine
from grokbench.engine.executors import make_executor
from grokbench.records import Cell, Timing
from grokbench.step import Step

__all__ = ["ROUNDS", "measure"]

ROUNDS = 7  # the median of the rounds is the figure, their spread its uncertainty
LEAST_SECONDS = 0.05  # of training per round: short epochs are repeated
SEED = 0  # speed does not depend on the seed; what this one does is not kept


def measure(cells: Sequence[Cell], steps: Sequence[Step], device: str, dtype: torch.dtype) -> Iterator[Timing]:
    """The timings of a task's cells, in its full computation; those that cannot be trained are left out."""
    repeats = [_ready(_in_full(step), device, dtype) for step in steps]
    ready = {cell.identity: repeat for cell, repeat in zip(cells, repeats, strict=True) if repeat}
    rounds = [[repeat.seconds_per_epoch() for repeat in ready.values()] for _ in range(ROUNDS)]
    for identity, seconds in zip(ready, zip(*rounds, strict=True), strict=True):
        yield Timing(identity, seconds)


def _in_full(step: Step) -> Step:
    return replace(step, task=step.task.full) if step.task.full else step


def _ready(step: Step, device: str, dtype: torch.dtype) -> "_Repeat | None":
    """A warm replica, or None where the method fails: its replicas failed too, and were reported with tracebacks."""
    try:
        return _Repeat(step, device, dtype)
    except Exception:
        return None


class _Repeat:
    """One replica that goes on training, epoch after epoch."""

    def __init__(self, step: Step, device: str, dtype: torch.dtype) -> None:
        self.device, self.epoch = device, 0
        self.group, _ = engine.start(step, [SEED], device, dtype)
        self.pace = make_executor(step, device)
        self._clock(1)  # warm-up: first calls choose kernels and fill caches
        self.repeats = max(1, round(LEAST_SECONDS / self._clock(1)))

    def seconds_per_epoch(self) -> float:
        """The mean of one round."""
        return self._clock(self.repeats) / self.repeats

    def _clock(self, epochs: int) -> float:
        began = time.perf_counter()
        until = self.epoch + epochs
        self.group, self.epoch = self.pace.advance(self.group, self.epoch, until, None), until
        engine.synchronize(self.device)
        return time.perf_counter() - began
