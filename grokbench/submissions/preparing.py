"""The folder that a pull request adds, with a text that is made from its data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import json_lines
from grokbench.io.files import read_bytes
from grokbench.store import Store
from grokbench.store.packs import CURVES, LEADERBOARD, Curves
from grokbench.submissions import folder
from grokbench.submissions.body import body, own_cells, own_runs
from grokbench.submissions.checking import contradicting
from grokbench.text.escape import printable

__all__ = ["Prepared", "prepare"]

LONGEST_PLUGIN = 2**20  # most bytes of a plugin file


@dataclass(frozen=True)
class Prepared:
    """A submission before it is written.

    Attributes:
        files: name -> content; empty if the packed folder breaks a rule.
        faults: a sentence for each rule that the packed folder breaks.
    """

    files: Mapping[str, bytes]
    faults: Sequence[str]


def prepare(directory: Path, plugins: Sequence[Path]) -> Prepared:
    """Check a packed folder and make the files of its submission.

    Rows of a reference keep their outcomes, so that the folder can be judged on its own. Their curves are left out,
    because the committed folder has them.

    Args:
        directory: the packed folder.
        plugins: files with the methods of the submission, which are submitted too.

    Raises:
        StoreError: the folder is not packed, or a file cannot be read.
    """
    files = folder.read_files(directory)
    if faults := [*folder.faults(directory, files)]:
        return Prepared({}, faults)
    store = Store.load(directory)
    faults = [*contradicting(store), *_missing_sources(store, plugins)]
    if faults:
        return Prepared({}, faults)
    files.pop(LEADERBOARD, None)  # people read the text of the request instead, which the check compares with the data
    files |= {CURVES: _own_curves(store, files[CURVES]), folder.BODY: body(store).encode()}
    files |= {plugin.name: _source(plugin) for plugin in plugins}
    if packages := _packages(store):
        files[folder.REQUIREMENTS] = "".join(f"{package}\n" for package in packages).encode()
    return Prepared(files, [])


def _own_curves(store: Store, content: bytes) -> bytes:
    own = {(run.identity, run.seed) for run in own_runs(store)}
    lines = ((json_lines.parse(Curves, line), line) for line in content.splitlines(keepends=True))
    return b"".join(line for curves, line in lines if (curves.identity, curves.seed) in own)


def _source(plugin: Path) -> bytes:
    """Read a plugin file; raise StoreError if it cannot be submitted."""
    try:
        return read_bytes(plugin, LONGEST_PLUGIN)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"{plugin} cannot be read ({why}): name a plugin file.") from error


def _origins(store: Store, kind: str) -> Iterator[tuple[str, str]]:
    """Yield the provider and its version for each plugin of a kind in the submitted rows."""
    for cell in own_cells(store):
        yield from ((origin.name, origin.version) for origin in cell.origins.values() if origin.kind == kind)


def _packages(store: Store) -> list[str]:
    return sorted({f"{name}=={version}" if version else name for name, version in _origins(store, "package")})


def _missing_sources(store: Store, plugins: Sequence[Path]) -> Iterator[str]:
    """Yield a sentence for each plugin file that made the runs and is not submitted."""
    given = {plugin.name for plugin in plugins}
    for name in sorted({name for name, _ in _origins(store, "file")} - given):
        yield f"The runs were made by {printable(name)}, which is not submitted: add --plugin {printable(name)}."
