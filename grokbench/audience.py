"""The observers of a run: told what happens, and sent away when they raise."""

import traceback
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, Self

from grokbench.places import innermost
from grokbench.records import Run
from grokbench.watchers import Watcher

__all__ = ["Audience"]


class Audience:
    """Those who look on, until the context ends. None of them can break a run: one that raises hears nothing more."""

    def __init__(self, watchers: Iterable[Watcher], say: Callable[[str], None]) -> None:
        """`say` tells the user a line."""
        self._there, self._say = list(watchers), say

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *error: object) -> None:
        """Have them close what they opened, also after an interruption."""
        self.tell("close")

    def wants(self, event: str) -> bool:
        """Whether somebody asks for an event, a field of `Observer`: what it takes to tell may cost something."""
        return any(getattr(watcher.observer, event) for watcher in self._there)

    def tell(self, event: str, *records: Any) -> None:
        """Tell everybody who asks for this event, each with copies of the records."""
        for watcher in tuple(self._there):
            if listen := getattr(watcher.observer, event):
                try:
                    listen(*map(_copied, records))
                except (Exception, SystemExit) as raised:
                    self._there.remove(watcher)
                    self._say(_complaint(watcher, event, raised))


def _copied(record: Any) -> Any:
    """A copy of a record. The curves of a run, long and of tuples alone, are shared."""
    curves = record.curves.values() if isinstance(record, Run) else ()
    return deepcopy(record, {id(curve): curve for curve in curves})


def _complaint(watcher: Watcher, event: str, raised: BaseException) -> str:
    """Who is sent away, and what its author has to mend."""
    place = innermost(traceback.extract_tb(raised.__traceback__), watcher.file)
    return (
        f"Warning: the observer {watcher.name} ({watcher.origin}) is told nothing more, and the run goes on: "
        f"{event} raised {type(raised).__name__}: {raised}{f' ({place})' if place else ''}"
    )
