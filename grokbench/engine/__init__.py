"""A cell's replicas, trained together on a device until each has its outcome.

The engine's rooms: `groups` stacks replicas, `draws` cuts their batches, `epochs` maps one replica's pure step over
them, `pace` goes from one evaluation to the next (`capture`: as CUDA graphs where there is CUDA), `race` keeps the
books of those in training, `logbook` the lines of one, `checkpoints` where a group stood; `capacity` knows how many
train together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from grokbench.engine.capacity import group_size, tried, weigh
from grokbench.engine.checkpoints import Shelf
from grokbench.engine.draws import batches
from grokbench.engine.epochs import evaluate, instant_axes, measure, train_epoch
from grokbench.engine.groups import DTYPES, Group, start, synchronize
from grokbench.engine.pace import pace_of
from grokbench.engine.race import Race
from grokbench.events import Progress
from grokbench.memory import exhausted, release
from grokbench.records import Cell, Run
from grokbench.step import Step

__all__ = [
    "DTYPES",
    "REVISION",
    "Group",
    "batches",
    "evaluate",
    "group_size",
    "instant_axes",
    "measure",
    "start",
    "synchronize",
    "train",
    "train_epoch",
    "tried",
    "weigh",
]

REVISION = 2  # raise it when the numbers of any replica change


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
    way = pace_of(step, device)
    race = Race.begin(cell, step, way, seeds, device, dtype, shelf)
    while race.books:
        if shelf:
            shelf.offer(race.standing)
        for look in race.watch():
            known = {**(provenance or {}), **({"pace": way.note} if way.note else {})}
            facts = {"prepare_seconds": race.prepare_seconds, "group": tuple(seeds), "provenance": known}
            yield from (book.run(cell.identity, **facts) for book in race.consult(look))
            yield Progress(cell, tuple(seeds), look.epoch, len(race.books))
            if not race.books:
                break
        if race.books:
            del look  # which holds on to the group as it was
            race.drop_done()
            race.advance()
    if shelf:
        shelf.clear()
