"""Files that survive a crash: written whole or not at all.

A function with the argument `within` follows no link below that folder, because other people may have made the folder,
see `links`. Without `within`, the path is one that the user named.
"""

import errno
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from grokbench.errors import StoreError
from grokbench.io import links
from grokbench.text.options import Option

__all__ = [
    "append",
    "clean",
    "copy",
    "explained",
    "make_folder",
    "move",
    "new_folder",
    "remove",
    "remove_empty",
    "target",
    "write",
    "write_folder",
    "writing",
]

LEFTOVERS = (".*.json.*.tmp", ".*.npz.*.tmp", ".*.safetensors.*.tmp")
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "Make room there"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "Allow writing there"),
}


def write(path: Path, content: bytes, within: Path | None = None) -> None:
    """Write a file whole or not at all, even when the power fails.

    Args:
        path: the path of the file; an existing file is replaced.
        content: the whole content.
        within: a folder that contains the file, see the module.

    Raises:
        StoreError: the file cannot be written; an earlier file is kept.
    """
    with writing(path, within) as file:
        file.write(content)


@contextmanager
def writing(path: Path, within: Path | None = None) -> Iterator[BinaryIO]:
    """Open a long file for writing. It appears at its path only when the `with` block ends without an exception.

    Args:
        path: the path of the file; an existing file is replaced.
        within: a folder that contains the file, see the module.

    Raises:
        StoreError: the file cannot be written; an earlier file is kept.
    """
    temporary = f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp"  # nobody can have made a link of this name
    with explained(path), links.opened(path.parent, within) as folder:
        if within is not None:
            links.refuse_entry(path.name, folder, path, within)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
        os.fsync(folder)


def append(path: Path, content: bytes, at: int, within: Path | None = None) -> None:
    """Add to the end of a file and flush it to the disk.

    Args:
        path: the path of the file, which is made if needed.
        content: what is added.
        at: the number of bytes to keep. The rest is cut off first, such as a line that a killed process did not finish.
        within: a folder that contains the file, see the module.

    Raises:
        StoreError: the file cannot be written; the bytes to keep are still there.
    """
    with explained(path), links.opened(path.parent, within) as folder:
        if within is not None:
            links.refuse_entry(path.name, folder, path, within)
        with os.fdopen(os.open(path.name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666, dir_fd=folder), "ab") as file:
            file.truncate(at)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.fsync(folder)


def target(path: Path) -> Path:
    """Resolve the path, possibly a link, of a file that a user names; raise StoreError for a device or a pipe."""
    place = path.resolve() if path.is_symlink() else path
    if place.exists() and not place.is_file() and not place.is_dir():
        raise StoreError(f"{path} is a device or a pipe, expected a file: choose another path.")
    return place


def write_folder(
    folder: Path,
    contents: Mapping[str, bytes],
    copies: Mapping[str, Path] | None = None,
    within: Path | None = None,
) -> None:
    """Write a folder of files whole or not at all.

    Args:
        folder: the path of the folder, which must not exist or must be empty.
        contents: name of a file -> its content.
        copies: path of a file below `folder` -> the existing file to copy.
        within: a folder that contains `folder`, see the module.

    Raises:
        StoreError: the folder exists and is not empty, or cannot be written.
    """
    with new_folder(folder, within) as temporary:
        for name, content in contents.items():
            write(temporary / name, content)
        for name, source in (copies or {}).items():
            copy(source, temporary / name)


def copy(source: Path, path: Path, within: Path | None = None) -> None:
    """Copy a file, whole or not at all.

    Args:
        source: the existing file.
        path: the path of the copy; an existing file is replaced.
        within: a folder that contains `path`, see the module.

    Raises:
        StoreError: the copy cannot be written; an earlier file is kept.
    """
    with writing(path, within) as file, source.open("rb") as original:
        shutil.copyfileobj(original, file)


@contextmanager
def new_folder(folder: Path, within: Path | None = None, replaces: Collection[str] = ()) -> Iterator[Path]:
    """Make a folder to fill in a `with` block. It appears at its path when the block ends without an exception.

    Args:
        folder: the path of the folder.
        within: a folder that contains it, see the module.
        replaces: names of files; an existing folder with no others is replaced.

    Raises:
        StoreError: `folder` exists and is not an empty folder, or cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    if within is not None:
        links.refuse(folder, within)
    with explained(folder):
        if folder.is_symlink() or (folder.exists() and not _holds_only(folder, replaces)):
            raise StoreError(f"{folder} exists already: delete it, or choose another folder ({Option('out')}).")
        shutil.rmtree(temporary, ignore_errors=True)  # left by a process that was killed
        temporary.mkdir(parents=True)
        try:
            yield temporary
            if folder.exists() and any(folder.iterdir()):
                shutil.rmtree(folder)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _flush_folder(folder.parent)


def _holds_only(folder: Path, names: Collection[str]) -> bool:
    """Return whether a folder is empty or holds only plain files with the given names."""
    return folder.is_dir() and all(
        each.name in names and each.is_file() and not each.is_symlink() for each in folder.iterdir()
    )


def remove(path: Path, within: Path | None = None) -> None:
    """Delete a file, or a link, if it exists; raise StoreError if it cannot be deleted.

    Args:
        path: the path of the file.
        within: a folder that contains the file, see the module.
    """
    if within is not None:
        links.refuse(path.parent, within)
    with explained(path):
        path.unlink(missing_ok=True)


def remove_empty(folders: Iterable[Path]) -> None:
    """Delete those of the given folders that are empty. Other folders, and those that cannot be deleted, are kept."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def clean(folder: Path, below: Iterable[str]) -> None:
    """Remove the temporary files of killed processes from a folder.

    Args:
        folder: the folder, which should be locked. Its subfolders are not searched, because they may be anything.
        below: names of subfolders that are searched nevertheless, at every depth.
    """
    with explained(folder):
        for pattern in LEFTOVERS:
            for found in (folder.glob(pattern), *((folder / name).rglob(pattern) for name in below)):
                for leftover in found:
                    leftover.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents; raise StoreError if that fails."""
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)


def move(source: Path, target: Path, within: Path | None = None) -> None:
    """Move a file within a file system; raise StoreError if that fails.

    Args:
        source: an existing file.
        target: the new path. Its folder is made if needed, and an existing file is replaced.
        within: a folder that contains both, see the module.
    """
    if within is not None:
        links.refuse(source, within)
        links.refuse(target, within)
    make_folder(target.parent)
    with explained(target):
        os.replace(source, target)


def _flush_folder(folder: Path) -> None:
    with links.opened(folder, None) as descriptor:
        os.fsync(descriptor)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError with advice: the file or folder at `path` cannot be written."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}). {ADVICE.get(error.errno or 0, 'Correct this')} or choose "
            f"another folder ({Option('out')}); what was saved before is kept."
        ) from error
