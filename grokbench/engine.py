"""A cell's replicas, trained together on a device until each has its outcome.

The engine's rooms: `groups` stacks replicas, `epochs` maps one replica's pure step over them, `pace` goes from one
evaluation to the next (as CUDA graphs where there is CUDA), `checkpoints` keeps where a group stood.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from grokbench.checkpoints import Shelf, Standing
from grokbench.epochs import batches, evaluate, measure, train_epoch
from grokbench.groups import DTYPES, Group, group_size, ladder, shrink, start, synchronize, take, weigh
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
    "start",
    "synchronize",
    "train",
    "train_epoch",
    "weigh",
]

REVISION = 2  # raise it when the numbers of any replica change


@dataclass
class _Race:
    """The replicas of a group that are still in training."""

    group: Group
    books: dict[int, Logbook]  # row in the group -> logbook
    epoch: int  # completed
    prepare_seconds: float


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
        done, pending = _consult(cell, step, race, way)
        known = {**(provenance or {}), **({"pace": way.note} if way.note else {})}
        facts = {"prepare_seconds": race.prepare_seconds, "group": tuple(seeds), "provenance": known}
        yield from (race.books.pop(row).run(cell.identity, **facts) for row in done)
        yield Progress(cell, tuple(seeds), race.epoch, len(race.books))
        if race.books:
            pending = _drop_done(race, pending)
            following = min((race.epoch // cell.evaluate_every + 1) * cell.evaluate_every, cell.budget)
            race.group = way.advance(race.group, race.epoch, following, pending)
            race.epoch = following
    if shelf:
        shelf.clear()


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


def _consult(cell: Cell, step: Step, race: _Race, way: Pace) -> tuple[list[int], Any]:
    """Evaluate, enter the values, return the rows that are done; those are measured completely."""
    epoch, books = race.epoch, race.books
    due = [label for label in step.metrics if step.due(label, epoch, cell.evaluate_every)]
    table, pending, known = way.evaluate(race.group, due, epoch)
    values = [dict(zip(due, row, strict=False)) for row in table]
    done = [row for row, book in books.items() if book.judge(epoch, values[row], bool(table[row][-1]))]
    others = [label for label in step.metrics if label not in due]
    rest = measure(step, race.group, others, epoch, known).tolist() if done and others else []
    for row, book in books.items():
        book.record(epoch, values[row] | (dict(zip(others, rest[row], strict=False)) if rest and row in done else {}))
    return done, pending


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
