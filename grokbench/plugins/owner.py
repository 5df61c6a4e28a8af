"""The folder or the distribution to which a user's plugin belongs; it decides which modules are its helpers."""

import inspect
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from grokbench.provenance import PACKAGES

__all__ = ["RECORDED", "Owner"]

RECORDED = frozenset({"grokbench", *PACKAGES})  # packages whose versions are in the provenance of every run
INSTALLED = {"site-packages", "dist-packages"}  # folders of installed distributions


@dataclass(frozen=True)
class Owner:
    """The folder or the distribution to which a plugin belongs.

    Attributes:
        file: the plugin's file, resolved.
        folder: the folder of a plugin file, or the folder that holds the distribution's top-level modules.
        packages: the top-level modules of the plugin's distribution; empty for a plugin file.
    """

    file: Path
    folder: Path
    packages: frozenset[str] = frozenset()

    @classmethod
    def of_file(cls, file: str | Path) -> "Owner":
        """Make the owner of a plugin file."""
        return cls(Path(file).resolve(), Path(file).resolve().parent)

    @classmethod
    def of_module(cls, module: Any, distribution: Any = None) -> "Owner":
        """Make the owner of an installed module.

        Args:
            module: the module with the hooks.
            distribution: its `importlib.metadata.Distribution`; None if unknown. An editable installation lists no
                modules; then only the top-level module of `module` counts.
        """
        file, (top, *below) = Path(inspect.getfile(module)).resolve(), module.__name__.split(".")
        depth = len(below) + (file.stem == "__init__")
        installed = (path.parts[0] for path in getattr(distribution, "files", None) or () if path.suffix == ".py")
        packages = frozenset({top, *(name.removesuffix(".py") for name in installed if name != "..")})
        return cls(file, file.parents[min(depth, len(file.parents) - 1)], packages)

    def holds(self, top: str, file: Path) -> bool:
        """Return whether a module, given by top-level name and file, lies in the plugin's folder or distribution."""
        if top in RECORDED or _is_standard(file):
            return False
        if self.packages:
            return top in self.packages
        return file.is_relative_to(self.folder) and not INSTALLED & {*file.relative_to(self.folder).parts}

    def helps(self, top: str, file: Path) -> bool:
        """Return whether an imported module is a helper: of the plugin itself, or neither standard nor installed."""
        return self.holds(top, file) or not (top in RECORDED or _is_standard(file) or INSTALLED & {*file.parts})

    def everything(self) -> Iterator[Path]:
        """Yield the Python files of the folder, or of the distribution, and of the packages below it."""
        waiting = [self.folder / name for name in self.packages] if self.packages else [self.folder]
        while waiting:
            folder = waiting.pop()
            for file in sorted(folder.glob("*")):
                if file.suffix == ".py" and file.is_file():
                    yield file.resolve()
                elif file.name not in RECORDED and (file / "__init__.py").is_file() and not file.is_symlink():
                    waiting.append(file)


def _is_standard(file: Path) -> bool:
    within = (file.relative_to(folder).parts for folder in _standard_folders() if file.is_relative_to(folder))
    return any(not INSTALLED & {*parts} for parts in within)


@cache
def _standard_folders() -> frozenset[Path]:
    return frozenset(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))
