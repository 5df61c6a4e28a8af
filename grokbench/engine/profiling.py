"""A profile of a cell's training: the seconds of each phase."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from grokbench import engine
from grokbench.engine.clock import PHASES
from grokbench.engine.epochs import train_epoch
from grokbench.engine.evaluation import measure
from grokbench.engine.gradients import look_ahead
from grokbench.events import Profile
from grokbench.records import Cell
from grokbench.step import Step

__all__ = ["profile"]

LEAST_SECONDS = 2.0  # minimum seconds of training per cell
EVALUATION, REST = "evaluation", "rest"  # rest: the engine's own work between phases


def profile(cell: Cell, step: Step, seeds: Sequence[int], device: str, dtype: torch.dtype) -> Profile:
    """Train a group eagerly for LEAST_SECONDS and measure its phases.

    The device is synchronised before and after every phase, so on CUDA the times are those of eager training, not of a
    captured epoch.

    Args:
        cell: the cell of the replicas.
        step: the cell's step.
        seeds: the seeds of the group.
        device: "cpu", or a CUDA device such as "cuda:0".
        dtype: the dtype of parameters, data and states.

    Returns:
        The seconds of each phase per epoch and replica.
    """
    group, _ = engine.start(step, seeds if len(seeds) > 1 else [*seeds, *seeds], device, dtype)
    replicas, clock = len(group.seeds), _PhaseClock(device)
    group = train_epoch(step, group, 0)
    _evaluate(step, group, 0, {})  # warm-up: not timed
    began, epochs = clock.now(), 0
    while epochs == 0 or clock.now() - began < LEAST_SECONDS:
        epochs += 1
        group = train_epoch(step, group, epochs, None, clock.phase)
    rest = clock.now() - began - sum(clock.seconds.values())
    seconds = {phase: value / epochs / replicas for phase, value in (clock.seconds | {REST: rest}).items()}
    _, known = look_ahead(step, group, epochs)  # not timed: with full batches, the look-ahead is part of the next step
    with clock.phase(EVALUATION):
        _evaluate(step, group, epochs, known)
    return Profile(cell, replicas, seconds | {EVALUATION: clock.seconds[EVALUATION] / cell.evaluate_every / replicas})


def _evaluate(step: Step, group: engine.Group, epoch: int, known: Mapping[str, Tensor]) -> None:
    measure(step, group, list(step.metrics), epoch, known).tolist()


class _PhaseClock:
    """A clock that adds up the seconds of each phase."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.seconds = dict.fromkeys(PHASES, 0.0)

    def now(self) -> float:
        """Return the time, in seconds, once the device has finished its work."""
        engine.synchronize(self.device)
        return time.perf_counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the seconds of a block to a phase."""
        began = self.now()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self.now() - began
