"""Tidy tables and their columns, defined once for the writers and for the documentation."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from grokbench.errors import StoreError

__all__ = ["BOOLEAN", "INTEGER", "KINDS", "NUMBER", "TEXT", "Column", "Table", "Value"]

Value = str | int | float | bool | None
TEXT, INTEGER, NUMBER, BOOLEAN = KINDS = ("text", "integer", "number", "boolean")
LARGEST = 2**63 - 1  # the largest integer of 64 bits


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: the name of the column, unique in the table.
        kind: the kind of its values, one of KINDS.
        meaning: a description of its values.
        empty: a description of the rows without a value; empty if every row has one.
        unit: the unit of its values; empty if they have none.
        of: a function that reads the value from a record; None to read the record's attribute `name`.
    """

    name: str
    kind: str
    meaning: str
    empty: str = ""
    unit: str = ""
    of: Callable[[Any], Any] | None = None

    @property
    def read(self) -> Callable[[Any], Value]:
        """A function that reads the column's value from a record."""
        get, convert = self.of or attrgetter(self.name), CONVERT[self.kind]
        return lambda record: None if (found := get(record)) is None else convert(found)


@dataclass(frozen=True)
class Table:
    """A table whose rows are made one at a time, because there may be millions.

    Attributes:
        name: the name of the table.
        about: a description of a row.
        columns: the columns, in order.
        rows: a function that returns an iterator over the rows.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterator[tuple[Value, ...]]]

    @classmethod
    def of(cls, name: str, about: str, columns: Iterable[Column], records: Callable[[], Iterable[Any]]) -> "Table":
        """Create a table with a row for each record.

        Args:
            name: the name of the table.
            about: a description of a row.
            columns: the columns, in order.
            records: a function that returns the records.
        """
        columns = tuple(columns)
        readers = [column.read for column in columns]
        return cls(name, about, columns, lambda: (tuple(read(record) for read in readers) for record in records()))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


def _text(value: Any) -> str | None:
    """Convert to text; an empty text becomes None, because a csv file cannot distinguish the two."""
    return str(value) or None


def _integer(value: Any) -> int:
    if abs(value) > LARGEST:
        raise StoreError(
            f"the whole number {value} has more than 64 bits, expected a seed or a number of epochs: a file was edited."
        )
    return int(value)


CONVERT: dict[str, Callable[[Any], Value]] = {TEXT: _text, INTEGER: _integer, NUMBER: float, BOOLEAN: bool}
