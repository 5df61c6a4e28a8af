"""Seconds per epoch of one replica trained alone, on a single thread of the CPU or on a CUDA device.

The cells of a task are timed in turns in one process, so that a drift of the machine's speed affects all of them.
Evaluations are excluded; computations of the method itself during training are included.

On a CPU the process computes on one thread. The CPU time of a round then equals its wall time, unless another process
took the core, or the method waits or starts threads. Such a round is repeated at once, for this cell only: the cells of
a round are then still close in time, and a ratio within the round cancels a drift. On CUDA nothing is checked, because
the CPU time of a host that waits for the device depends on the driver.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from grokbench import engine
from grokbench.engine.arithmetic import flop_per_epoch
from grokbench.engine.executors import make_executor
from grokbench.records import CLOCKS_AGREE, TRIES, Cell, Timing
from grokbench.step import Step

__all__ = ["ROUNDS", "measure"]

ROUNDS = 7  # a timing is the median of its rounds, and their spread is its uncertainty
LEAST_SECONDS = 0.05  # least seconds of training per round; short epochs are repeated
WARM_UP = 3  # epochs before the rounds: first calls choose kernels, record a flat graph and check it
SEED = 0  # seed of the timed replica; the speed does not depend on it


def measure(cells: Sequence[Cell], steps: Sequence[Step], device: str, dtype: torch.dtype) -> Iterator[Timing]:
    """Time the cells of a task in turns, in its full computation (`Task.full`).

    Args:
        cells: the cells of the task.
        steps: the step of each cell.
        device: "cpu", or a CUDA device such as "cuda:0".
        dtype: the dtype of parameters, data and states.

    Yields:
        The timing of each cell, except those that cannot be trained. If the clocks of a cell disagreed at TRIES tries
        of a round, its timing is refused: it has no seconds, and the cell is left out of later rounds.
    """
    replicas = [_warm_replica(_in_full(step), device, dtype) for step in steps]
    ready = {cell.identity: replica for cell, replica in zip(cells, replicas, strict=True) if replica}
    for _ in range(ROUNDS):
        for replica in ready.values():
            replica.take_turn()
    for identity, replica in ready.items():
        yield replace(replica.timing(identity), flop_per_epoch=replica.operations())


def _in_full(step: Step) -> Step:
    return replace(step, task=step.task.full) if step.task.full else step


def _warm_replica(step: Step, device: str, dtype: torch.dtype) -> "_TimedReplica | None":
    """Return a warmed-up replica; None if the method fails, because its training then failed, too, and was reported."""
    try:
        return _TimedReplica(step, device, dtype)
    except Exception:
        return None


@dataclass(frozen=True)
class _Lap:
    """Some epochs of training: their wall time, and the CPU time of the process (None on CUDA), in seconds."""

    wall: float
    cpu: float | None

    @property
    def sound(self) -> bool:
        """True if the clocks agree, or there is only one."""
        return self.cpu is None or abs(self.cpu - self.wall) <= CLOCKS_AGREE * self.wall


class _TimedReplica:
    """A replica whose epochs are timed: a lap for each round, the last of which may be refused."""

    def __init__(self, step: Step, device: str, dtype: torch.dtype) -> None:
        self.step, self.device, self.epoch = step, device, 0
        self.group, _ = engine.start(step, [SEED], device, dtype)
        self.executor = make_executor(step, device, record_after=0)
        self._train(WARM_UP)
        self.repeats = max(1, round(LEAST_SECONDS / self._train(1).wall))
        self.laps: list[_Lap] = []

    def take_turn(self) -> None:
        """Train for one round, and repeat it while its clocks disagree, up to TRIES tries in all.

        Do nothing if they disagreed at every try of an earlier round.
        """
        if self.laps and not self.laps[-1].sound:
            return
        for _ in range(TRIES):
            lap = self._train(self.repeats)
            if lap.sound:
                break
        self.laps.append(lap)

    def timing(self, identity: str) -> Timing:
        """Return the timing: the mean seconds of an epoch for each round, or the refusal."""
        last = self.laps[-1]
        if last.cpu is not None and not last.sound:
            return Timing(identity, (), refused=last.cpu / last.wall)
        cpu = [lap.cpu for lap in self.laps if lap.cpu is not None]
        wall = self._per_epoch(lap.wall for lap in self.laps)
        return Timing(identity, wall, cpu_seconds_per_epoch=self._per_epoch(cpu) if cpu else None)

    def _per_epoch(self, seconds: Iterable[float]) -> tuple[float, ...]:
        return tuple(each / self.repeats for each in seconds)

    def operations(self) -> int | None:
        """Count the operations of an epoch, which overwrites the replica; None if they cannot be counted.

        The counter inspects every operation, which takes time, so this comes after the rounds.
        """
        try:
            return flop_per_epoch(self.step, self.group, self.epoch)
        except Exception:  # an operation of a plugin that torch's counter cannot follow
            return None

    def _train(self, epochs: int) -> _Lap:
        """Train for some epochs."""
        began, cpu_began = time.perf_counter(), time.process_time()
        until = self.epoch + epochs
        self.group, self.epoch = self.executor.advance(self.group, self.epoch, until, None), until
        engine.synchronize(self.device)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu_began
        return _Lap(wall, cpu if self.device == "cpu" else None)
