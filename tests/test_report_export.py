"""Tables give back every value, and say what each column holds."""

import csv
import io
import math
import struct
import sys
import tracemalloc
from dataclasses import fields
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grokbench
from grokbench.errors import StoreError, SuiteError
from grokbench.io import atomic
from grokbench.judging.ranking import Row
from grokbench.records import Manifest
from grokbench.report.export import export, files, leaderboard, runs
from grokbench.report.export.readme import reference_page
from grokbench.report.export.tidy import BOOLEAN, INTEGER, KINDS, LARGEST, NUMBER, TEXT, Column, Table
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.text.escape import csv_cell

from .helpers import awkward_labels, tiny
from .helpers.result_folders import HERE, a_cell, make

PARSE = {TEXT: str, INTEGER: int, NUMBER: float, BOOLEAN: {"true": True, "false": False}.__getitem__}
MIXED = tuple(Column(kind, kind, "anything", "sometimes", of=itemgetter(i)) for i, kind in enumerate(KINDS))
RECORDS = st.lists(
    st.tuples(
        st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        st.none() | st.integers(-LARGEST, LARGEST),
        st.none() | st.floats(),
        st.none() | st.booleans(),
    ),
    max_size=20,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return awkward_labels.make(tmp_path_factory.mktemp("awkward"))


def tables_of(folder):
    store = Store.load(folder)
    return [runs.runs(store), runs.curves(store), leaderboard.leaderboard(pipeline.judge(store))]


def same(one, other):
    """The same value, to the last bit of a float: every nan is one value, and -0.0 another than 0.0."""
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or struct.pack("d", one) == struct.pack("d", other)
    return type(one) is type(other) and one == other


def equal(rows, others):
    return len(rows) == len(others) and all(
        len(row) == len(other) and all(map(same, row, other)) for row, other in zip(rows, others, strict=True)
    )


def from_csv(content, columns):
    """As the page of an exported folder says that it is read."""
    names, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    assert names == [csv_cell(column.name) for column in columns]
    kinds = [column.kind for column in columns]
    return [tuple(PARSE[k](cell) if cell else None for k, cell in zip(kinds, row, strict=True)) for row in rows]


def from_parquet(content, columns):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(content))
    assert table.column_names == [column.name for column in columns]
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True)) if table.num_rows else []


READ = {"csv": from_csv, "parquet": from_parquet}


def shown(format, rows):
    """The texts of csv are those that a spreadsheet shows and does not calculate."""
    write = csv_cell if format == "csv" else str
    return [tuple(write(cell) if isinstance(cell, str) else cell for cell in row) for row in rows]


formats = pytest.mark.parametrize("format", READ)


@formats
@settings(deadline=None)
@given(records=RECORDS)
def test_any_values_come_back_to_the_last_bit(format, records):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    table, file = Table.of("t", "", MIXED, lambda: records), io.BytesIO()
    assert files.FORMATS[format](table, file) == len(records)
    rows = list(table.rows())
    assert equal(rows, [(text or None, *others) for text, *others in records])
    assert equal(READ[format](file.getvalue(), MIXED), shown(format, rows))


@formats
def test_a_folder_comes_back_whole(folder, tmp_path, format):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    done = tiny.grokbench("export", folder, "--out", tmp_path / "out", "--format", format)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Rows: runs 56, curves 378, leaderboard 8, in ")
    names = [f"{table.name}.{format}" for table in tables_of(folder)]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted([*names, "README.md"])
    for table in tables_of(folder):
        content = (tmp_path / "out" / f"{table.name}.{format}").read_bytes()
        assert equal(READ[format](content, table.columns), shown(format, table.rows()))


def test_runs_say_what_became_of_every_planned_replica(folder):
    rows = {(row["regularizer"], row["seed"]): row for row in grokbench.load_runs(folder).rows()}
    assert len(rows) == 7 * 8
    first, failed, missing = (rows[key] for key in (("baseline", 1000), ("broken", 1003), ("broken", 1004)))
    assert (first["outcome"], first["time"], first["event"], first["seconds_per_epoch"]) == (
        "grokked",
        100.0,
        True,
        0.11,
    )
    assert first["commit"] == "abc-dirty" and rows["baseline", 1001]["commit"] == "abc"
    assert {key: first[key] for key in HERE} == {key: str(value) for key, value in HERE.items()}
    assert (failed["outcome"], failed["time"], failed["error"]) == ("failed", None, 'RuntimeError: a, "b"')
    assert (missing["outcome"], missing["epochs"], missing["event"], missing["budget"]) == ("missing", None, None, 200)
    never = rows["never", 1000]
    assert (never["outcome"], never["grokked_at"], never["time"], never["event"]) == ("censored", None, 200.0, False)


def test_curves_hold_every_evaluation_of_every_metric(folder):
    points = [row for row in tables_of(folder)[1].rows() if row[1:3] == (awkward_labels.FORMULA, 1000)]
    assert {row[3] for row in points} == {"test_accuracy", "a|b,\n"}
    expected = [(2 * i, value) for i, value in enumerate(awkward_labels.VALUES)]
    assert equal([row[4:] for row in points if row[3] == "test_accuracy"], expected)


def test_the_leaderboard_has_the_keys_of_its_rows(folder):
    board = pipeline.judge(Store.load(folder))
    table = leaderboard.leaderboard(board)
    others = [name for name in table.names if not name.startswith("final_")]
    assert others == [field.name for field in fields(Row) if field.name != "final"]
    for row, values in zip(board.rows, table.rows(), strict=True):
        shown = dict(zip(table.names, values, strict=True))
        assert shown["speedup"] == row.speedup and shown["p_holm"] == row.p_holm
        assert shown["notes"] == "; ".join(row.sentences) and shown["privileges"] is None


@formats
def test_one_seed_and_nothing_at_all(tmp_path, format):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    make(tmp_path / "one", seeds=(1000,))
    with Store.open(tmp_path / "none", Manifest("tiny", "", "baseline", (1000, 1001), (a_cell("baseline"),))):
        pass
    for name, counts in (("one", [3, 0, 3]), ("none", [2, 0, 1])):
        store = Store.load(tmp_path / name)
        written = export(store, pipeline.judge(store), tmp_path / "out" / name, format)
        assert list(written.values()) == counts
        for table in tables_of(tmp_path / name):
            content = (tmp_path / "out" / name / f"{table.name}.{format}").read_bytes()
            assert equal(READ[format](content, table.columns), shown(format, table.rows()))


def test_the_page_describes_every_column_of_every_table(folder, tmp_path):
    store = Store.load(folder)
    export(store, pipeline.judge(store), tmp_path / "out")
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for table in tables_of(folder):
        _, section = page.split(f"\n## {table.name}.csv\n")
        lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")][2:]
        assert len(lines) == len(table.columns) and all(column.meaning for column in table.columns)
        for line, column in zip(lines, table.columns, strict=True):
            name, kind, unit, meaning, empty = (cell.strip() for cell in line.replace("\\|", "/").strip("|").split("|"))
            assert (kind, unit, meaning, empty) == (column.kind, column.unit, column.meaning, column.empty)
            assert name == column.name.replace("|", "/").replace("\n", " ").strip()


def test_a_column_that_says_never_to_be_empty_never_is(folder):
    for table in tables_of(folder):
        for row in table.rows():
            assert not [c.name for c, cell in zip(table.columns, row, strict=True) if cell is None and not c.empty]


def test_the_documentation_is_made_of_the_same_definition():
    page = reference_page()
    for column in (*runs.run_columns(["METRIC"]), *runs.CURVES, *leaderboard.row_columns(["METRIC"])):
        assert f"| {column.name} " in page and column.meaning in page


def test_columns_of_parquet_are_typed_and_described(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    files.write_parquet(tables_of(folder)[0], file)
    schema = parquet.read_schema(io.BytesIO(file.getvalue()))
    types = [str(schema.field(name).type) for name in ("task", "seed", "time", "event")]
    assert types == ["string", "int64", "double", "bool"] and all(field.nullable for field in schema)
    assert schema.field("time").metadata[b"unit"] == b"epochs" and schema.field("time").metadata[b"description"]


@formats
def test_memory_does_not_grow_with_the_number_of_rows(format, tmp_path, monkeypatch):
    if format == "parquet":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(files, "ROWS", 1000)
    table = Table("t", "", runs.CURVES, lambda: (("a", "b", 1, "c", i, i / 7) for i in range(50_000)))
    tracemalloc.start()
    with (tmp_path / "t").open("wb") as file:
        assert files.FORMATS[format](table, file) == 50_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3e6  # a list of the rows takes several times that


def test_curves_are_read_one_replica_at_a_time(folder, monkeypatch):
    read, runs_of = [], Store.runs_of

    def counted(self, cell, seeds, curves=False):
        read.append(list(seeds))
        return runs_of(self, cell, seeds, curves)

    monkeypatch.setattr(Store, "runs_of", counted)
    next(runs.curves(Store.load(folder)).rows())
    assert read == [[1000]]


def test_a_missing_pyarrow_leaves_csv_and_is_an_error_for_parquet(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    done = tiny.grokbench("export", folder, "--out", tmp_path / "out", "--format", "parquet")
    assert done.status == 2 and done.err == (
        "Error: Parquet files are written by pyarrow, which is not installed: `pip install 'grokbench[parquet]'`, or "
        "choose --format csv.\n"
    )
    assert not list(tmp_path.iterdir())
    assert tiny.grokbench("export", folder, "--out", tmp_path / "out").status == 0


def test_an_unknown_format_is_refused():
    assert "'xml' is not one of 'csv', 'parquet'" in tiny.grokbench("export", "x", "--format", "xml").err


def test_existing_files_are_kept(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "runs.csv").write_text("mine")
    done = tiny.grokbench("export", folder, "--out", tmp_path / "out")
    assert done.status == 2 and f"{tmp_path / 'out'} exists already: delete it, or choose another" in done.err
    assert (tmp_path / "out" / "runs.csv").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_force_replaces_an_export_and_nothing_else(folder, tmp_path):
    out = tmp_path / "out"
    assert tiny.grokbench("export", folder, "--out", out).status == 0
    before = (out / "runs.csv").read_bytes()
    (out / "runs.csv").write_text("old")
    assert tiny.grokbench("export", folder, "--out", out, "--force").status == 0
    assert (out / "runs.csv").read_bytes() == before
    (out / "mine.txt").write_text("mine")
    assert tiny.grokbench("export", folder, "--out", out, "--force").status == 2 and (out / "mine.txt").exists()


def test_an_export_that_is_interrupted_leaves_nothing(folder, tmp_path, monkeypatch):
    def interrupted(table, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setitem(files.FORMATS, "csv", interrupted)
    store = Store.load(folder)
    with pytest.raises(KeyboardInterrupt):
        export(store, pipeline.judge(store), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_finished_does_not_replace_what_was_there(tmp_path):
    (tmp_path / "file").write_text("before")
    with pytest.raises(KeyboardInterrupt), atomic.writing(tmp_path / "file") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("file", "before")]


def test_a_folder_that_cannot_be_written_is_said(folder, tmp_path):
    done = tiny.grokbench("export", folder, "--out", tmp_path / ("long" * 100))
    assert done.status == 2 and "cannot be written" in done.err and "another folder (--out)" in done.err


def test_the_default_folder_is_exports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "runs" / "tiny")
    assert "in exports/tiny" in tiny.grokbench("export", "runs/tiny").out
    assert (tmp_path / "exports" / "tiny" / "runs.csv").exists()


def test_a_name_of_a_suite_that_leads_out_of_exports_is_refused(folder):
    assert "cannot name a folder: choose one with --out" in tiny.grokbench("export", folder).err


def test_damaged_files_are_missing_and_said(tmp_path):
    make(tmp_path / "runs")
    (tmp_path / "runs" / "runs" / "cfaster" / "1000.json").write_text("{}")
    done = tiny.grokbench("export", tmp_path / "runs", "--out", tmp_path / "out")
    assert done.status == 0 and "runs/cfaster/1000.json is damaged" in done.err
    assert "parity,faster,1000,missing" in (tmp_path / "out" / "runs.csv").read_text()


def test_a_number_that_no_reader_holds_is_refused():
    table = Table.of("t", "", [Column("seed", INTEGER, "", of=itemgetter(0))], lambda: [(2**63,)])
    with pytest.raises(
        StoreError, match="9223372036854775808 has more than 64 bits, expected a seed or a number of epochs"
    ):
        list(table.rows())


def test_ready_raises_nothing_for_csv():
    files.ready("csv")
    with pytest.raises(SuiteError), pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        files.ready("parquet")
