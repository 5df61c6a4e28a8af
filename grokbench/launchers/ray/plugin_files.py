"""The files of plugins on a node that lacks them: a plugin file, and the modules in its folder that it imports."""

from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["PluginFiles", "collect", "place"]

PluginFiles = Mapping[str, Mapping[str, bytes]]  # path of a plugin file -> name within its folder -> content


def collect(files: Iterable[str]) -> dict[str, dict[str, bytes]]:
    """Read plugin files and the modules in their folders that they import.

    Args:
        files: the paths of plugin files.

    Raises:
        OSError: a file cannot be read.
        PluginError: the modules are too many or too large.
    """
    from grokbench.plugins.owner import Owner
    from grokbench.plugins.sources import find_sources

    found = {}
    for file in files:
        sources = find_sources(Owner.of_file(file))
        within = {path: content for path, content in sources.contents.items() if path.is_relative_to(sources.folder)}
        found[str(sources.file)] = {sources.name(path): content for path, content in within.items()}
    return found


def place(plugins: PluginFiles, folder: Path) -> tuple[str, ...]:
    """Return the paths of plugin files on this machine; files that it lacks are written into a folder.

    A file at its own path, as in a shared home, is used where it lies. Its digest is compared like that of any other.

    Args:
        plugins: the plugin files of the command.
        folder: an empty folder.
    """
    return tuple(
        path if Path(path).is_file() else _write(contents, folder / str(number), Path(path).name)
        for number, (path, contents) in enumerate(plugins.items())
    )


def _write(contents: Mapping[str, bytes], folder: Path, name: str) -> str:
    for relative, content in contents.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(folder / name)
