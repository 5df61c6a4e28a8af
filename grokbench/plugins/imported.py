"""The installed distributions that a plugin imports, with versions; recorded in addition to the source's digest."""

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from grokbench.plugins.digests import with_siblings
from grokbench.provenance import PACKAGES

__all__ = ["imported_versions"]

RECORDED = frozenset({"grokbench", *PACKAGES})  # in the provenance of every run


def imported_versions(module_file: str | Path) -> dict[str, str]:
    """Find the distributions that a plugin's file and the files beside it import, except those in RECORDED.

    Imports within functions count. The standard library and the imports of imported packages do not.

    Args:
        module_file: the file of the plugin.

    Returns:
        Name of a distribution -> its version, sorted. A module that no distribution provides is left out.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: a file is no Python.
    """
    modules = {name for file in with_siblings(Path(module_file)) for name in _imports(ast.parse(file.read_bytes()))}
    wanted = modules - RECORDED - sys.stdlib_module_names
    names = {name for module in wanted for name in _distributions().get(module, ())} if wanted else set()
    found = dict[str, str]()
    for name in sorted(names):
        with suppress(PackageNotFoundError):  # incomplete metadata
            found[name] = version(name)
    return found


def _imports(module: ast.Module) -> Iterator[str]:
    """Yield the top-level modules that a source imports by their full names."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


@cache
def _distributions() -> dict[str, list[str]]:
    """Map each importable module to its distributions. The first call reads every installed package."""
    return dict(packages_distributions())
