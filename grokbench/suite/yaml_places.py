"""The data of a YAML file, with the place of every key and value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grokbench.suite.problems import KeyPath, Place, Problem
from grokbench.text.options import Option

__all__ = ["Document"]


@dataclass(frozen=True)
class Document:
    """The content of one YAML file.

    Attributes:
        file: the name of the file in messages.
        data: mappings, lists and scalars.
        keys: key path -> place of the key.
        values: key path -> place of the value.
        problems: the problems that did not end the reading.
        grafts: key path -> the option that added it; empty if everything is in the file.
    """

    file: str
    data: Any
    keys: Mapping[KeyPath, Place] = field(repr=False, default_factory=dict)
    values: Mapping[KeyPath, Place] = field(repr=False, default_factory=dict)
    problems: tuple[Problem, ...] = ()
    grafts: Mapping[KeyPath, Option] = field(repr=False, default_factory=dict)

    def origin(self, path: KeyPath) -> Option | None:
        """Find the option that added a key path; None for a key path in the file."""
        return next((origin for graft, origin in self.grafts.items() if path[: len(graft)] == graft), None)

    def holds(self, path: KeyPath) -> bool:
        """Return whether the data has a key at this path."""
        data = self.data
        for key in path:
            if not isinstance(data, dict) or key not in data:
                return False
            data = data[key]
        return True

    def place(self, path: KeyPath, at_key: bool = True) -> Place:
        """Find the line and column, from 1, of a key or its value; for an unknown key, of its nearest parent."""
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        for length in range(len(path), -1, -1):
            found = first.get(path[:length]) or second.get(path[:length])
            if found:
                return found
        return (1, 1)

    def where(self, path: KeyPath, at_key: bool = True) -> str:
        """Return `file:line:column` of a key path or its nearest existing parent; for an added key path, the option."""
        line, column = self.place(path, at_key)
        return str(self.origin(path) or f"{self.file}:{line}:{column}")
