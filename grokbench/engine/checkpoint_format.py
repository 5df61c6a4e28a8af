"""The bytes of a checkpoint: an npz file without pickles. Every part of it is checked before it is used.

`head.json` holds everything but the contents of the tensors; `t0.npy`, `t1.npy`, ... are the tensors. A file with
compressed parts is refused, because a small file could then expand to any size.
"""

import io
import math
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
import torch
from pydantic import Field
from pydantic_core import to_json
from torch import Tensor

from grokbench.engine.crossings import CrossingsMonitor
from grokbench.io import json_lines
from grokbench.io.files import file_size
from grokbench.records.bounds import Count, Epoch, Seconds, Seeds

__all__ = ["UNREADABLE", "Head", "Monitored", "dump", "load"]

FORMAT = 5
HEAD = "head.json"
LONGEST_HEAD = 2**28  # most bytes of `head.json`, which holds the curves of a group so far
# Errors of zipfile for damaged archives, of pydantic for wrong data (ValueError), of torch and numpy for wrong tensors.
UNREADABLE = (
    *(OSError, EOFError, ValueError, KeyError, ArithmeticError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, struct.error),
)
UTF8 = 0x800  # the only flag that a part may have
DTYPES = {
    name: getattr(torch, name)
    for name in "float16 float32 float64 complex64 complex128 bool uint8 int8 int16 int32 int64".split()
}


@dataclass(frozen=True)
class Monitored:
    """The fields of a `StoppingMonitor` that evaluations change.

    Attributes:
        epochs: completed epochs at the last evaluation.
        grokked_at: the epoch at which the criterion first held.
        memorised_at: the first epoch of a high train accuracy.
        held: the number of latest evaluations at which the criterion held.
        curves: metric label -> epochs and values.
        weights: epoch -> sha256 of the file.
        crossings: the crossings of the criterion so far.
    """

    epochs: Epoch
    grokked_at: Epoch | None
    memorised_at: Epoch | None
    held: Count
    curves: dict[str, tuple[list[Epoch], list[float]]]
    weights: dict[Epoch, str]
    crossings: CrossingsMonitor

    def check(self, epoch: int) -> None:
        """Raise ValueError if an epoch is after the checkpoint's, a curve does not ascend, or a crossing is invalid."""
        crossings = self.crossings
        names = ("first", "lasting", "below_at", "not_finite_at", "lost_at", "strict")
        known = [self.epochs, self.grokked_at, self.memorised_at, *(getattr(crossings, name) for name in names)]
        known += [*self.weights, *(crossed for crossed, *_ in crossings.candidates)]
        if any(at is not None and not 0 <= at <= epoch for at in known):
            raise ValueError(f"an epoch after {epoch}, that of the checkpoint")
        crossings.result()  # raises ValueError for contradictions
        for crossed, count, below in crossings.candidates:
            if not 0 <= below <= count or crossed < (crossings.first or 0):
                raise ValueError(f"a crossing at {crossed}, {below} of {count} evaluations below the criterion")
        for epochs, values in self.curves.values():
            ascending = all(one < other for one, other in pairwise([*epochs, epoch]))
            if len(epochs) != len(values) or not ascending:
                raise ValueError("a curve whose epochs do not ascend to that of the checkpoint")


@dataclass(frozen=True)
class Layout:
    """The layout of a tensor.

    Attributes:
        dtype: the name of its type, a key of DTYPES.
        shape: the sizes of its dimensions.
        strides: its strides; the rounding of matrix products depends on them.
    """

    dtype: str
    shape: Annotated[tuple[Count, ...], Field(max_length=64)]
    strides: Annotated[tuple[Count, ...], Field(max_length=64)]

    def __post_init__(self) -> None:
        """Refuse strides that leave gaps or overlap: the tensor would take more or less memory than its data."""
        if self.dtype not in DTYPES or len(self.shape) != len(self.strides):
            raise ValueError(f"{self.dtype} of shape {self.shape}, strides {self.strides}")
        dense = 1
        for stride, size in sorted(zip(self.strides, self.shape, strict=True)) if self.numel else ():
            if size > 1 and stride != dense:
                raise ValueError(f"shape {self.shape} with strides {self.strides}")
            dense *= size

    @property
    def numel(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """The number of bytes of the elements."""
        itemsize: int = DTYPES[self.dtype].itemsize
        return self.numel * itemsize


@dataclass(frozen=True)
class Head:
    """The contents of a checkpoint except the elements of its tensors; for the fields of a checkpoint see `Checkpoint`.

    Attributes:
        seeds: the seed of each row.
        monitors: row -> its monitor.
        epoch: completed epochs.
        prepare_seconds: the seconds of `prepare` of each replica.
        data: data set -> digest.
        facts: JSON data on which the numbers depend.
        layouts: the layouts of the tensors, in order.
        format: the version of the file.
    """

    seeds: Annotated[Seeds, Field(min_length=2)]
    monitors: dict[Count, Monitored]
    epoch: Epoch
    prepare_seconds: Seconds
    data: dict[str, str]
    facts: dict[str, Any]
    layouts: tuple[Layout, ...]
    format: Literal[5]

    def check(self) -> None:
        """Raise ValueError if the parts contradict each other."""
        if any(row >= len(self.seeds) for row in self.monitors):
            raise ValueError(f"a monitor of a row beyond the {len(self.seeds)} seeds")
        for monitor in self.monitors.values():
            monitor.check(self.epoch)


def dump(head: Mapping[str, Any], tensors: Sequence[Tensor]) -> bytes:
    """Write a checkpoint.

    Args:
        head: the fields of `Head` except `layouts`.
        tensors: on any device.
    """
    file = io.BytesIO()
    layouts = [_layout(tensor) for tensor in tensors]
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(HEAD, to_json({**head, "layouts": layouts, "format": FORMAT}, inf_nan_mode="constants"))
        for i, (tensor, layout) in enumerate(zip(tensors, layouts, strict=True)):
            with archive.open(_name(i), "w", force_zip64=True) as part:
                part.write(_npy_header(layout))
                part.write(tensor.detach().cpu().contiguous().numpy().data)
    return file.getvalue()


def load(file: BinaryIO, matches: Callable[[Head], bool]) -> tuple[Head, list[Tensor]] | None:
    """Read a checkpoint.

    Args:
        file: the open file, at its beginning. The memory that is used is bounded by its size.
        matches: returns True if a checkpoint with this head can be used.

    Returns:
        The head and the tensors; None if the head does not match, in which case the tensors are not read.

    Raises:
        ValueError, or another error of UNREADABLE: the file is damaged, or another version wrote it.
    """
    with zipfile.ZipFile(file) as archive:
        parts = {part.filename: part for part in archive.infolist()}
        if any(map(_is_odd, parts.values())) or sum(part.file_size for part in parts.values()) > file_size(file):
            raise ValueError("a part that is compressed, or longer than the file")
        if parts[HEAD].file_size > LONGEST_HEAD:
            raise ValueError("its head is longer than any")
        head: Head = json_lines.parse(Head, archive.read(parts[HEAD]))
        head.check()
        if not matches(head):
            return None
        tensors = [_tensor(archive.read(parts[_name(i)]), layout) for i, layout in enumerate(head.layouts)]
    return head, tensors


def _is_odd(part: zipfile.ZipInfo) -> bool:
    stored = part.compress_type == zipfile.ZIP_STORED and part.compress_size == part.file_size
    return not stored or bool(part.flag_bits & ~UTF8)


def _name(i: int) -> str:
    return f"t{i}.npy"


def _layout(tensor: Tensor) -> Layout:
    strides = torch.empty_like(tensor, device="meta").stride()
    return Layout(str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape), strides)


def _npy_header(layout: Layout) -> bytes:
    """Return the header that numpy writes for such an array; the file's header is compared with it, not parsed."""
    file, descr = io.BytesIO(), np.dtype(layout.dtype).str
    about = {"descr": descr, "fortran_order": False, "shape": layout.shape}
    np.lib.format.write_array_header_1_0(file, about)
    return file.getvalue()


def _tensor(content: bytes, layout: Layout) -> Tensor:
    header = _npy_header(layout)
    if not content.startswith(header) or len(content) != len(header) + layout.size:
        raise ValueError("an array of another shape or type than its head says")
    tensor = torch.empty_strided(layout.shape, layout.strides, dtype=DTYPES[layout.dtype])
    if layout.numel:
        elements = np.frombuffer(content, np.dtype(layout.dtype), offset=len(header))
        tensor.copy_(torch.from_numpy(elements.copy()).reshape(layout.shape))
    return tensor
