"""The paths in a results folder; no other module knows them.

    DIR/manifest.json                           the planned contents, and the format of all files in the folder
    DIR/ledger.jsonl                            what was declared and when it was judged; one event per line
    DIR/runs/<identity>/<seed>.json             a replica in two lines of JSON: the run without its curves, the curves
    DIR/timings/<identity>.json                 seconds per epoch of a cell
    DIR/weights/<identity>/<seed>.<epoch>.safetensors
                                                the weights of a replica after this epoch
    DIR/superseded/<identity>/<seed>.<n>.json   earlier runs of a replica that was trained again; n = 1 is the oldest
    DIR/superseded/<identity>/<seed>.<n>.<epoch>.safetensors
                                                their weights
    DIR/checkpoints/<identity>/<group>.npz      the state of a group in training; deleted when the group is done
    DIR/checkpoints/<identity>/uncompiled.txt   why compiled code failed in the cell, which then trains without it
    DIR/inbox/                                  what jobs of a scheduler have finished, in the same layout, see `inbox`
    DIR/activity.json                           the run that works on the folder: its jobs, and where they are
    DIR/notices.jsonl                           notices about jobs, such as that one starts again; one per line
    DIR/.lock                                   held by the process that writes

A folder may also be packed into a few files, see `packs`.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import StoreError

__all__ = ["FOLDERS", "NAME", "UNCOMPILED", "WRITTEN", "Layout"]

FOLDERS = ("runs", "timings", "superseded", "checkpoints", "weights")
FILES = (".lock", "manifest.json", "ledger.jsonl", "activity.json", "notices.jsonl", "inbox")
WRITTEN = (*FILES, *FOLDERS)  # all files that a run writes
UNCOMPILED = "uncompiled.txt"  # beside the checkpoints of a cell whose compiled code failed: why it failed
NAME = re.compile(r"[\w-][\w.-]*")  # valid names of files


@dataclass(frozen=True)
class Layout:
    """The paths in a results folder. StoreError is raised if a name in a manifest would lead out of the folder.

    Attributes:
        directory: the folder.
    """

    directory: Path

    @property
    def manifest(self) -> Path:
        """The manifest, whose existence makes the folder a results folder."""
        return self.directory / "manifest.json"

    @property
    def ledger(self) -> Path:
        """The file of declarations and looks."""
        return self.directory / "ledger.jsonl"

    @property
    def activity(self) -> Path:
        """The record of the run that works on the folder."""
        return self.directory / "activity.json"

    @property
    def notices(self) -> Path:
        """The file of notices about jobs."""
        return self.directory / "notices.jsonl"

    @property
    def inbox(self) -> Path:
        """The folder of what jobs of a scheduler have finished."""
        return self.directory / "inbox"

    def run(self, identity: str, seed: int) -> Path:
        """Return the file of a replica."""
        return self._path("runs", identity, f"{seed}.json")

    def replicas(self) -> Iterator[tuple[str, str]]:
        """Yield the identity and the seed in the name of every file of a replica."""
        return ((path.parent.name, path.stem) for path in self.directory.glob("runs/*/*.json"))

    def seeds_of(self, identity: str) -> set[str]:
        """Return the seeds in the names of the files of a cell's replicas, listing the folder only once."""
        try:
            return {name.removesuffix(".json") for name in os.listdir(self._path("runs", identity))}
        except OSError:
            return set()

    def timing(self, identity: str) -> Path:
        """Return the file of a cell's seconds."""
        return self._path("timings", f"{identity}.json")

    def weights(self, identity: str, seed: int, epoch: int) -> Path:
        """Return the file of a replica's weights."""
        return self._path("weights", identity, f"{seed}.{epoch}.safetensors")

    def all_weights(self, identity: str, seed: int) -> list[Path]:
        """List all files of a replica's weights, whichever of its runs wrote them."""
        return sorted(self._path("weights", identity).glob(f"{seed}.*.safetensors"))

    def superseded(self, identity: str, seed: int) -> Path:
        """Return the next file for a superseded run of a replica."""
        folder = self._path("superseded", identity)
        numbers = [path.name.split(".")[1] for path in folder.glob(f"{seed}.*.json")]
        latest = max((int(number) for number in numbers if number.isdecimal()), default=0)
        return folder / f"{seed}.{latest + 1}.json"

    def checkpoints(self, identity: str) -> Path:
        """Return the folder with the checkpoints of a cell's groups."""
        return self._path("checkpoints", identity)

    def checkpoints_of_cells(self) -> list[Path]:
        """List the existing folders of checkpoints: one for each cell, then their parent folder."""
        return [*self.directory.glob("checkpoints/*/"), *self.directory.glob("checkpoints/")]

    def name(self, path: Path) -> str:
        """Format a path in the folder for people."""
        return path.relative_to(self.directory).as_posix()

    def _path(self, *names: str) -> Path:
        if strange := [name for name in names if not NAME.fullmatch(name)]:
            raise StoreError(
                f"{strange[0]!r} cannot name a file in {self.directory}: expected letters, digits, '.', '-' and '_'."
            )
        return self.directory.joinpath(*names)
