"""A packed folder says what the whole one said, in a few files, and is gone on with like any other."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from grokbench import pipeline
from grokbench.cli import commands
from grokbench.errors import StoreError
from grokbench.packs import POINTS, Pack, thin, write_pack
from grokbench.records import Curve, Outcome, Timing
from grokbench.store import Store

from .folders import BASELINE, SEEDS, a_cell, a_run, make

LONG = Curve(tuple(range(0, 10_000, 2)), tuple(math.sin(i / 7) for i in range(5000)))


@pytest.fixture
def whole(tmp_path):
    """A folder of three methods, one replica of which has a long curve."""
    folder = make(tmp_path / "whole")
    cell = a_cell("faster")
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.save(replace(a_run(cell, SEEDS[0], 50), curves={"test_accuracy": LONG}))
    return folder


@pytest.fixture
def packed(whole, tmp_path):
    result = CliRunner().invoke(commands, ["pack", str(whole), "--out", str(tmp_path / "packed")])
    assert result.exit_code == 0, result.output
    return tmp_path / "packed"


def test_a_packed_folder_gives_the_leaderboard_of_the_whole_one(whole, packed):
    assert pipeline.judge(Store.load(packed)) == pipeline.judge(Store.load(whole))
    names = ["curves.jsonl", "leaderboard.md", "manifest.json", "outcomes.jsonl", "timings.jsonl"]
    assert sorted(file.name for file in packed.iterdir()) == names
    assert "faster" in (packed / "leaderboard.md").read_text()


def test_a_pack_keeps_everything_but_fine_curves(whole, packed):
    for before, after in zip(Store.load(whole).runs(), Store.load(packed).runs(), strict=True):
        assert after.provenance["curves"] == "thinned to 200 points, float32"
        assert replace(after, provenance=before.provenance) == before


def test_a_thinned_curve_keeps_both_ends_and_close_points_early(whole, packed):
    (curve,) = [run.curves["test_accuracy"] for run in Store.load(packed).runs(curves=True) if run.curves]
    assert (curve.epochs[0], curve.epochs[-1]) == (LONG.epochs[0], LONG.epochs[-1])
    assert POINTS / 2 < len(curve.epochs) <= POINTS + 1 and list(curve.epochs) == sorted(set(curve.epochs))
    assert curve.epochs[:5] == LONG.epochs[:5]
    where = dict(zip(LONG.epochs, LONG.values, strict=True))
    assert [np.float32(v) for v in curve.values] == [np.float32(where[e]) for e in curve.epochs]


def test_what_is_short_is_only_rounded_and_what_is_not_finite_stays():
    thinned = thin(Curve((0, 1, 2, 3), (0.1, math.nan, math.inf, 1e300)))
    assert thinned.epochs == (0, 1, 2, 3) and thinned.values[0] == 0.1
    assert math.isnan(thinned.values[1]) and thinned.values[2] == thinned.values[3] == math.inf


def test_opened_to_be_written_it_is_unpacked_and_nothing_is_left_to_train(whole, packed):
    before = pipeline.judge(Store.load(packed))
    with Store.open(packed, Store.load(packed).manifest) as store:
        assert all(store.finished(cell, SEEDS) == set(SEEDS) for cell in store.manifest.cells)
        assert (packed / "runs/cfaster/1000.json").exists()
    assert not list(packed.glob("*.jsonl")) and pipeline.judge(Store.load(packed)) == before


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
    newer = a_run(a_cell("faster"), 1000, 60)
    (tmp_path / "again/curves.jsonl").unlink()
    with Store.open(tmp_path / "again", Store.load(tmp_path / "again").manifest) as store:
        assert pipeline.judge(store) == whole
        store.save(newer)
    assert Store.load(tmp_path / "again").runs_of(a_cell("faster"), [1000])[0].grokked_at == 60


def test_a_damaged_line_is_named_counts_as_missing_and_is_kept(packed):
    lines = (packed / "outcomes.jsonl").read_bytes().splitlines(keepends=True)
    (packed / "outcomes.jsonl").write_bytes(b"".join([lines[0], b"{half a li\n", *lines[2:]]))
    result = CliRunner().invoke(commands, ["leaderboard", str(packed)])
    assert "outcomes.jsonl:2 is damaged and counts as missing" in result.output
    with Store.open(packed, Store.load(packed).manifest) as store:
        assert store.status()["missing"] == 1
    assert b"half a li" in (packed / "superseded/outcomes.jsonl").read_bytes()


@pytest.mark.parametrize("line", [b"[]\n", b"\xff\n", b'{"identity": "../../etc", "seed": 1}\n', b"\n"])
def test_a_line_of_something_else_is_damaged(packed, line):
    (packed / "timings.jsonl").write_bytes(line)
    store = Store.load(packed)
    assert store.timings() == [] and store.damaged == ["timings.jsonl:1"]


def test_a_name_that_leads_out_of_the_folder_is_refused(packed):
    text = (packed / "outcomes.jsonl").read_text().replace('"cfaster"', '"../../out"', 1)
    (packed / "outcomes.jsonl").write_text(text)
    with pytest.raises(StoreError, match="cannot name a file"), Store.open(packed, Store.load(packed).manifest):
        pass


def test_packing_again_replaces_an_earlier_pack(whole, packed):
    with Store.open(whole, Store.load(whole).manifest) as store:
        store.save_timing(Timing("cfaster", (0.5,)))
    assert CliRunner().invoke(commands, ["pack", str(whole), "--out", str(packed)]).exit_code == 0
    assert Store.load(packed).timings()[1].seconds_per_epoch == (0.5,)


def test_packing_never_loses_replicas_that_only_the_pack_has(whole, packed):
    (whole / "runs/cfaster/1000.json").unlink()
    result = CliRunner().invoke(commands, ["pack", str(whole), "--out", str(packed)])
    assert result.exit_code != 0 and isinstance(result.exception, StoreError)
    assert "holds 1 replica that is not in the folder to be packed" in str(result.exception)
    assert len(Store.load(packed).runs()) == 3 * len(SEEDS)


@pytest.mark.parametrize("occupant", ["notes.txt", "another suite", "a whole folder"])
def test_packing_into_anything_else_is_refused(whole, tmp_path, occupant):
    target = tmp_path / "target"
    if occupant == "notes.txt":
        target.mkdir()
        (target / occupant).write_text("mine")
    elif occupant == "another suite":
        other = replace(Store.load(whole).manifest, suite="other")
        write_pack(target, other, [], [])
    else:
        make(target, {"baseline": BASELINE})
    with pytest.raises(StoreError, match="something else than a packed tiny"):
        write_pack(target, Store.load(whole).manifest, [], [])


def test_a_failed_replica_is_packed_with_its_error_and_repeated(whole, tmp_path):
    cell = a_cell("faster")
    failed = replace(a_run(cell, 1001, None), outcome=Outcome.FAILED, error="Traceback: it broke")
    write_pack(tmp_path / "p", Store.load(whole).manifest, [failed], [])
    assert Pack(tmp_path / "p").runs[cell.identity, 1001].error == "Traceback: it broke"
    assert Store.load(tmp_path / "p").finished(cell, [1001]) == set()
