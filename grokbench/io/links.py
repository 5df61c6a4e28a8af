"""Refusal of links in a folder that other people may have made: nothing is written, moved or deleted through a link.

A link that a user names, such as an argument of `--out` or the results folder itself, is followed.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grokbench.errors import StoreError
from grokbench.text.options import Option

__all__ = ["opened", "refuse", "refuse_all", "refuse_entry"]

FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def refuse(path: Path, within: Path) -> None:
    """Raise StoreError if a component of a path below a folder is a link, or leads out of the folder.

    Args:
        path: a path below `within`, which need not exist.
        within: the folder, which may be a link itself.
    """
    place = within
    for name in _names(path, within):
        place = place / name
        if place.is_symlink():
            raise _is_link(place, within)


def refuse_all(within: Path, names: Iterable[str]) -> None:
    """Raise StoreError if one of these files or folders, or anything below them, is a link.

    Args:
        within: the folder.
        names: names of its files and subfolders, which need not exist.
    """
    for name in names:
        refuse(within / name, within)
        for folder, subfolders, files in os.walk(within / name):
            for entry in (*subfolders, *files):
                refuse(Path(folder, entry), Path(folder))


def refuse_entry(name: str, folder: int, path: Path, within: Path) -> None:
    """Raise StoreError if an entry of an open folder is a link.

    Args:
        name: the name of the entry, which need not exist.
        folder: a descriptor of the open folder.
        path: the path of the entry, for the message.
        within: see `refuse`.
    """
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise _is_link(path, within)


@contextmanager
def opened(folder: Path, within: Path | None) -> Iterator[int]:
    """Open a folder, made if needed, and yield its descriptor, for the argument `dir_fd` of functions of `os`.

    Args:
        folder: the path of the folder.
        within: an existing folder that contains `folder`; no link below `within` is followed. None: links are followed.

    Raises:
        StoreError: a component below `within` is a link, or `within` does not exist any more.
        OSError: the folder cannot be made or opened.
    """
    if within is None:
        folder.mkdir(parents=True, exist_ok=True)
        within = folder
    place, descriptor = within, _opened_base(within)
    try:
        for name in _names(folder, within):
            place = place / name
            below = _opened_subfolder(name, descriptor, place, within)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _opened_base(within: Path) -> int:
    try:
        return os.open(within, FOLDER)
    except FileNotFoundError as error:
        raise StoreError(
            f"{within} was deleted or moved while it was being written to: put it back, or run the same command again, "
            "which makes what is missing there."
        ) from error


def _opened_subfolder(name: str, folder: int, path: Path, within: Path) -> int:
    refuse_entry(name, folder, path, within)
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        pass
    return os.open(name, FOLDER | NO_FOLLOW, dir_fd=folder)


def _names(path: Path, within: Path) -> tuple[str, ...]:
    """Return the components of a path below a folder; raise StoreError if it leads out of the folder."""
    names = path.relative_to(within).parts if path.is_relative_to(within) else (os.pardir,)
    if os.pardir in names:
        raise StoreError(f"{path} leads out of {within}: choose another place ({Option('out')}).")
    return names


def _is_link(path: Path, within: Path) -> StoreError:
    return StoreError(
        f"{path} is a link, and grokbench follows no link in {within} that you did not name: delete the link, or "
        f"choose another place ({Option('out')})."
    )
