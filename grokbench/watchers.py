"""Who is to look at a suite while it runs: the observers of `--log`, made before anything else is done."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.errors import PluginError, SuiteError
from grokbench.observer import Observer
from grokbench.suite.additions import entries
from grokbench.yaml_problems import short

if TYPE_CHECKING:
    from grokbench.plugins import Registry

__all__ = ["Watcher", "watchers"]

OPTION = "--log"
EXPECTED = "expected an observer's name, or one with its parameters such as 'tensorboard: {folder: logs}'"


@dataclass(frozen=True)
class Watcher:
    """An observer, and whose it is."""

    name: str
    origin: str
    file: Path  # of its source
    observer: Observer


def watchers(given: Sequence[str], registry: "Registry") -> tuple[Watcher, ...]:
    """The observers that a command names; SuiteError, with every mistake at once, where one cannot be had."""
    named = [pair for each in given for pair in entries(each, OPTION, EXPECTED).items()]
    if faults := [fault for name, parameters in named for fault in _faults(name, parameters, registry)]:
        raise SuiteError("\n".join(f"{OPTION} {fault}" for fault in faults))
    return tuple(_made(name, parameters or {}, registry) for name, parameters in named)


def _faults(name: str, parameters: Any, registry: "Registry") -> Iterator[str]:
    if not isinstance(parameters, Mapping | None):
        yield f"{short(name)}: {EXPECTED}"
        return
    try:
        plugin = registry.get("observers", name)
    except PluginError as error:
        yield f"{short(name)}: {error}"
        return
    for parameter, fault in plugin.faults(parameters or {}):
        yield f"{name}.{short(parameter)}: {fault}"


def _made(name: str, parameters: Mapping[str, Any], registry: "Registry") -> Watcher:
    plugin = registry.get("observers", name)
    try:
        made = plugin.make(parameters)
    except PluginError as error:
        raise SuiteError(f"{OPTION} {name}: {error}") from error
    if not isinstance(made, Observer):
        raise SuiteError(f"{OPTION} {name}: it returns a {type(made).__name__}, expected an Observer")
    return Watcher(name, plugin.origin, Path(inspect.getfile(inspect.unwrap(plugin.factory))), made)
