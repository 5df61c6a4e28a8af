"""The plugins that `grokbench check` checks: the plugins with a given name, or all plugins in a file."""

from collections.abc import Sequence
from pathlib import Path

from grokbench.errors import PluginError
from grokbench.plugins import Registry, load_registry
from grokbench.plugins.plugin import Plugin
from grokbench.text.suggest import did_you_mean, sentences

__all__ = ["find"]


def find(target: str, files: Sequence[str]) -> tuple[Registry, list[Plugin]]:
    """Find the plugins to check.

    Args:
        target: the name of a plugin, or a path ending in `.py`.
        files: further plugin files to load.

    Returns:
        The registry with all plugins loaded, and the plugins that `target` names.

    Raises:
        PluginError: no plugin has this name, or a file does not exist, cannot be loaded or yields no plugin.
    """
    is_file = target.endswith(".py")
    if is_file and not Path(target).is_file():
        raise PluginError(f"there is no file {target}; `grokbench check` takes a plugin file or a name")
    for file in files:
        if not Path(file).is_file():
            raise PluginError(f"--plugin {file}: no such file, expected a Python file with a grokbench hook")
    registry = load_registry([*files, target] if is_file else files)
    found = registry.of_file(target) if is_file else [plugin for plugin in registry if plugin.name == target]
    if not found:
        known = [plugin.name for plugin in registry]
        raise PluginError(_nothing_in(target, registry) if is_file else _nothing_named(target, registry, known))
    return registry, found


def _nothing_in(file: str, registry: Registry) -> str:
    """Return the error that says why a plugin file yields no plugin."""
    for broken in registry.broken:
        if broken.file == Path(file).resolve():
            where = f", line {broken.line}," if broken.line else ""
            return f"{file}{where} cannot be loaded: {broken.why}; `grokbench list --plugin {file}` shows the traceback"
    return f"{file} yields no plugin; add a hook: @hookimpl def grokbench_regularizers(): yield your_method"


def _nothing_named(target: str, registry: Registry, known: list[str]) -> str:
    """Return the error that no plugin has this name, with a suggestion."""
    if file := registry.unread(target):
        return f"nothing is named {target!r}; {file} is in this folder: grokbench check {file}"
    missing = f"nothing is named {target!r}{did_you_mean(target, known)}"
    return sentences(missing, "`grokbench list` shows every name", *map(str, registry.broken))
