"""Mistakes in the plugins that a suite names and in the parameters that it gives them."""

from collections.abc import Iterator, Mapping
from typing import Any

from grokbench.errors import PluginError
from grokbench.plugins import Registry
from grokbench.suite import Suite, Use
from grokbench.suite.problems import KeyPath, dotted
from grokbench.suite.schema import fields_at
from grokbench.text.suggest import did_you_mean, nearest

__all__ = ["use_faults"]


def use_faults(
    suite: Suite, registry: Registry, kind: str, use: Use, path: KeyPath, per_task: str | int = ""
) -> Iterator[str]:
    """Yield the mistakes in one use of a plugin, each with its place in the file.

    Args:
        suite: the suite, which gives the place of each key.
        registry: the plugins.
        kind: "tasks", "regularizers" or "metrics".
        use: the plugin's name and its parameters.
        path: the key path of the entry that uses the plugin.
        per_task: the label of the task on which the plugin is used; empty if `per_task` does not apply.
    """
    words = list(fields_at(path))
    if misspelt := _misspelt_use(suite, registry, kind, use, path):
        place = _place(suite, path, path, misspelt)
        yield f"{place}: an unknown key, expected one of {', '.join(words)}{did_you_mean(misspelt, words)}"
        return
    mappings = {name: _mapping(suite, path, use.name, per_task, name) for name in use.parameters}
    try:
        plugin = registry.get(kind, use.name)
        beside = {name: words for name, mapping in mappings.items() if mapping == path}
        faults = list(plugin.faults(use.parameters, beside))
        if not faults:
            plugin.make(use.parameters)
    except PluginError as error:
        yield f"{_place(suite, path, path, 'use')}: {error}"
        return
    for name, fault in faults:
        mapping = mappings.get(name, path)
        grids = kind != "metrics" and name in plugin.parameters and "per_task" not in mapping
        meant = _grid_meant(use.parameters.get(name)) if grids else ""
        yield f"{_place(suite, path, mapping, name)}: {fault}{meant}"


def _misspelt_use(suite: Suite, registry: Registry, kind: str, use: Use, path: KeyPath) -> str | None:
    """Find a key that is a misspelt `use`: the entry's label is no plugin, but the key's value names plugins."""
    known: Mapping[str, Any] = getattr(registry, kind)
    if use.name in known or suite.holds((*path, "use")):
        return None
    for key, value in use.parameters.items():
        names = value if isinstance(value, list) and value else [value]
        if all(isinstance(name, str) and name in known for name in names) and nearest(key, fields_at(path)) == "use":
            return key
    return None


def _mapping(suite: Suite, path: KeyPath, plugin: str, per_task: str | int, name: str) -> KeyPath:
    """Find the mapping that sets a parameter: `per_task`, a plugin within a combination, or the entry itself."""
    special = (*path, "per_task", per_task)
    mappings = [(*special, plugin), special, (*path, plugin)]
    return next((mapping for mapping in mappings if suite.holds((*mapping, name))), path)


def _place(suite: Suite, path: KeyPath, mapping: KeyPath, name: str) -> str:
    """Give `file:line:column: entry.parameter` of a parameter, or of the entry if `name` is "use"."""
    return f"{suite.where((*mapping, name))}: {dotted(path if name == 'use' else (*path, name))}"


def _grid_meant(value: Any) -> str:
    """Suggest `grid` for a value of a wrong type such as `{gird: [1, 2]}`."""
    return did_you_mean(next(iter(value)), ["grid"]) if isinstance(value, Mapping) and len(value) == 1 else ""
