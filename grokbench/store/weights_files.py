"""The files of kept weights. They are written before the file of their run, which records their digests."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.events import KeptWeights
from grokbench.io import atomic
from grokbench.io.files import open_file, read_bytes
from grokbench.records import Cell, Run
from grokbench.store.layout import Layout

__all__ = ["WeightsFiles"]

CHUNK = 2**20  # bytes that are hashed at once
LARGEST = 2**31  # most bytes of a file that is read, enough for 500 million float32 parameters
AGAIN = "put back a good copy, or delete the file and run the suite again to make it anew."


@dataclass(frozen=True)
class WeightsFiles:
    """The kept weights in a results folder.

    Attributes:
        layout: the paths in the folder.
    """

    layout: Layout

    def save(self, weights: KeptWeights) -> None:
        """Store the weights of a replica whose run is saved later.

        Raises:
            StoreError: the folder cannot be written.
        """
        path = self.layout.weights(weights.identity, weights.seed, weights.epoch)
        atomic.write(path, weights.content, self.layout.directory)

    def read(self, run: Run, epoch: int) -> bytes:
        """Read the file of the weights that a run kept at an epoch.

        Raises:
            StoreError: the file cannot be read, is a link or not an ordinary file, or does not have the digest that the
                run records.
        """
        path = self.layout.weights(run.identity, run.seed, epoch)
        try:
            content = read_bytes(path, LARGEST)
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror}): {AGAIN}") from error
        except ValueError as error:
            raise StoreError(f"{path} is not read, because {error}: {AGAIN}") from error
        if hashlib.sha256(content).hexdigest() != run.weights.get(epoch):
            raise StoreError(f"{path} is damaged, or does not belong to the stored run: {AGAIN}")
        return content

    def there(self, run: Run, cell: Cell) -> bool:
        """Return whether a run has all files of weights that the cell requests."""
        epochs = cell.weights.of(run.epochs)
        return all(self.layout.weights(run.identity, run.seed, epoch).is_file() for epoch in epochs)

    def intact(self, runs: Iterable[Run]) -> tuple[dict[str, Path], int]:
        """Compare the files of the given runs with the runs' digests.

        Returns:
            Two values. The first is path in the folder -> file, for each file that has the digest that its run records.
            The second is the number of other files: links, and files that are damaged or belong to other runs.
        """
        there = dict(self._there(runs))
        own = {self.layout.name(path): path for path, sha256 in there.items() if _digest(path) == sha256}
        return own, len(there) - len(own)

    def megabytes(self, runs: Iterable[Run]) -> float:
        """Compute the total size of the given runs' files, in MB of 2^20 bytes."""
        return sum(path.stat().st_size for path, _ in self._there(runs)) / 2**20

    def _there(self, runs: Iterable[Run]) -> Iterator[tuple[Path, str]]:
        """Yield every existing file of the given runs, links included, with the digest that it should have."""
        for run in runs:
            for epoch, sha256 in run.weights.items():
                path = self.layout.weights(run.identity, run.seed, epoch)
                if path.is_file():
                    yield path, sha256

    def drop_others(self, run: Run) -> None:
        """Delete the weights of earlier runs of the same replica."""
        own = {self.layout.weights(run.identity, run.seed, epoch) for epoch in run.weights}
        for file in self.layout.all_weights(run.identity, run.seed):
            if file not in own:
                atomic.remove(file, self.layout.directory)

    def supersede(self, identity: str, seed: int, run_file: Path) -> None:
        """Move the weights of a replica next to the file that its run will be moved to."""
        for file in self.layout.all_weights(identity, seed):
            moved = run_file.with_name(f"{run_file.stem}{file.name.removeprefix(str(seed))}")
            atomic.move(file, moved, self.layout.directory)


def _digest(path: Path) -> str | None:
    """Return the sha256 of a file; None if it is a link or cannot be read."""
    try:
        with open_file(path) as file:
            found = hashlib.sha256()
            for part in iter(lambda: file.read(CHUNK), b""):
                found.update(part)
            return found.hexdigest()
    except (OSError, ValueError):
        return None
