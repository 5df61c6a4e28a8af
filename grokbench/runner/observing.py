"""Observers of a run: created from `--log` before training, notified of events, dropped when they raise."""

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from grokbench.errors import PluginError, SuiteError
from grokbench.observer import Observer
from grokbench.plugins.source_lines import innermost
from grokbench.records import Origin, Run
from grokbench.suite.additions import entries
from grokbench.text.options import Option
from grokbench.text.suggest import short

if TYPE_CHECKING:
    from grokbench.plugins import Registry

__all__ = ["AttachedObserver", "Observers", "make_observers"]

EXPECTED = "expected an observer's name, or a name with parameters such as 'tensorboard: {folder: logs}'"


@dataclass(frozen=True)
class AttachedObserver:
    """An observer, and the plugin that it comes from.

    Attributes:
        name: the name of the plugin.
        origin: the origin of the plugin, as in a run's provenance.
        file: the plugin's source file.
        observer: the functions to call.
    """

    name: str
    origin: Origin
    file: Path
    observer: Observer


def make_observers(given: Sequence[str], registry: "Registry") -> tuple[AttachedObserver, ...]:
    """Create the observers that a command names.

    Args:
        given: the values of `--log`; each is a name, or a YAML mapping of names to parameters.
        registry: the plugins, with the factories of observers.

    Returns:
        The observers, in the given order.

    Raises:
        SuiteError: a name or a parameter is wrong; the message lists every mistake.
    """
    named = [pair for each in given for pair in entries(each, "log", EXPECTED).items()]
    if faults := [fault for name, parameters in named for fault in _faults(name, parameters, registry)]:
        raise SuiteError("\n".join(f"{Option('log')} {fault}" for fault in faults))
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


def _made(name: str, parameters: Mapping[str, Any], registry: "Registry") -> AttachedObserver:
    plugin = registry.get("observers", name)
    try:
        made = plugin.make(parameters)
    except PluginError as error:
        raise SuiteError(f"{Option('log', name)}: {error}") from error
    if not isinstance(made, Observer):
        raise SuiteError(f"{Option('log', name)}: its function returned a {type(made).__name__}, expected an Observer")
    return AttachedObserver(name, plugin.origin, Path(inspect.getfile(inspect.unwrap(plugin.factory))), made)


class Observers:
    """The observers of a run, as a context manager that closes them. An observer that raises is dropped."""

    def __init__(self, attached: Iterable[AttachedObserver], say: Callable[[str], None]) -> None:
        """Attach observers.

        Args:
            attached: the observers, in the order in which they are notified.
            say: prints a line for the user.
        """
        self._attached, self._say = list(attached), say

    def __enter__(self) -> Self:
        """Return the observers."""
        return self

    def __exit__(self, *error: object) -> None:
        """Notify the observers of `close`, also after an interruption."""
        self.notify("close")

    def wants(self, event: str) -> bool:
        """Return whether any observer handles an event, a field of `Observer`; if not, its records need not be made."""
        return any(getattr(attached.observer, event) for attached in self._attached)

    def notify(self, event: str, *records: Any) -> None:
        """Call every observer that handles an event.

        Args:
            event: a field of `Observer`.
            records: the arguments of the observer's function; each observer gets copies.
        """
        for attached in tuple(self._attached):
            if handle := getattr(attached.observer, event):
                try:
                    handle(*map(_copied, records))
                except (Exception, SystemExit) as raised:
                    self._attached.remove(attached)
                    self._say(_warning(attached, event, raised))


def _copied(record: Any) -> Any:
    """Copy a record; the curves of a run are long and immutable, so copies share them."""
    curves = record.curves.values() if isinstance(record, Run) else ()
    return deepcopy(record, {id(curve): curve for curve in curves})


def _warning(attached: AttachedObserver, event: str, raised: BaseException) -> str:
    """Name the observer that is dropped, and the line that raised."""
    place = innermost(traceback.extract_tb(raised.__traceback__), attached.file)
    return (
        f"Warning: the observer {attached.name} ({attached.origin}) is dropped, and the run goes on: "
        f"{event} raised {type(raised).__name__}: {raised}{f' ({place})' if place else ''}"
    )
