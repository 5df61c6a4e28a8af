"""A packed folder says what the whole one said, in a few files, and is gone on with like any other."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from grokbench.cli import commands
from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.records import Curve, Outcome
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.store.packs import POINTS, Pack, thin
from grokbench.store.packs import packed as files_of
from grokbench.store.status import count_replicas

from .helpers.result_folders import BASELINE, SEEDS, a_cell, a_run, edit, make

LONG = Curve(tuple(range(0, 10_000, 2)), tuple(math.sin(i / 7) for i in range(5000)))


@pytest.fixture
def whole(tmp_path):
    """A folder of three methods, one replica of which has a long curve."""
    folder = make(tmp_path / "whole")
    cell = a_cell("faster")
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.save(replace(a_run(cell, SEEDS[0], 50), epochs=10_000, curves={"test_accuracy": LONG}))
    return folder


@pytest.fixture
def packed(whole, tmp_path):
    result = CliRunner().invoke(commands, ["pack", str(whole), "--out", str(tmp_path / "packed")])
    assert result.exit_code == 0, result.output
    return tmp_path / "packed"


def test_a_packed_folder_gives_the_leaderboard_of_the_whole_one(whole, packed):
    assert pipeline.judge(Store.load(packed)) == pipeline.judge(Store.load(whole))
    names = ["curves.jsonl", "leaderboard.md", "ledger.jsonl", "manifest.json", "outcomes.jsonl", "timings.jsonl"]
    assert sorted(file.name for file in packed.iterdir()) == names
    assert "faster" in (packed / "leaderboard.md").read_text()


def test_a_pack_keeps_everything_but_fine_curves(whole, packed):
    for before, after in zip(Store.load(whole).runs(), Store.load(packed).runs(), strict=True):
        assert after.provenance["curves"] == "thinned to 200 points, float32"
        assert replace(after, provenance=before.provenance) == before


def test_a_thinned_curve_keeps_both_ends_and_close_points_early(whole, packed):
    (curve,) = [run.curves["test_accuracy"] for run in Store.load(packed).runs(curves=True) if run.curves]
    assert (curve.epochs[0], curve.epochs[-1]) == (LONG.epochs[0], LONG.epochs[-1])
    assert POINTS / 2 < len(curve.epochs) <= POINTS and list(curve.epochs) == sorted(set(curve.epochs))
    assert curve.epochs[:5] == LONG.epochs[:5]
    where = dict(zip(LONG.epochs, LONG.values, strict=True))
    assert [np.float32(v) for v in curve.values] == [np.float32(where[e]) for e in curve.epochs]


def test_short_curves_are_rounded_and_non_finite_values_stay():
    thinned = thin(Curve((0, 1, 2, 3), (0.1, math.nan, math.inf, 1e300)))
    assert thinned.epochs == (0, 1, 2, 3) and thinned.values[0] == 0.1
    assert math.isnan(thinned.values[1]) and thinned.values[2] == thinned.values[3] == math.inf


def test_opened_to_be_written_it_is_unpacked_and_nothing_is_left_to_train(whole, packed):
    before = pipeline.judge(Store.load(packed))
    with Store.open(packed, Store.load(packed).manifest) as store:
        assert all(store.finished(cell, SEEDS) == set(SEEDS) for cell in store.manifest.cells)
        assert (packed / "runs/cfaster/1000.json").exists()
    assert [file.name for file in packed.glob("*.jsonl")] == ["ledger.jsonl"]
    assert pipeline.judge(Store.load(packed)) == before


def test_an_unpacked_run_can_be_superseded_for_good(packed):
    with Store.open(packed, Store.load(packed).manifest) as store:
        store.supersede("cfaster", 1000)
        assert store.finished(a_cell("faster"), SEEDS) == set(SEEDS[1:])


def test_a_kill_while_unpacking_loses_nothing(packed, tmp_path):
    whole = pipeline.judge(Store.load(packed))
    shutil.copytree(packed, tmp_path / "again")
    with Store.open(packed, Store.load(packed).manifest):
        pass
    shutil.copytree(packed / "runs", tmp_path / "again/runs")  # every run is out, and the packed files still there
    (tmp_path / "again/curves.jsonl").unlink()
    with Store.open(tmp_path / "again", Store.load(tmp_path / "again").manifest) as store:
        assert pipeline.judge(store) == whole
        store.save(a_run(a_cell("faster"), 1000, 60))
    assert Store.load(tmp_path / "again").runs_of(a_cell("faster"), [1000])[0].grokked_at == 60


def test_a_damaged_file_is_replaced_by_the_packed_copy(packed):
    (packed / "runs/cfaster").mkdir(parents=True)
    (packed / "runs/cfaster/1000.json").write_text("{half")
    (packed / "timings").mkdir()
    (packed / "timings/cfaster.json").write_text("{half")
    lines = CliRunner().invoke(commands, ["status", str(packed)]).output
    assert "1 damaged" not in lines and "missing, " not in lines.splitlines()[0].split("0 missing")[0]
    with Store.open(packed, Store.load(packed).manifest) as store:
        assert count_replicas(store)["missing"] == 0 and len(store.timings()) == 3 and not store.damaged


def broken(packed, name, change):
    """The pack, with the lines of one file changed."""
    lines = (packed / name).read_bytes().splitlines(keepends=True)
    (packed / name).write_bytes(b"".join(change(lines)))
    return packed


DAMAGE = {
    "half a line": ("outcomes.jsonl", lambda lines: [lines[0], b"{half a li\n", *lines[2:]], "outcomes.jsonl:2"),
    "no end": ("outcomes.jsonl", lambda lines: [*lines[:-1], lines[-1][:50]], "outcomes.jsonl:24"),
    "another kind": ("timings.jsonl", lambda lines: [b"[]\n", *lines[1:]], "timings.jsonl:1"),
    "bytes": ("curves.jsonl", lambda lines: [b"\xff\n", *lines[1:]], "curves.jsonl:1"),
    "an empty line": ("curves.jsonl", lambda lines: [*lines, b"\n"], "curves.jsonl:25"),
    "a name that leads out": (
        "outcomes.jsonl",
        lambda lines: [lines[0].replace(b'"cbaseline"', b'"../../out"'), *lines[1:]],
        "outcomes.jsonl:1",
    ),
    "a contradiction": (
        "outcomes.jsonl",
        lambda lines: [*lines, lines[0].replace(b'"grokked_at":100', b'"grokked_at":20')],
        "outcomes.jsonl:25",
    ),
    "curves that do not fit": (
        "curves.jsonl",
        lambda lines: [*lines[:8], lines[8].replace(b'"epochs":[0,', b'"epochs":['), *lines[9:]],
        "curves.jsonl:9",
    ),
    "curves of nobody": ("outcomes.jsonl", lambda lines: lines[1:], "curves.jsonl (curves of 1 replica"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_pack_is_not_unpacked_and_nothing_of_it_is_lost(packed, damage):
    name, change, where = DAMAGE[damage]
    before = {file.name: file.read_bytes() for file in broken(packed, name, change).iterdir()}
    with pytest.raises(StoreError) as error, Store.open(packed, Store.load(packed).manifest):
        pass
    assert where in str(error.value) and "put back a good copy of these files (from git), or delete" in str(error.value)
    after = {file.name: file.read_bytes() for file in packed.iterdir() if file.name != ".lock"}
    assert after | {"manifest.json": b""} == before | {"manifest.json": b""}


def test_a_damaged_line_is_named_and_counts_as_missing(packed):
    broken(packed, *DAMAGE["half a line"][:2])
    result = CliRunner().invoke(commands, ["leaderboard", str(packed)])
    assert "outcomes.jsonl:2 is damaged and counts as missing: put back a good copy" in result.output
    assert count_replicas(Store.load(packed))["missing"] == 1


def test_very_many_damaged_lines_are_counted(packed):
    broken(packed, "outcomes.jsonl", lambda lines: [b"x\n"] * 1000)
    result = CliRunner().invoke(commands, ["leaderboard", str(packed)])
    assert result.output.count("is damaged") == 20 and "980 more are damaged" in result.output


def test_a_line_twice_is_no_contradiction(packed):
    broken(packed, "outcomes.jsonl", lambda lines: [*lines, lines[0]])
    with Store.open(packed, Store.load(packed).manifest) as store:
        assert count_replicas(store)["missing"] == 0


@pytest.mark.parametrize("occupant", ["file", "notes", "pack", "folder", "link"])
def test_a_pack_is_never_written_over_anything(whole, tmp_path, occupant):
    target = tmp_path / "target"
    if occupant == "file":
        target.write_text("mine")
    elif occupant == "notes":
        target.mkdir()
        (target / "notes.txt").write_text("mine")
    elif occupant == "pack":
        assert CliRunner().invoke(commands, ["pack", str(whole), "--out", str(target)]).exit_code == 0
    elif occupant == "folder":
        make(target, {"baseline": BASELINE})
    else:
        target.symlink_to(tmp_path / "nowhere")
    result = CliRunner().invoke(commands, ["pack", str(whole), "--out", str(target)])
    assert isinstance(result.exception, StoreError)
    assert f"{target} exists already: delete it, or choose another folder (--out)." in str(result.exception)
    assert not list(tmp_path.glob(".target*"))


def test_a_pack_that_was_killed_leaves_no_folder_and_is_repeated(whole, tmp_path, monkeypatch):
    target, write = tmp_path / "target", atomic.write

    def killed(path, content):
        write(path, content)
        if path.name == "curves.jsonl":
            raise KeyboardInterrupt

    monkeypatch.setattr(atomic, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        atomic.write_folder(target, files_of(Store.load(whole).manifest, Store.load(whole).each_run(), []))
    assert not target.exists()
    monkeypatch.undo()
    assert CliRunner().invoke(commands, ["pack", str(whole), "--out", str(target)]).exit_code == 0
    assert not list(tmp_path.glob(".target*"))


def test_the_default_folder_is_results(whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(commands, ["pack", str(whole)])
    assert "in results/tiny" in result.output and (tmp_path / "results/tiny/outcomes.jsonl").exists()


def test_a_name_of_a_suite_that_leads_out_of_results_is_refused(whole):
    edit(whole / "manifest.json", lambda data: data["manifest"].update(suite="../../evil"))
    result = CliRunner().invoke(commands, ["pack", str(whole)])
    assert isinstance(result.exception, StoreError) and "choose one with --out" in str(result.exception)


def test_a_folder_that_cannot_be_written_is_said(whole, tmp_path):
    result = CliRunner().invoke(commands, ["pack", str(whole), "--out", str(tmp_path / ("long" * 100))])
    assert isinstance(result.exception, StoreError) and "cannot be written" in str(result.exception)


def test_unplanned_replicas_are_left_out_and_reported(whole, tmp_path):
    edit(whole / "manifest.json", lambda data: data["manifest"].update(seeds=list(SEEDS[:6])))
    result = CliRunner().invoke(commands, ["pack", str(whole), "--out", str(tmp_path / "p")])
    assert "Left out: 6 replicas of cells or seeds" in result.output
    assert len(Pack(tmp_path / "p").runs) == 18


def test_a_failed_replica_is_packed_with_its_error_and_repeated(whole, tmp_path):
    cell = a_cell("faster")
    failed = replace(a_run(cell, 1001, None), outcome=Outcome.FAILED, error="Traceback: it broke")
    atomic.write_folder(tmp_path / "p", files_of(Store.load(whole).manifest, [failed], []))
    assert Pack(tmp_path / "p").runs[cell.identity, 1001].error == "Traceback: it broke"
    assert Store.load(tmp_path / "p").finished(cell, [1001]) == set()
