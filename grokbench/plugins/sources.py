"""The source files of a user's plugin: its own file and every helper that it imports, directly or indirectly.

Modules in the plugin's folder or distribution are helpers. So are all other modules outside of the standard library and
site-packages, such as those on PYTHONPATH or in an editable installation, because their versions say nothing about
their sources. For modules in site-packages the versions are recorded instead, see `imported`.

Imports are read from the sources, so imports within functions count even before they run. A source that computes the
name of a module may import any file; then all Python files of the plugin's folder and its packages count. Modules that
were loaded together with the plugin are added. Data files that a plugin reads do not count.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import ModuleType

from grokbench.errors import PluginError
from grokbench.plugins.import_statements import Import, imports_of
from grokbench.plugins.owner import Owner

__all__ = ["Sources", "file_of", "find_sources", "observed"]

MOST_FILES = 2000  # far more than the code of a plugin, and still read within seconds
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Sources:
    """The source files of a plugin.

    Attributes:
        file: the plugin's own file.
        folder: the folder to which the names of the files are relative.
        contents: file -> content.
        others: the top-level modules that the files import from elsewhere.
    """

    file: Path
    folder: Path
    contents: dict[Path, bytes]
    others: frozenset[str]

    def name(self, file: Path) -> str:
        """Return a name of a file that is the same wherever the plugin is installed."""
        return file.relative_to(self.folder).as_posix() if file.is_relative_to(self.folder) else file.name


def find_sources(owner: Owner, loaded: Iterable[ModuleType] = ()) -> Sources:
    """Find the source files of a plugin.

    Args:
        owner: the folder or the distribution to which the plugin belongs.
        loaded: modules that were loaded with the plugin; those of other owners are ignored.

    Raises:
        OSError: a file cannot be read.
        PluginError: there are more than MOST_FILES files, or they are larger than MOST_BYTES.
    """
    contents, others, size = dict[Path, bytes](), set[str](), 0
    waiting = [owner.file, *_packages(owner), *observed(owner, loaded)]
    while waiting:
        file = waiting.pop()
        if file in contents:
            continue
        size += file.stat().st_size
        if len(contents) >= MOST_FILES or size > MOST_BYTES:
            raise PluginError(
                f"{owner.file.name} and the modules that it imports from its folder or distribution are more than "
                f"{MOST_FILES} files or {MOST_BYTES >> 20} MiB, too much for a digest; expected a plugin in a folder "
                "of its own. Move the plugin and the modules that it needs to such a folder"
            )
        contents[file] = file.read_bytes()
        imports = imports_of(contents[file]) if file.suffix == ".py" else imports_of(b"")
        for each in imports.named:
            found, other = _files(owner, file, each)
            waiting += found
            others |= other
        waiting += islice(owner.everything(), MOST_FILES + 1) if imports.computed else ()
    return Sources(owner.file, owner.folder, contents, frozenset(others))


def _packages(owner: Owner) -> list[Path]:
    """List the `__init__.py` of the packages in which a distribution's plugin lies; they run before it."""
    within = [folder for folder in owner.file.parents if folder.is_relative_to(owner.folder)] if owner.packages else []
    return [
        file.resolve() for folder in within if (file := folder / "__init__.py").is_file() and folder != owner.folder
    ]


def observed(owner: Owner, loaded: Iterable[ModuleType]) -> Iterator[Path]:
    """Yield the files of those loaded modules that lie in the plugin's folder or distribution.

    Args:
        owner: the folder or the distribution.
        loaded: the modules.
    """
    for module in loaded:
        if (file := file_of(module)) and owner.holds(module.__name__.partition(".")[0], file):
            yield file


def file_of(module: ModuleType) -> Path | None:
    """Return the resolved file of a loaded module; None if it has none."""
    file = getattr(module, "__file__", None)
    return path if isinstance(file, str) and (path := Path(file).resolve()).is_file() else None


def _files(owner: Owner, file: Path, wanted: Import) -> tuple[list[Path], set[str]]:
    """Find the helpers that an import loads, and its top-level module unless that module belongs to the owner."""
    if wanted.level:
        return _walk(list(wanted.parts), [str(file.parents[min(wanted.level, len(file.parents)) - 1])]), set()
    top, *parts = wanted.parts
    try:
        spec = find_spec(top)
    except (ImportError, ValueError, AttributeError):  # such as for `__main__`, which has no spec
        spec = None
    place = _file(spec) or next(iter(map(Path, (spec and spec.submodule_search_locations) or ())), None)
    if spec is None or place is None or not owner.helps(top, place.resolve()):
        return [], {top}
    others = set() if owner.holds(top, place.resolve()) else {top}
    return [*filter(None, [_file(spec)]), *_walk(parts, spec.submodule_search_locations)], others


def _walk(parts: list[str], folders: Iterable[str] | None) -> list[Path]:
    """Find the files of a dotted name in folders, as far as its parts are modules."""
    found = list[Path]()
    for part in parts:
        spec = PathFinder.find_spec(part, list(folders)) if folders is not None else None
        if spec is None:
            break
        found += filter(None, [_file(spec)])
        folders = spec.submodule_search_locations
    return found


def _file(spec: ModuleSpec | None) -> Path | None:
    """Return the file of a module; None for a namespace package, a built-in module or a module in an archive."""
    file = Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None
    return file if file and file.is_file() else None
