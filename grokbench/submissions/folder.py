"""The checks of a submission that need its folder alone: ordinary files, the schema, privacy, completeness.

The folder comes from a stranger: no link is followed, and nothing in it is executed.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.io import json_lines
from grokbench.io.files import read_bytes
from grokbench.records import reached_end
from grokbench.store import Store
from grokbench.store.packs import CURVES, FILES, LARGEST, LEADERBOARD, Curves
from grokbench.store.privacy import paths_left, texts
from grokbench.store.status import unplanned
from grokbench.submissions import schema
from grokbench.text.escape import printable
from grokbench.text.lists import listed, plural
from grokbench.text.private import paths_in, without_private

__all__ = ["BODY", "MOST_BYTES", "REQUIREMENTS", "faults", "read_files"]

PACKED = ("manifest.json", *FILES, "ledger.jsonl")  # a submission has all of them
BODY, REQUIREMENTS = "README.md", "requirements.txt"
PROSE = (LEADERBOARD, BODY, REQUIREMENTS)  # a submission may have these too, and plugin files
PLUGIN = re.compile(r"[A-Za-z_]\w*\.py")
MOST_BYTES = 30 * 2**20  # most bytes of a submission
NAMED = 3  # largest number of faults of one kind that are named


def read_files(directory: Path) -> dict[str, bytes]:
    """Read all files of a submission.

    Raises:
        StoreError: the folder does not exist, lacks a packed file, holds something else, or is too large.
    """
    if directory.is_symlink():
        raise StoreError(f"{directory} is a link, expected the folder itself: no link of a submission is followed.")
    try:
        names = sorted(entry.name for entry in directory.iterdir())
    except OSError as error:
        raise StoreError(f"{directory} cannot be read ({error.strerror}): name a packed folder.") from error
    if missing := [name for name in PACKED if name not in names]:
        raise StoreError(
            f"{directory} is not a packed folder: it holds no {listed(missing)}. Pack the results first: "
            "`grokbench pack`."
        )
    if others := [name for name in names if name not in (*PACKED, *PROSE) and not PLUGIN.fullmatch(name)]:
        raise StoreError(
            f"{directory} holds {printable(others[0])!r}, expected only {listed([*PACKED, *PROSE])} and plugin files: "
            "move it elsewhere."
        )
    files = {name: _read(directory / name) for name in names}
    if (size := sum(map(len, files.values()))) > MOST_BYTES:
        raise StoreError(
            f"{directory} has {size / 2**20:.1f} MB, expected at most {MOST_BYTES / 2**20:.0f}: record fewer metrics, "
            "or submit fewer rows."
        )
    return files


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, LARGEST)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"{path} cannot be read ({why}): put an ordinary file there.") from error


def faults(directory: Path, files: dict[str, bytes]) -> Iterator[str]:
    """Yield a sentence for each rule that a submission breaks; other rules are checked only if the schema holds.

    Args:
        directory: the folder.
        files: name -> content, see `read_files`.
    """
    wrong = [sentence for name in PACKED for sentence in _few(_schema_faults(name, files[name]), name)]
    yield from wrong
    if not wrong:
        yield from _few(_privacy_faults(files), "the folder")
        yield from _record_faults(directory)


def _few(sentences: Iterable[str], where: str) -> Iterator[str]:
    """Yield the first sentences; if there are more, also a sentence that says so."""
    found = list(islice(sentences, NAMED + 1))
    yield from found[:NAMED]
    if len(found) > NAMED:
        yield f"There are more faults of this kind in {where}."


def _schema_faults(name: str, content: bytes) -> Iterator[str]:
    """Yield a sentence for each line of a file that does not fit the schema.

    Curves have millions of numbers, for which the schema is too slow. They are read as records of the same types
    instead; the records, written again, must give the same line.
    """
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            if name == CURVES:
                wrong = [] if json_lines.dump(json_lines.parse(Curves, line)) == line else ["it has unknown keys"]
            else:
                wrong = list(schema.faults(name, line))
        except ValueError:  # pydantic's and json's errors are ValueErrors
            wrong = ["it is not JSON with the fields of this file"]
        except RecursionError:
            wrong = ["it is nested too deeply"]
        yield from (f"{name}:{number} does not fit the schema ({printable(why)})." for why in wrong)


def _privacy_faults(files: dict[str, bytes]) -> Iterator[str]:
    """Yield a sentence for each text that names a path, a user or this machine."""
    data = {name: content for name, content in files.items() if name in PACKED and name != CURVES}
    for name, path in paths_left(data):
        yield f"{name} publishes the path {printable(path)!r}: pack the results again without --keep-paths."
    cleaned = cache(without_private)
    for name, content in data.items():
        for line in content.splitlines():
            for text in texts(json.loads(line)):
                if cleaned(text) != text and not [*paths_in(text)]:
                    yield f"{name} names a user or this machine in {printable(text[:80])!r}: pack the results again."
    for name in PROSE:
        for path in paths_in(files.get(name, b"").decode(errors="replace")):
            yield f"{name} publishes the path {printable(path)!r}: remove it."


def _record_faults(directory: Path) -> Iterator[str]:
    """Yield a sentence about damaged files, and one for each incomplete row."""
    try:
        store = Store.load(directory)
        store.history()
    except StoreError as error:
        yield str(error)
        return
    store.packed.everything()
    if store.packed.damaged:
        yield f"{listed(store.packed.damaged[:NAMED])} cannot be read: pack the results again."
    if store.manifest.unfinished:
        planned = plural(len(store.manifest.seeds), "seed")
        yield f"It plans {planned} of {len(store.manifest.full_seeds)}: run all seeds."
    if others := unplanned(store, withdrawn=True):
        yield f"It holds {plural(others, 'replica')} of cells or seeds that are not planned: pack the results again."
    yield from _few(_incomplete(store), "the folder")


def _incomplete(store: Store) -> Iterator[str]:
    seeds = plural(len(store.manifest.seeds), "seed")
    for cell in store.manifest.cells:
        done = sum(reached_end(run, cell) for run in store.runs_of(cell, store.manifest.seeds))
        if done < len(store.manifest.seeds):
            yield f"{printable(cell.name)} has {done} of {seeds}: run the others first."
