"""Event files for TensorBoard (https://www.tensorflow.org/tensorboard), written by its package, without TensorFlow.

Each replica has its own folder, which is written when the replica is done. The name of the file in it contains a digest
of the replica's numbers. An unchanged log is therefore not written again, and the log of a retrained replica replaces
the earlier one: a replica has only one log, even after interruptions.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from grokbench import Cell, Observer, Outcome, Planned, Run, hookimpl

NAME = "events.out.tfevents.grokbench."  # TensorBoard reads files with `tfevents` in their names
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,=+\[\]-]{0,79}")  # valid on every file system and in TensorBoard's URLs
HASHED = re.compile(r"-[0-9a-f]{8}")


def tensorboard(folder: str = "") -> Observer:
    """Write a log of every replica for TensorBoard: `tensorboard --logdir runs/quick` shows them.

    Logs go to `<results>/tensorboard/<task>/<label>/<seed>`, or to `<folder>/<task>/<label>/<seed>`. A log holds every
    metric over epochs, and `grokked_at` and `memorised_at` if they exist. HPARAMS shows the task, the method, the seed
    and the parameters; TEXT shows how the replica ended. Characters of a label that file names cannot have are written
    as `_`, with a hash that keeps such labels distinct.

    Args:
        folder: the folder of the logs; empty means `tensorboard` in the results folder.
    """
    import tensorboard.summary.writer.record_writer  # noqa: F401 - an import error must come before training

    log = Log(folder)
    return Observer(begin=log.begin, stored=log.write, finished=log.write)


@dataclass
class Log:
    """A folder of event files.

    Attributes:
        folder: the parameter `folder` of `tensorboard`; empty means `tensorboard` in the results folder.
        root: the folder that the logs are written to; `begin` sets it.
    """

    folder: str
    root: Path = field(default_factory=Path)

    def begin(self, planned: Planned) -> None:
        """Set `root`: the chosen folder, or `tensorboard` in the results folder."""
        self.root = Path(self.folder) if self.folder else planned.folder / "tensorboard"

    def write(self, run: Run, cell: Cell) -> None:
        """Write the log of a replica and replace its earlier log; an unchanged log is not written again."""
        folder = self.root / safe(cell.task) / safe(cell.regularizer) / str(run.seed)
        file = folder / f"{NAME}{digest(run)}"
        self.refuse_links(folder / ".part")
        if file.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob(f"{NAME}*"):
            earlier.unlink()
        with (folder / ".part").open("wb") as part:
            part.write(content(run, cell))
            part.flush()
            os.fsync(part.fileno())
        (folder / ".part").replace(file)

    def refuse_links(self, file: Path) -> None:
        """Raise OSError if a file would be written through a link, because a link may lead out of the folder.

        Args:
            file: a path below `root`. A chosen `root` may be a link itself.
        """
        named = self.root if self.folder else self.root.parent
        for place in (file, *file.parents):
            if named in place.parents and place.is_symlink():
                raise OSError(f"{place} is a link: delete it, or choose a folder with the parameter `folder`")


def safe(label: str) -> str:
    """Return a distinct folder name for a label: the label if it is valid, otherwise a cleaned label with a hash."""
    if SAFE.fullmatch(label) and not HASHED.search(label[-9:]) and not label.endswith("."):
        return label
    plain = re.sub(r"[^A-Za-z0-9_,=+\[\]-]", "_", label)[:60]
    return f"{plain}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def digest(run: Run) -> str:
    """Return a digest of a replica's numbers."""
    numbers = run.identity, run.outcome, run.epochs, run.grokked_at, run.memorised_at, run.error, dict(run.curves)
    return hashlib.sha256(repr(numbers).encode(errors="replace")).hexdigest()[:16]


def content(run: Run, cell: Cell) -> bytes:
    """Return the bytes of a replica's event file."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    file, now = BytesIO(), time.time()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
    for step, summary in summaries(run, cell):
        writer.write(Event(wall_time=now, step=step, summary=summary).SerializeToString())
    return file.getvalue()


def summaries(run: Run, cell: Cell) -> Iterator[tuple[int, Any]]:
    """Yield TensorBoard's `Summary` messages, each with its step in epochs."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    yield 0, hparams_pb(hparams(run, cell))
    for epoch, values in by_epoch(run):
        yield epoch, Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
    for tag in ("grokked_at", "memorised_at"):
        if (epoch := getattr(run, tag)) is not None:
            yield epoch, Summary(value=[Summary.Value(tag=tag, simple_value=epoch)])
    yield run.epochs, text("outcome", ending(run))


def by_epoch(run: Run) -> list[tuple[int, dict[str, float]]]:
    """Group the curves by epoch: (epoch, metric label -> value), in order."""
    found: dict[int, dict[str, float]] = {}
    for label, curve in run.curves.items():
        for epoch, value in zip(curve.epochs, curve.values, strict=True):
            found.setdefault(epoch, {})[label] = value
    return sorted(found.items())


def hparams(run: Run, cell: Cell) -> dict[str, Any]:
    """Return the labels, the seed, and every parameter as `plugin.parameter`."""
    found: dict[str, Any] = {"task": cell.task, "method": cell.regularizer, "seed": run.seed}
    for use in (cell.recipe.task, *cell.recipe.regularizers):
        for name, value in use.parameters.items():
            found[f"{use.name}.{name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return found


def ending(run: Run) -> str:
    """Describe the outcome of a replica in Markdown; a failed one has its traceback as code."""
    if run.outcome is Outcome.FAILED:
        return "failed\n\n" + "\n".join(f"    {line}" for line in (run.error or "").splitlines())
    return f"{run.outcome}, after {run.epochs} epochs"


def text(tag: str, words: str) -> Any:
    """Return the `Summary` of a text, which TensorBoard shows under TEXT."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    value = TensorProto(dtype=DT_STRING, string_val=[words.encode(errors="replace")])
    return Summary(value=[Summary.Value(tag=tag, metadata=create_summary_metadata(tag, ""), tensor=value)])


@hookimpl
def grokbench_observers():
    yield tensorboard
