"""Tidy tables: what a row is, and what every column holds. One definition, which writers and documentation share."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from grokbench.errors import StoreError

__all__ = ["BOOLEAN", "INTEGER", "KINDS", "NUMBER", "TEXT", "Column", "Table", "Value"]

Value = str | int | float | bool | None
TEXT, INTEGER, NUMBER, BOOLEAN = KINDS = ("text", "integer", "number", "boolean")
LARGEST = 2**63 - 1  # what an integer of 64 bits holds


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    kind: str  # one of KINDS
    meaning: str
    empty: str = ""  # when there is no value; "" where there always is one
    unit: str = ""
    of: Callable[[Any], Any] | None = None  # the value of a record; None for its attribute of that name

    @property
    def read(self) -> Callable[[Any], Value]:
        """What takes this column's value out of a record."""
        take, convert = self.of or attrgetter(self.name), CONVERT[self.kind]
        return lambda record: None if (found := take(record)) is None else convert(found)


@dataclass(frozen=True)
class Table:
    """Columns, and rows that come one at a time: there may be millions."""

    name: str
    about: str  # what a row is
    columns: tuple[Column, ...]
    rows: Callable[[], Iterator[tuple[Value, ...]]]

    @classmethod
    def of(cls, name: str, about: str, columns: Iterable[Column], records: Callable[[], Iterable[Any]]) -> "Table":
        """A table with a row per record."""
        columns = tuple(columns)
        read = [column.read for column in columns]
        return cls(name, about, columns, lambda: (tuple(take(record) for take in read) for record in records()))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)


def _text(value: Any) -> str | None:
    """Text as it is; an empty one is no value, which a csv file could not tell from it."""
    return str(value) or None


def _integer(value: Any) -> int:
    if abs(value) > LARGEST:
        raise StoreError(
            f"the whole number {value} has more than 64 bits, expected a seed or epochs: a file was edited."
        )
    return int(value)


CONVERT: dict[str, Callable[[Any], Value]] = {TEXT: _text, INTEGER: _integer, NUMBER: float, BOOLEAN: bool}
