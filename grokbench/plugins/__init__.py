"""The loading of plugins into a registry, which maps the names in a suite to factories and their origins.

Built-in plugins, installed packages and plugin files use the same hooks. Each provider is loaded separately, because
pluggy stops at the first exception. If a provider fails, its traceback is recorded and the other providers are loaded.
The modules of this package:

    registry    all plugins, each a `plugin`
    files       the import of a user's plugin file
    hooks       checks of a module's hooks
    sources     the helpers of a user's plugin
    digests     digests of sources
    refusals    explanations of why a factory fails
"""

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pluggy

from grokbench import hookspecs
from grokbench.errors import PluginError
from grokbench.plugins.broken import Broken
from grokbench.plugins.digests import digests_of, source_digests
from grokbench.plugins.files import forget_files, import_file, import_observed
from grokbench.plugins.hooks import KINDS, check_hooks, yielded
from grokbench.plugins.imported import imported_versions
from grokbench.plugins.owner import Owner
from grokbench.plugins.plugin import Plugin
from grokbench.plugins.registry import Registry
from grokbench.plugins.sources import find_sources
from grokbench.records import Origin
from grokbench.suite.schema import RESERVED

__all__ = ["BUILTINS", "KINDS", "Broken", "Registry", "load_registry"]

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
    "grokbench.regularizers.logit_temperature",
    "grokbench.regularizers.label_smoothing",
    "grokbench.regularizers.spectral_decoupling",
    "grokbench.regularizers.radial_suppression",
    "grokbench.regularizers.l1",
    "grokbench.regularizers.l2_to_init",
    "grokbench.regularizers.dropout",
    "grokbench.regularizers.gradient_noise",
    "grokbench.regularizers.clip_to_grok",
    "grokbench.regularizers.neuralgrok",
    "grokbench.regularizers.muon",
    "grokbench.regularizers.egd",
    "grokbench.regularizers.soap",
    "grokbench.regularizers.schedule_free",
    "grokbench.regularizers.sam",
    "grokbench.regularizers.lookahead",
    "grokbench.regularizers.weight_average",
    "grokbench.regularizers.cosine",
    "grokbench.regularizers.warm_up",
    "grokbench.metrics.standard",
    "grokbench.metrics.jacobian",
    "grokbench.metrics.robustness",
    "grokbench.metrics.kernel",
    "grokbench.metrics.complexity",
    "grokbench.metrics.softmax",
    "grokbench.metrics.fourier",
    "grokbench.metrics.gini",
    "grokbench.metrics.corruptions",
    "grokbench.observers.tensorboard",
)


def load_registry(files: Iterable[str | Path] = ()) -> Registry:
    """Load built-ins, then installed packages with the entry-point group `grokbench`, then plugin files.

    A provider that fails is listed in `broken`.

    Raises:
        PluginError: two plugins have the same name.
    """
    forget_files()
    registry = Registry()
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    for provider in _providers(files):
        try:
            found = list(_plugins(manager, provider))
        except (Exception, SystemExit) as error:
            registry.broken.append(Broken.of(provider[0], provider[1], error))
            continue
        for plugin in found:
            registry.add(plugin)
    return registry


Provider = tuple[Origin, Path | None, Callable[[], Any], Callable[[Any], Owner] | None]


def _providers(files: Iterable[str | Path]) -> Iterator[Provider]:
    """Yield for each provider its origin, its file, a function that imports it and a function that finds its owner.

    Only plugin files have a file. Built-in plugins have no owner: their changes are marked by revisions, so their
    helpers need not be found.
    """
    for name in BUILTINS:
        yield Origin("built_in"), None, partial(importlib.import_module, name), None
    for entry in importlib.metadata.entry_points(group=hookspecs.PROJECT):
        package = (entry.dist.name, entry.dist.version) if entry.dist else (entry.name, "")
        yield Origin("package", *package), None, entry.load, partial(Owner.of_module, distribution=entry.dist)
    for file in dict.fromkeys(Path(file).resolve() for file in files):
        yield Origin("file", file.name), file, partial(import_file, file), lambda module: Owner.of_file(module.__file__)


def _plugins(manager: pluggy.PluginManager, provider: Provider) -> Iterator[Plugin]:
    """Import a provider and yield its plugins."""
    origin, file, load, owner_of = provider
    module, loaded = import_observed(load, file)
    check_hooks(module)
    manager.register(module)
    sources = find_sources(owner_of(module), loaded) if owner_of else None
    origin = replace(origin, digests=digests_of(sources) if sources else source_digests(inspect.getfile(module)))
    imports = imported_versions(sources) if sources else {}
    for kind in KINDS:
        for implementation in getattr(manager.hook, f"grokbench_{kind}").get_hookimpls():
            if implementation.plugin is module:
                for factory in yielded(kind, implementation.function()):
                    plugin = Plugin(kind, factory.__name__, factory, origin, file, imports)
                    _check_signature(plugin)
                    yield plugin


def _check_signature(plugin: Plugin) -> None:
    for name, parameter in plugin.parameters.items():
        if name in RESERVED:
            raise PluginError(f"parameter {name!r} of {plugin.name} is a reserved word of suites; rename it")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            bare = parameter.replace(annotation=parameter.empty)
            raise PluginError(f"{plugin.name} takes {bare}, which a suite cannot name; remove it")
