"""The registry: every plugin by kind and name, and the providers that could not be loaded."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grokbench.errors import PluginError
from grokbench.plugins.broken import Broken
from grokbench.plugins.hooks import KINDS
from grokbench.plugins.plugin import Plugin
from grokbench.text.options import Option
from grokbench.text.suggest import did_you_mean, sentences, short

__all__ = ["Registry"]

LISTED = 16  # most names that a message lists


@dataclass
class Registry:
    """Every plugin that can be named in a suite or on the command line.

    Attributes:
        tasks: name -> plugin, for tasks.
        regularizers: name -> plugin, for the methods of a suite.
        metrics: name -> plugin, for metrics.
        observers: name -> plugin, for the observers that `--log` names.
        broken: the providers that could not be loaded.
    """

    tasks: dict[str, Plugin] = field(default_factory=dict)
    regularizers: dict[str, Plugin] = field(default_factory=dict)
    metrics: dict[str, Plugin] = field(default_factory=dict)
    observers: dict[str, Plugin] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def __iter__(self) -> Iterator[Plugin]:
        """Yield every plugin, kind by kind."""
        for kind in KINDS:
            yield from getattr(self, kind).values()

    def get(self, kind: str, name: str) -> Plugin:
        """Get the plugin of a kind (a field of this record) by its name.

        Raises:
            PluginError: there is no such plugin; the message suggests the nearest name.
        """
        plugins: dict[str, Plugin] = getattr(self, kind)
        if name not in plugins:
            known = ", ".join(plugins) if len(plugins) <= LISTED else f"those that `grokbench list {kind}` shows"
            file = self.unread(name)
            near = f"; {file} is in this folder: add {Option('plugins', file)}" if file else did_you_mean(name, plugins)
            missing = f"no {kind[:-1]} {short(name)!r}, expected one of: {known}{near}"
            raise PluginError(sentences(missing, *map(str, self.broken)))
        return plugins[name]

    def of_file(self, file: str | Path) -> list[Plugin]:
        """List the plugins of a plugin file."""
        return [plugin for plugin in self if plugin.file == Path(file).resolve()]

    def unread(self, name: str) -> str:
        """Return `NAME.py` if this folder has such a file and it was not loaded; otherwise an empty string."""
        file = f"{name}.py"
        if not name.isidentifier() or not Path(file).is_file() or self.of_file(file):
            return ""
        return "" if any(broken.file == Path(file).resolve() for broken in self.broken) else file

    def add(self, plugin: Plugin) -> None:
        """Register a plugin.

        Raises:
            PluginError: another plugin of the same kind has this name.
        """
        plugins: dict[str, Plugin] = getattr(self, plugin.kind)
        if taken := plugins.get(plugin.name):
            first = taken.origin if taken.builtin else f"from {taken.origin}"
            which = f"that of {plugin.origin}" if taken.builtin else "one of the two factories"
            raise PluginError(
                f"two {plugin.kind} are named {plugin.name!r}: one {first}, one from {plugin.origin}; rename {which}"
            )
        plugins[plugin.name] = plugin
