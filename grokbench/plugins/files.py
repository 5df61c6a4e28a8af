"""Import of plugin files. A file may import files beside it (`from .helper import x`), and hides no other module."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from grokbench.plugins.owner import Owner
from grokbench.plugins.sources import file_of, observed

__all__ = ["PREFIX", "forget_files", "import_file", "import_observed"]

PREFIX = "grokbench_plugins_"  # prefix of the names of packages that are made here

_helpers = set[str]()  # names of the helpers that were loaded with plugin files
_loaded_with = dict[str, list[ModuleType]]()  # name of an installed module -> modules that its first import loaded


class _Uncached(SourceFileLoader):
    """A loader that always compiles the source: Python's cache can miss an edit of equal length within a second."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def import_file(file: Path) -> ModuleType:
    """Import a plugin file; a file that was imported before is run again.

    Raises:
        ImportError: the file is not a Python file.
        BaseException: whatever the file itself raises.
    """
    name = f"{_package(file.parent)}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_Uncached(name, str(file)))
    if spec is None or spec.loader is None or file.suffix != ".py":
        raise ImportError(f"{file.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # because dataclasses look up their module
    cached, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # this also holds for the files beside this one
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    finally:
        sys.dont_write_bytecode = cached
    return module


def import_observed(load: Callable[[], Any], file: Path | None) -> tuple[Any, list[ModuleType]]:
    """Import a provider of plugins.

    Args:
        load: imports and returns the module.
        file: the plugin file; None for an installed module.

    Returns:
        The module, and the modules that were loaded with it. For an installed module, these are the ones that its first
        import loaded.
    """
    before = set(sys.modules)
    try:
        module = load()
    finally:
        loaded = {name: each for name, each in list(sys.modules.items()) if name not in before}
        if file:
            helpers = set(observed(Owner.of_file(file), loaded.values()))
            _helpers.update(name for name, each in loaded.items() if file_of(each) in helpers)
    return module, [*loaded.values()] if file else _loaded_with.setdefault(module.__name__, [*loaded.values()])


def forget_files() -> None:
    """Forget all plugin files and the helpers that were loaded with them, so that the next import reads them again."""
    for module in [module for module in sys.modules if module.startswith(PREFIX) or module in _helpers]:
        del sys.modules[module]
    _helpers.clear()
    importlib.invalidate_caches()


def _package(folder: Path) -> str:
    """Make a package whose modules are the files of a folder, and return its name."""
    name = PREFIX + sha256(str(folder).encode()).hexdigest()[:12]
    if name not in sys.modules:
        sys.modules[name] = ModuleType(name, "Plugin files of one folder.")
        sys.modules[name].__path__ = [str(folder)]
    return name
