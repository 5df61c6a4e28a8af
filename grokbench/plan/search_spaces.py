"""Mistakes in search spaces: parameters that the plugins do not have, and values that the plugins refuse."""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.errors import PluginError
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.suite import RegularizerEntry, Suite
from grokbench.suite.problems import KeyPath, dotted
from grokbench.suite.tuning import owner

__all__ = ["space_faults"]


def space_faults(suite: Suite, registry: Registry) -> Iterator[str]:
    """Yield mistakes in search spaces that show only once the regularizers' plugins are known, each with its place.

    Args:
        suite: the suite, which holds the methods and the places of keys in the file.
        registry: the registry, with the suite's own plugins.
    """
    for method in suite.regularizers:
        label = str(method.path[1])
        entry = suite.document.data["regularizers"][label] or {}
        for name, given in (entry.get("search_space") or {}).items():
            plugin, parameter = owner(name, entry, label)
            path = (*method.path, "search_space", name)
            if plugin in registry.regularizers:
                yield from _faults(suite, method, registry.get("regularizers", plugin), parameter, given or {}, path)


def _faults(
    suite: Suite, method: RegularizerEntry, plugin: Plugin, parameter: str, given: Mapping[str, Any], path: KeyPath
) -> Iterator[str]:
    """Yield the first fault found at the ends of a range or among the choices."""
    own = next(use.parameters for use in method.uses if use.name == plugin.name)
    for value in _values(given):
        known = {**own, parameter: value}
        fault = next((text for name, text in plugin.faults(known) if name == parameter), None)
        if fault or (fault := _refusal(plugin, known)):
            yield f"{suite.where(path)}: {dotted(path)}: {fault}"
            return


def _values(given: Mapping[str, Any]) -> list[Any]:
    if given.get("choices"):
        return list(given["choices"])
    ends = [given["low"], given["high"]]
    return list(map(int, ends)) if given.get("integer") else list(map(float, ends))


def _refusal(plugin: Plugin, known: Mapping[str, Any]) -> str | None:
    """Return why a factory refuses parameters; None if they have faults that are reported elsewhere."""
    if any(plugin.faults(known)):
        return None
    try:
        plugin.make(known)
    except PluginError as error:
        return str(error)
    return None
