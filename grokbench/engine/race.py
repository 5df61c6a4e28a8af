"""The race of a group: its replicas train from evaluation to evaluation, each until it has its outcome."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from grokbench.conditions import parse_condition
from grokbench.engine.checkpoints import Shelf, Standing
from grokbench.engine.epochs import Pending, measure
from grokbench.engine.groups import Group, ladder, shrink, start, take
from grokbench.engine.logbook import Logbook
from grokbench.engine.pace import Pace
from grokbench.records import Cell
from grokbench.step import Step

__all__ = ["Look", "Race"]

KEPT_BYTES = 2**30  # for parameters that were evaluated and are still to be measured by metrics with a cadence


@dataclass(frozen=True)
class Look:
    """An evaluation, which the device may not have computed yet."""

    epoch: int
    due: tuple[str, ...]  # labels
    others: tuple[str, ...]  # that have a cadence of their own; a replica that is done is measured by them too
    table: Tensor  # (replicas, due + 1), see `measure`
    known: Mapping[str, Tensor]
    group: Group  # as it was

    def kept(self) -> "Look":
        """The same for when training has overwritten the group: what reading it takes."""
        params = {name: p.clone() for name, p in self.group.params.items()} if self.others else {}
        return replace(self, group=replace(self.group, params=params, optimizer=(), states=()))


@dataclass
class Race:
    """The replicas of a group that are still in training."""

    cell: Cell
    step: Step
    way: Pace
    group: Group
    books: dict[int, Logbook]  # row in the group -> logbook
    epoch: int  # completed
    prepare_seconds: float
    pending: Pending | None = None  # what the last evaluation left for the next step

    @classmethod
    def begin(
        cls,
        cell: Cell,
        step: Step,
        way: Pace,
        seeds: Sequence[int],
        device: str,
        dtype: torch.dtype,
        shelf: Shelf | None,
    ) -> "Race":
        """Where the group stood, if that is known; else all seeds before any update."""
        if shelf and (standing := shelf.standing()):
            group, _ = start(step, standing.seeds, device, dtype)
            books = {row: _logbook(cell, standing.seeds[row], **facts) for row, facts in standing.books.items()}
            if restored := standing.restore(group):
                return cls(cell, step, way, restored, books, standing.epoch, standing.prepare_seconds)
        padded = seeds if len(seeds) > 1 else [*seeds, *seeds]
        group, prepare_seconds = start(step, padded, device, dtype)
        books = {row: _logbook(cell, seed) for row, seed in enumerate(seeds)}
        return cls(cell, step, way, group, books, 0, prepare_seconds)

    def standing(self) -> Standing:
        """Where the group stands, for a checkpoint."""
        return Standing.of(self.group, self.books, self.epoch, self.prepare_seconds)

    def watch(self) -> list[Look]:
        """Evaluate; where the device may go on before that is read, train on and evaluate again, so many times."""
        looks = [self._look()]
        for _ in range(self._in_a_row() - 1):
            if self.epoch < self.cell.budget:
                looks[-1] = looks[-1].kept()
                self.advance()
                looks.append(self._look())
        return looks

    def consult(self, look: Look) -> Iterator[Logbook]:
        """Read an evaluation and enter its values; give the books that are done, with every metric, and lay them by."""
        epoch, table, books = look.epoch, look.table.tolist(), self.books
        values = [dict(zip(look.due, row, strict=False)) for row in table]
        done = [row for row, book in books.items() if book.judge(epoch, values[row], bool(table[row][-1]))]
        rest = measure(self.step, look.group, look.others, epoch, look.known).tolist() if done and look.others else []
        for row, book in books.items():
            last = dict(zip(look.others, rest[row], strict=False)) if rest and row in done else {}
            book.record(epoch, values[row] | last)
        yield from (books.pop(row) for row in done)

    def drop_done(self) -> None:
        """Drop replicas that are done where a smaller size of the ladder holds the others."""
        rungs = ladder(len(self.group.seeds), self.group.keys.device.type)
        size = min(size for size in rungs if size >= len(self.books))
        if size < len(self.group.seeds):
            spare = [row for row in range(len(self.group.seeds)) if row not in self.books]
            rows = [*self.books, *spare][:size]
            self.group = shrink(self.group, rows)
            self.books = {row: self.books[old] for row, old in enumerate(rows) if old in self.books}
            self.pending = take(self.pending, rows) if self.pending else None

    def advance(self) -> None:
        """Train to the next evaluation."""
        every, pending, self.pending = self.cell.evaluate_every, self.pending, None
        following = min((self.epoch // every + 1) * every, self.cell.budget)
        self.group = self.way.advance(self.group, self.epoch, following, pending)
        self.epoch = following

    def _look(self) -> Look:
        metrics, every = self.step.metrics, self.cell.evaluate_every
        due = tuple(label for label in metrics if self.step.due(label, self.epoch, every))
        others = tuple(label for label in metrics if label not in due)
        table, self.pending, known = self.way.evaluate(self.group, due, self.epoch)
        return Look(self.epoch, due, others, table, known, self.group)

    def _in_a_row(self) -> int:
        """Evaluations to make before they are read; the parameters of each may have to be kept till then."""
        size = sum(p.numel() * p.element_size() for p in self.group.params.values())
        steps = self.step.task.steps * self.cell.evaluate_every
        return min(self.way.steps_ahead // steps, KEPT_BYTES // size)


def _logbook(cell: Cell, seed: int, **so_far: Any) -> Logbook:
    recipe = cell.recipe
    conditions = {label: parse_condition(text) for label, text in recipe["grokked"].items()}
    return Logbook(seed, conditions, recipe["stop"], cell.budget, **so_far)
