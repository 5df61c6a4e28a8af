"""Write tidy tables as csv (with Python's `csv` module) or parquet (with pyarrow), without a whole table in memory.

A number that is read back equals the number that was written.

A csv file is comma-separated UTF-8 with lines that end in CR LF (RFC 4180); its texts are escaped by `csv_cell`. A
number is written as the shortest decimal that rounds to the same float64. `nan`, `inf` and `-inf` are values; an empty
field means that there is no value.
"""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from grokbench.errors import SuiteError
from grokbench.report.export.tidy import BOOLEAN, INTEGER, NUMBER, TEXT, Table, Value
from grokbench.text.escape import csv_cell

__all__ = ["FORMATS", "ready", "write_csv", "write_parquet"]

ROWS = 2**16  # rows in memory at a time
BOOLEANS = {True: "true", False: "false"}


def ready(format: str) -> None:
    """Check that the library that writes a format is installed.

    Raises:
        SuiteError: the library is not installed.
    """
    if format == "parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise SuiteError(
                "Parquet files are written by pyarrow, which is not installed: `pip install 'grokbench[parquet]'`, or "
                "choose --format csv."
            ) from None


def write_csv(table: Table, file: BinaryIO) -> int:
    """Write a table as csv and return its number of rows.

    Args:
        table: the table; its rows are generated and written one by one.
        file: the open file, which stays open.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=False)
    writer, count = csv.writer(text), 0
    writer.writerow(map(csv_cell, table.names))
    for count, row in enumerate(table.rows(), 1):  # noqa: B007 - the last value of `count` is returned
        writer.writerow(map(_field, row))
    text.flush()
    text.detach()
    return count


def _field(cell: Value) -> Value:
    """Write a boolean as a word, and text so that a spreadsheet shows it unchanged; numbers are returned unchanged."""
    if isinstance(cell, bool):
        return BOOLEANS[cell]
    return csv_cell(cell) if isinstance(cell, str) else cell


def write_parquet(table: Table, file: BinaryIO) -> int:
    """Write a table as parquet, with nullable columns described in the schema, and return its number of rows.

    Args:
        table: the table; its rows are generated and written in chunks.
        file: the open file, which stays open.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, count = _schema(table), 0
    with pq.ParquetWriter(file, schema) as writer:
        for rows in _chunks(table.rows()):
            cells = zip(*rows, strict=True)
            arrays = [
                pa.array(list(map(_encodable, cell)), field.type, from_pandas=False)
                for cell, field in zip(cells, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(rows)
    return count


def _encodable(cell: Value) -> Value:
    """Escape lone surrogates, which UTF-8 cannot encode."""
    return cell.encode(errors="backslashreplace").decode() if isinstance(cell, str) else cell


def _schema(table: Table) -> Any:
    import pyarrow as pa

    kinds = {TEXT: pa.string(), INTEGER: pa.int64(), NUMBER: pa.float64(), BOOLEAN: pa.bool_()}
    about = {column.name: {"description": column.meaning, "unit": column.unit} for column in table.columns}
    columns = [(each, about[each.name]) for each in table.columns]
    return pa.schema([pa.field(_encodable(each.name), kinds[each.kind], metadata=words) for each, words in columns])


def _chunks(rows: Iterator[tuple[Value, ...]]) -> Iterator[list[tuple[Value, ...]]]:
    while chunk := list(islice(rows, ROWS)):
        yield chunk


FORMATS: dict[str, Callable[[Table, BinaryIO], int]] = {"csv": write_csv, "parquet": write_parquet}
