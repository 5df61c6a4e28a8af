"""The installed distributions that a plugin imports, with versions; they are recorded beside the source's digest."""

import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from grokbench.plugins.owner import RECORDED
from grokbench.plugins.sources import Sources

__all__ = ["imported_versions"]


def imported_versions(sources: Sources) -> dict[str, str]:
    """Find the distributions that a plugin and its helpers import, except those in RECORDED.

    Imports within functions count. The standard library and the imports of imported packages do not.

    Args:
        sources: the source files of the plugin.

    Returns:
        Name of a distribution -> its version, sorted. A module that no distribution provides is left out.
    """
    wanted = sources.others - RECORDED - sys.stdlib_module_names
    names = {name for module in wanted for name in _distributions().get(module, ())} if wanted else set()
    found = dict[str, str]()
    for name in sorted(names):
        with suppress(PackageNotFoundError):  # the metadata is incomplete
            found[name] = version(name)
    return found


@cache
def _distributions() -> dict[str, list[str]]:
    """Map each importable module to its distributions. The first call reads every installed package."""
    return dict(packages_distributions())
