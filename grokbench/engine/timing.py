"""Seconds per epoch of one replica trained alone, on a single thread of the CPU or on a CUDA device.

The cells of a task are timed in turns in one process, so that a drift of the machine's speed affects all of them.
Evaluations are excluded; what a method itself computes during training is included.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from grokbench import engine
from grokbench.engine.arithmetic import flop_per_epoch
from grokbench.engine.executors import make_executor
from grokbench.records import Cell, Timing
from grokbench.step import Step

__all__ = ["ROUNDS", "measure"]

ROUNDS = 7  # a timing is the median of its rounds, and their spread is its uncertainty
LEAST_SECONDS = 0.05  # of training per round: short epochs are repeated
SEED = 0  # of the timed replica; speed does not depend on it


def measure(cells: Sequence[Cell], steps: Sequence[Step], device: str, dtype: torch.dtype) -> Iterator[Timing]:
    """Time the cells of a task in turns, in its full computation (`Task.full`).

    Args:
        cells: of the task.
        steps: of each cell.
        device: "cpu", or a CUDA device such as "cuda:0".
        dtype: of parameters, data and states.

    Yields:
        The timing of each cell, except those that cannot be trained.
    """
    replicas = [_warm_replica(_in_full(step), device, dtype) for step in steps]
    ready = {cell.identity: replica for cell, replica in zip(cells, replicas, strict=True) if replica}
    rounds = [[replica.seconds_per_epoch() for replica in ready.values()] for _ in range(ROUNDS)]
    for identity, seconds in zip(ready, zip(*rounds, strict=True), strict=True):
        yield Timing(identity, seconds, flop_per_epoch=ready[identity].operations())


def _in_full(step: Step) -> Step:
    return replace(step, task=step.task.full) if step.task.full else step


def _warm_replica(step: Step, device: str, dtype: torch.dtype) -> "_TimedReplica | None":
    """Return a warmed-up replica; None where the method fails, as its training failed and was reported."""
    try:
        return _TimedReplica(step, device, dtype)
    except Exception:
        return None


class _TimedReplica:
    """A replica whose epochs are timed."""

    def __init__(self, step: Step, device: str, dtype: torch.dtype) -> None:
        self.step, self.device, self.epoch = step, device, 0
        self.group, _ = engine.start(step, [SEED], device, dtype)
        self.executor = make_executor(step, device)
        self._train(1)  # warm-up: first calls choose kernels and fill caches
        self.repeats = max(1, round(LEAST_SECONDS / self._train(1)))

    def seconds_per_epoch(self) -> float:
        """Train for one round and return the mean seconds of its epochs."""
        return self._train(self.repeats) / self.repeats

    def operations(self) -> int | None:
        """Count the operations of an epoch, which overwrites the replica; None where they cannot be counted.

        The counter looks at every operation, so this comes after the rounds.
        """
        try:
            return flop_per_epoch(self.step, self.group, self.epoch)
        except Exception:  # an operation of a plugin that torch's counter cannot follow
            return None

    def _train(self, epochs: int) -> float:
        """Train for some epochs and return their seconds."""
        began = time.perf_counter()
        until = self.epoch + epochs
        self.group, self.epoch = self.executor.advance(self.group, self.epoch, until, None), until
        engine.synchronize(self.device)
        return time.perf_counter() - began
