"""The file of a results folder's ledger: one event per line; lines are only appended.

An event is a declaration of comparisons, or a look: a judgement of the folder. An unfinished last line, left by a
killed process, counts as not written; the next line replaces it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from grokbench.errors import StoreError
from grokbench.io import atomic, json_lines
from grokbench.io.files import file_size, open_file, read_bytes
from grokbench.records import Declaration, Ledger, Look, Manifest
from grokbench.store.layout import Layout

__all__ = ["begin", "declare", "enter", "ledger_lines", "read_ledger"]

MOST_EVENTS = 100_000  # most events: two for each command that ran in the folder
Event = Annotated[Declaration | Look, Field(discriminator="event")]


def read_ledger(directory: Path) -> Ledger:
    """Read the ledger of a results folder; it is empty if there is no file.

    Raises:
        StoreError: a line is damaged, unless it is an unfinished last line; or the file cannot be read.
    """
    path = _file(directory)
    try:
        with open_file(path) as file:
            if file_size(file) > json_lines.LONGEST:
                raise _damaged(str(path), f"it is longer than {json_lines.LONGEST} bytes")
            lines = iter(lambda: file.readline(json_lines.LONGEST), b"")
            return Ledger(tuple(_events(path, lines)))
    except FileNotFoundError:
        return Ledger()
    except (OSError, ValueError) as error:
        raise _damaged(str(path), getattr(error, "strerror", None) or str(error)) from error


def _events(path: Path, lines: Iterator[bytes]) -> Iterator[Declaration | Look]:
    for number, line in enumerate(lines, 1):
        if number > MOST_EVENTS:
            raise _damaged(str(path), f"it has more than {MOST_EVENTS} lines")
        try:
            yield json_lines.parse(Event, line)
        except ValueError as error:  # pydantic's errors are ValueErrors
            if line.endswith(b"\n") or len(line) >= json_lines.LONGEST:
                raise _damaged(f"{path}:{number}", "it is not a valid declaration or look") from error


def _damaged(where: str, why: str) -> StoreError:
    return StoreError(
        f"{where} cannot be read ({why}). The file records which comparisons were declared, and when they were judged. "
        "Put back a good copy of the file (from git). If there is none, delete it, and say so beside the p values."
    )


def begin(directory: Path, past: Ledger) -> None:
    """Begin the ledger of a folder with the events of another folder, unless it has a ledger already.

    Args:
        directory: the folder.
        past: the events of the other folder; if there are none, no file is written.

    Raises:
        StoreError: the file cannot be written.
    """
    path = _file(directory)
    if past.events and not path.exists():
        atomic.write(path, ledger_lines(past), directory)


def declare(directory: Path, manifest: Manifest) -> None:
    """Append the declaration of a manifest, unless it equals the last declaration.

    Args:
        directory: the folder.
        manifest: the planned contents of the folder from now on.

    Raises:
        StoreError: the file is damaged or cannot be written.
    """
    if (declaration := Declaration.of(manifest)) != read_ledger(directory).declared:
        _append(directory, declaration)


def enter(directory: Path, look: Look, found: bool = False) -> None:
    """Append a look, unless no replica had finished or the last event is the same look.

    Args:
        directory: the folder.
        look: the number of finished replicas of each cell.
        found: True if the folder was opened rather than judged. The look is then appended only if more replicas had
            finished than at the last look.

    Raises:
        StoreError: the file is damaged or cannot be written.
    """
    ledger = read_ledger(directory)
    then = ledger.looked.finished if ledger.looked else {}
    more = any(n > then.get(identity, 0) for identity, n in look.finished.items())
    judged = bool(look.finished) and ledger.events[-1:] != (look,)
    if more if found else judged:
        _append(directory, look)


def _file(directory: Path) -> Path:
    """Return the path of the ledger; raise StoreError for a link, because it may lead elsewhere."""
    path = Layout(directory).ledger
    if path.is_symlink():
        raise StoreError(f"{path} is a link, expected a file: put the ledger itself there, or delete the link.")
    return path


def ledger_lines(ledger: Ledger) -> bytes:
    """Write a ledger as the contents of its file."""
    return b"".join(map(_line, ledger.events))


def _line(event: Declaration | Look) -> bytes:
    return json_lines.dump({"event": event.event} | vars(event))


def _append(directory: Path, event: Declaration | Look) -> None:
    """Append a line.

    A killed process may have left an unfinished line, which is cut off, or a complete line without its line break,
    which is added.
    """
    path = _file(directory)
    written = read_bytes(path, json_lines.LONGEST) if path.exists() else b""
    end = written.rfind(b"\n") + 1
    try:
        json_lines.parse(Event, written[end:])
        whole, between = len(written), b"\n"
    except ValueError:
        whole, between = end, b""
    atomic.append(path, between + _line(event), whole, directory)
