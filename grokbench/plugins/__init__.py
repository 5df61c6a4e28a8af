"""The plugin manager and the registry: names in a suite -> factories, with where each came from.

Built-ins, installed packages and files come through the same hooks. Each provider is loaded by itself, because pluggy
stops at the first exception: one that fails is kept with its traceback and breaks nothing else.

`plugin` is one of them, `files` loads a user's, `hooks` asks a module for what it offers, `refusals` say why a factory
makes no record.
"""

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from grokbench import hookspecs
from grokbench.errors import PluginError
from grokbench.plugins.broken import Broken
from grokbench.plugins.files import forget_files, import_file
from grokbench.plugins.hooks import KINDS, check_hooks, yielded
from grokbench.plugins.plugin import Plugin
from grokbench.provenance import source_digest
from grokbench.suite.schema import RESERVED
from grokbench.text.suggest import did_you_mean, short

__all__ = ["BUILTINS", "KINDS", "Broken", "Registry", "load_registry"]

LISTED = 16  # names in a message at most

BUILTINS = (
    "grokbench.tasks.xor",
    "grokbench.tasks.sparse_parity",
    "grokbench.tasks.mnist",
    "grokbench.tasks.modular_addition",
    "grokbench.tasks.modular_transformer",
    "grokbench.tasks.cifar10",
    "grokbench.regularizers.baseline",
    "grokbench.regularizers.grokfast",
    "grokbench.regularizers.orthograd",
    "grokbench.regularizers.grokalign",
    "grokbench.regularizers.jacobian_level",
    "grokbench.regularizers.clip_gradients",
    "grokbench.regularizers.gaussian_noise",
    "grokbench.regularizers.pgd_training",
    "grokbench.regularizers.norm_sphere",
    "grokbench.regularizers.stablemax",
    "grokbench.metrics.standard",
    "grokbench.metrics.jacobian",
    "grokbench.metrics.robustness",
    "grokbench.metrics.kernel",
    "grokbench.metrics.complexity",
    "grokbench.metrics.softmax",
    "grokbench.metrics.fourier",
    "grokbench.metrics.corruptions",
    "grokbench.observers.tensorboard",
)


@dataclass
class Registry:
    """Everything that can be named: in a suite, and observers on the command line."""

    tasks: dict[str, Plugin] = field(default_factory=dict)
    regularizers: dict[str, Plugin] = field(default_factory=dict)
    metrics: dict[str, Plugin] = field(default_factory=dict)
    observers: dict[str, Plugin] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    def __iter__(self) -> Iterator[Plugin]:
        """Every plugin, kind by kind."""
        for kind in KINDS:
            yield from getattr(self, kind).values()

    def get(self, kind: str, name: str) -> Plugin:
        """The plugin of that name; PluginError naming the nearest one."""
        plugins: dict[str, Plugin] = getattr(self, kind)
        if name not in plugins:
            known = ", ".join(plugins) if len(plugins) <= LISTED else f"those that `grokbench list {kind}` shows"
            left_out = "".join(f"; {broken}" for broken in self.broken)
            file = self.unread(name)
            near = f"; {file} is in this folder: add --plugin {file}" if file else did_you_mean(name, plugins)
            raise PluginError(f"no {kind[:-1]} {short(name)!r}, expected one of: {known}{near}{left_out}")
        return plugins[name]

    def of_file(self, file: str | Path) -> list[Plugin]:
        """What a plugin file yields."""
        return [plugin for plugin in self if plugin.file == Path(file).resolve()]

    def unread(self, name: str) -> str:
        """`NAME.py` where such a file is in this folder and was not read; else empty."""
        file = f"{name}.py"
        if not name.isidentifier() or not Path(file).is_file() or self.of_file(file):
            return ""
        return "" if any(broken.file == Path(file).resolve() for broken in self.broken) else file

    def add(self, plugin: Plugin) -> None:
        """Register; PluginError when the name is taken."""
        plugins: dict[str, Plugin] = getattr(self, plugin.kind)
        if taken := plugins.get(plugin.name):
            first = taken.origin if taken.builtin else f"from {taken.origin}"
            which = f"that of {plugin.origin}" if taken.builtin else "one of the two factories"
            raise PluginError(
                f"two {plugin.kind} are named {plugin.name!r}: one {first}, one from {plugin.origin}; rename {which}"
            )
        plugins[plugin.name] = plugin


def load_registry(files: Iterable[str | Path] = ()) -> Registry:
    """Built-ins, then installed packages with the entry-point group `grokbench`, then plugin files.

    A provider that fails is listed in `broken`. Raises PluginError when one name has two providers.
    """
    forget_files()
    registry = Registry()
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for origin, file, load in _providers(files):
        try:
            found = list(_plugins(manager, load(), origin, file))
        except (Exception, SystemExit) as error:
            registry.broken.append(Broken.of(origin, file, error))
            continue
        for plugin in found:
            registry.add(plugin)
    return registry


def _providers(files: Iterable[str | Path]) -> Iterator[tuple[str, Path | None, Callable[[], Any]]]:
    for name in BUILTINS:
        yield "built in", None, partial(importlib.import_module, name)
    for entry in importlib.metadata.entry_points(group=hookspecs.PROJECT):
        package = f"package {entry.dist.name} {entry.dist.version}" if entry.dist else f"entry point {entry.name}"
        yield package, None, entry.load
    for file in dict.fromkeys(Path(file).resolve() for file in files):
        yield f"file {file.name}", file, partial(import_file, file)


def _plugins(manager: pluggy.PluginManager, module: Any, origin: str, file: Path | None) -> Iterator[Plugin]:
    """The factories that one provider's hooks yield."""
    check_hooks(module)
    manager.register(module)
    digest = source_digest(inspect.getfile(module))
    for kind in KINDS:
        for implementation in getattr(manager.hook, f"grokbench_{kind}").get_hookimpls():
            if implementation.plugin is module:
                for factory in yielded(kind, implementation.function()):
                    plugin = Plugin(kind, factory.__name__, factory, origin, digest, file)
                    _check_signature(plugin)
                    yield plugin


def _check_signature(plugin: Plugin) -> None:
    for name, parameter in plugin.parameters.items():
        if name in RESERVED:
            raise PluginError(f"parameter {name!r} of {plugin.name} is a reserved word of suites; rename it")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            bare = parameter.replace(annotation=parameter.empty)
            raise PluginError(f"{plugin.name} takes {bare}, which a suite cannot name; remove it")
