"""Where a group stood inside its training, on disk: one that was interrupted goes on there, bit for bit.

A checkpoint is an npz file without pickles: every tensor that training moves, and a head in JSON. Data, keys and batch
orders are made again from the seeds. One of another program, machine or plugin is left aside, and so is one that knows
nothing of a replica that is wanted: the group is then trained from its beginning.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench import durable
from grokbench.engine.groups import MOVING, Group
from grokbench.engine.logbook import Logbook
from grokbench.errors import StoreError

__all__ = ["Shelf", "Standing"]

FORMAT = 1
BOOK = ("epochs", "grokked_at", "memorised_at", "held", "curves")  # what evaluations have written into a logbook


@dataclass(frozen=True)
class Standing:
    """A group between two epochs."""

    seeds: tuple[int, ...]  # of each row
    books: Mapping[int, Mapping[str, Any]]  # row -> what its logbook holds, for replicas still in training
    epoch: int  # completed
    prepare_seconds: float
    tensors: Sequence[Tensor]  # the leaves of what training moves

    @classmethod
    def of(cls, group: Group, books: Mapping[int, Logbook], epoch: int, prepare_seconds: float) -> "Standing":
        """Where a group stands now."""
        written = {row: {name: getattr(book, name) for name in BOOK} for row, book in books.items()}
        return cls(group.seeds, written, epoch, prepare_seconds, _leaves(group))

    def restore(self, group: Group) -> Group | None:
        """A group of these seeds before any update, moved to where this one stood; None if it has another shape."""
        moving = {name: getattr(group, name) for name in MOVING}
        leaves, shape = pytree.tree_flatten(moving)
        if [(leaf.shape, leaf.dtype) for leaf in leaves] != [(t.shape, t.dtype) for t in self.tensors]:
            return None
        there = [tensor.to(leaf.device) for tensor, leaf in zip(self.tensors, leaves, strict=True)]
        return replace(group, **pytree.tree_unflatten(there, shape))


@dataclass
class Shelf:
    """The place of one group's checkpoint.

    `facts` are what the numbers depend on beside the cell's identity and the seeds: a checkpoint with others is not
    used. `wanted` are the seeds whose runs are not stored yet.
    """

    path: Path
    facts: Mapping[str, Any]
    wanted: frozenset[int]
    seconds: float  # between two checkpoints

    @classmethod
    def of(
        cls, folder: Path, seeds: Sequence[int], facts: Mapping[str, Any], wanted: frozenset[int], seconds: float
    ) -> "Shelf":
        """The shelf of a group of those seeds in its cell's folder."""
        name = sha256(",".join(map(str, seeds)).encode()).hexdigest()[:16]
        return cls(folder / f"{name}.npz", facts, wanted, seconds)

    def __post_init__(self) -> None:
        """The first checkpoint is due after `seconds`, not at once."""
        self._kept = time.monotonic()

    def offer(self, standing: Callable[[], Standing]) -> None:
        """Keep where the group stands, if the last checkpoint is old enough; a full disk is no reason to stop."""
        if time.monotonic() - self._kept >= self.seconds:
            try:
                durable.write(self.path, _bytes(standing(), self.facts))
            except StoreError:
                pass  # the runs themselves will say so
            self._kept = time.monotonic()

    def standing(self) -> Standing | None:
        """Where the group stood; None where nothing (usable) is kept."""
        try:
            found = _read(self.path.read_bytes(), self.facts)
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None
        known = {found.seeds[row] for row in found.books} if found else set()
        return found if found and known >= self.wanted else None

    def clear(self) -> None:
        """The group is done."""
        self.path.unlink(missing_ok=True)


def _leaves(group: Group) -> list[Tensor]:
    return pytree.tree_leaves({name: getattr(group, name) for name in MOVING})


def _bytes(standing: Standing, facts: Mapping[str, Any]) -> bytes:
    strides = [torch.empty_like(tensor, device="meta").stride() for tensor in standing.tensors]
    head = {"format": FORMAT, "facts": facts, "strides": strides}
    head |= {name: getattr(standing, name) for name in ("seeds", "books", "epoch", "prepare_seconds")}
    file = io.BytesIO()
    arrays = {f"t{i}": tensor.detach().cpu().contiguous().numpy() for i, tensor in enumerate(standing.tensors)}
    np.savez(file, allow_pickle=False, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    return file.getvalue()


def _read(content: bytes, facts: Mapping[str, Any]) -> Standing | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        head = json.loads(file["head"].tobytes())
        if head["format"] != FORMAT or head["facts"] != json.loads(json.dumps(facts)):
            return None
        tensors = [_laid_out(file[f"t{i}"], strides) for i, strides in enumerate(head["strides"])]
    books = {int(row): _book(written) for row, written in head["books"].items()}
    return Standing(tuple(head["seeds"]), books, head["epoch"], head["prepare_seconds"], tensors)


def _book(written: dict[str, Any]) -> dict[str, Any]:
    return written | {"curves": {label: (epochs, values) for label, (epochs, values) in written["curves"].items()}}


def _laid_out(array: np.ndarray[Any, Any], strides: Sequence[int]) -> Tensor:
    """The tensor with the memory layout it had: products of matrices round by it."""
    contiguous = torch.from_numpy(array)
    tensor = torch.empty_strided(contiguous.shape, tuple(strides), dtype=contiguous.dtype)
    return tensor.copy_(contiguous)
