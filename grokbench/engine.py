"""A cell's replicas, trained together on a device until each has its outcome.

The engine's rooms: `groups` stacks replicas, `epochs` maps one replica's pure step over them, `pace` goes from one
evaluation to the next (`capture`: as CUDA graphs where there is CUDA), `checkpoints` keeps where a group stood.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from grokbench.capacity import group_size, measured, weigh
from grokbench.checkpoints import Shelf, Standing
from grokbench.epochs import Pending, batches, evaluate, measure, train_epoch
from grokbench.groups import DTYPES, Group, ladder, shrink, start, synchronize, take
from grokbench.logbook import Logbook, parse_condition
from grokbench.memory import exhausted, release
from grokbench.pace import Pace, pace
from grokbench.records import Cell, Progress, Run
from grokbench.step import Step

__all__ = [
    "DTYPES",
    "REVISION",
    "Group",
    "batches",
    "evaluate",
    "group_size",
    "ladder",
    "measure",
    "measured",
    "start",
    "synchronize",
    "train",
    "train_epoch",
    "weigh",
]

KEPT_BYTES = 2**30  # for parameters that were evaluated and are still to be measured by metrics with a cadence
REVISION = 2  # raise it when the numbers of any replica change


@dataclass
class _Race:
    """The replicas of a group that are still in training."""

    group: Group
    books: dict[int, Logbook]  # row in the group -> logbook
    epoch: int  # completed
    prepare_seconds: float


@dataclass(frozen=True)
class _Look:
    """An evaluation, which the device may not have computed yet."""

    epoch: int
    due: tuple[str, ...]  # labels
    others: tuple[str, ...]  # that have a cadence of their own; a replica that is done is measured by them too
    table: Tensor  # (replicas, due + 1), see `measure`
    pending: Pending | None
    known: Mapping[str, Tensor]
    group: Group  # as it was

    def kept(self) -> "_Look":
        """The same for when training has overwritten the group: what reading it takes."""
        params = {name: p.clone() for name, p in self.group.params.items()} if self.others else {}
        return replace(self, pending=None, group=replace(self.group, params=params, optimizer=(), states=()))


def train(
    cell: Cell,
    step: Step,
    seeds: Sequence[int],
    device: str,
    dtype: torch.dtype,
    provenance: Mapping[str, Any] | None = None,
    shelf_of: Callable[[Sequence[int]], Shelf] | None = None,
) -> Iterator[Run | Progress]:
    """Train a group of seeds; yield each replica's run as soon as it is done, and the progress at every evaluation.

    With a shelf a group that was interrupted goes on where it stood, and its curves are what they would have been.
    Where memory runs out, its replicas that are not done are trained again in halves, as their `group` then says; a
    pair that does not fit raises what torch raised.
    """
    left, shelf = list(seeds), shelf_of(seeds) if shelf_of else None
    try:
        for event in _train_together(cell, step, seeds, device, dtype, provenance, shelf):
            left = [seed for seed in left if not isinstance(event, Run) or seed != event.seed]
            yield event
        return
    except Exception as error:
        if len(left) <= 2 or not exhausted(error):
            raise
    if shelf:
        shelf.clear()
    release(device)  # not amid the exception, which holds on to the tensors
    for half in (left[: len(left) // 2], left[len(left) // 2 :]):
        yield from train(cell, step, half, device, dtype, provenance, shelf_of)


def _train_together(
    cell: Cell,
    step: Step,
    seeds: Sequence[int],
    device: str,
    dtype: torch.dtype,
    provenance: Mapping[str, Any] | None,
    shelf: Shelf | None,
) -> Iterator[Run | Progress]:
    race, way = _begin(cell, step, seeds, device, dtype, shelf), pace(step, device)
    while race.books:
        if shelf:
            shelf.offer(lambda: Standing.of(race.group, race.books, race.epoch, race.prepare_seconds))
        looks = _watch(cell, step, race, way)
        for look in looks:
            done = _consult(step, race, look)
            known = {**(provenance or {}), **({"pace": way.note} if way.note else {})}
            facts = {"prepare_seconds": race.prepare_seconds, "group": tuple(seeds), "provenance": known}
            yield from (race.books.pop(row).run(cell.identity, **facts) for row in done)
            yield Progress(cell, tuple(seeds), look.epoch, len(race.books))
            if not race.books:
                break
        if race.books:
            _advance(cell, race, way, _drop_done(race, looks[-1].pending))
    if shelf:
        shelf.clear()


def _watch(cell: Cell, step: Step, race: _Race, way: Pace) -> list[_Look]:
    """Evaluate; where the device may go on before that is read, train on and evaluate again, so many times."""
    looks = [_look(cell, step, race, way)]
    for _ in range(_in_a_row(cell, step, race, way) - 1):
        if race.epoch < cell.budget:
            pending, looks[-1] = looks[-1].pending, looks[-1].kept()
            _advance(cell, race, way, pending)
            looks.append(_look(cell, step, race, way))
    return looks


def _in_a_row(cell: Cell, step: Step, race: _Race, way: Pace) -> int:
    """Evaluations to make before they are read; the parameters of each may have to be kept till then."""
    size = sum(p.numel() * p.element_size() for p in race.group.params.values())
    return min(way.steps_ahead // (step.task.steps * cell.evaluate_every), KEPT_BYTES // size)


def _look(cell: Cell, step: Step, race: _Race, way: Pace) -> _Look:
    due = tuple(label for label in step.metrics if step.due(label, race.epoch, cell.evaluate_every))
    others = tuple(label for label in step.metrics if label not in due)
    table, pending, known = way.evaluate(race.group, due, race.epoch)
    return _Look(race.epoch, due, others, table, pending, known, race.group)


def _advance(cell: Cell, race: _Race, way: Pace, pending: Pending | None) -> None:
    """Train to the next evaluation."""
    following = min((race.epoch // cell.evaluate_every + 1) * cell.evaluate_every, cell.budget)
    race.group = way.advance(race.group, race.epoch, following, pending)
    race.epoch = following


def _begin(cell: Cell, step: Step, seeds: Sequence[int], device: str, dtype: torch.dtype, shelf: Shelf | None) -> _Race:
    """Where the group stood, if that is known; else all seeds before any update."""
    if shelf and (standing := shelf.standing()):
        group, _ = start(step, standing.seeds, device, dtype)
        books = {row: _logbook(cell, standing.seeds[row], **facts) for row, facts in standing.books.items()}
        if restored := standing.restore(group):
            return _Race(restored, books, standing.epoch, standing.prepare_seconds)
    padded = seeds if len(seeds) > 1 else [*seeds, *seeds]
    group, prepare_seconds = start(step, padded, device, dtype)
    return _Race(group, {row: _logbook(cell, seed) for row, seed in enumerate(seeds)}, 0, prepare_seconds)


def _logbook(cell: Cell, seed: int, **so_far: Any) -> Logbook:
    recipe = cell.recipe
    conditions = {label: parse_condition(text) for label, text in recipe["grokked"].items()}
    return Logbook(seed, conditions, recipe["stop"], cell.budget, **so_far)


def _consult(step: Step, race: _Race, look: _Look) -> list[int]:
    """Read an evaluation, enter its values, return the rows that are done; those are measured completely."""
    epoch, table, books = look.epoch, look.table.tolist(), race.books
    values = [dict(zip(look.due, row, strict=False)) for row in table]
    done = [row for row, book in books.items() if book.judge(epoch, values[row], bool(table[row][-1]))]
    rest = measure(step, look.group, look.others, epoch, look.known).tolist() if done and look.others else []
    for row, book in books.items():
        last = dict(zip(look.others, rest[row], strict=False)) if rest and row in done else {}
        book.record(epoch, values[row] | last)
    return done


def _drop_done(race: _Race, pending: Any) -> Any:
    """Drop replicas that are done where a smaller size of the ladder holds the others; the pending step of those."""
    rungs = ladder(len(race.group.seeds), race.group.keys.device.type)
    size = min(size for size in rungs if size >= len(race.books))
    if size == len(race.group.seeds):
        return pending
    spare = [row for row in range(len(race.group.seeds)) if row not in race.books]
    rows = [*race.books, *spare][:size]
    race.group = shrink(race.group, rows)
    race.books = {row: race.books[old] for row, old in enumerate(rows) if old in race.books}
    return take(pending, rows) if pending else None
