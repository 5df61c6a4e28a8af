"""What figures and the page are drawn from: all of a folder, and no curve of it."""

import math
import tracemalloc

import numpy as np
import pytest

from grokbench.io import atomic
from grokbench.judging.bands import band
from grokbench.judging.evidence import gather
from grokbench.runner import pipeline
from grokbench.store import Store, packs

from .helpers import awkward_labels, curve_folders
from .helpers.result_folders import edit


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    return Store.load(awkward_labels.make(tmp_path_factory.mktemp("awkward")))


def test_the_leaderboard_is_that_of_the_command(strange):
    assert gather(strange).leaderboard == pipeline.judge(strange)


def test_an_awkward_folder(strange):
    found = gather(strange)
    assert found.tasks == [awkward_labels.TASK] and found.methods == [*awkward_labels.EPOCHS, "sam"]
    assert [each.measured.cell.regularizer for each in found.of(awkward_labels.TASK)] == list(awkward_labels.EPOCHS)
    assert found.of("another") == [] and found.rows("another") == [] and found.metrics("another") == []
    assert found.metrics(awkward_labels.TASK) == ["test_accuracy", "a|b,\n"]
    accuracies = found.bands[awkward_labels.TASK, "broken"]["test_accuracy"]
    assert set(accuracies.seeds) == {1000, 1001, 1002, 1005, 1006, 1007}  # 1003 failed, 1004 is missing
    assert accuracies.epochs.tolist() == [0, 2, 4, 6, 8, 10]
    expected = [math.nan, 5e-324, math.nan, math.nan, 0.1 + 0.2, 0.0]
    assert np.array_equal(accuracies.median, expected, equal_nan=True)
    assert set(found.costs) == {(awkward_labels.TASK, label) for label in awkward_labels.EPOCHS}
    assert found.folder == str(strange.directory) and found.complaints == ()


def test_bands_are_those_of_the_stored_runs(tmp_path):
    store = Store.load(curve_folders.make(tmp_path, tasks=("parity", "another")))
    found = gather(store)
    for cell in store.manifest.cells:
        runs = store.runs_of(cell, store.manifest.seeds, curves=True)
        mine = found.bands[cell.task, cell.regularizer]
        assert list(mine) == ["test_accuracy", "train_accuracy", "loss"]
        for label, shown in mine.items():
            assert np.array_equal(shown.median, band(runs, label).median, equal_nan=True)
    assert found.tasks == ["parity", "another"] and found.methods == ["baseline", "faster", "slower"]


def test_curves_that_are_missing_are_told(tmp_path):
    store = Store.load(curve_folders.make(tmp_path / "made"))
    assert gather(store).complaints == ()
    packed = tmp_path / "packed"
    atomic.write_folder(packed, packs.packed(store.manifest, store.each_run(curves=True), store.timings()))
    file = packed / "curves.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:10]))
    runs = len(store.runs())
    told = f"the curves of {runs - 10} of {runs} replicas are missing: charts over epochs leave those out."
    assert told in gather(Store.load(packed)).complaints


def test_a_metric_that_the_cell_does_not_plan_is_there(tmp_path):
    curve_folders.make(tmp_path)
    edit(tmp_path / "manifest.json", lambda data: data["manifest"]["cells"][0]["metrics"].pop("loss"))
    found = gather(Store.load(tmp_path))
    assert found.metrics("parity") == ["test_accuracy", "train_accuracy", "loss"]


def test_cells_that_were_not_begun_are_not_drawn(tmp_path):
    found = gather(Store.load(curve_folders.make(tmp_path, {"baseline": [], "faster": []})))
    assert found.tasks == [] and found.of("parity") == [] and found.methods == ["baseline", "faster"]
    assert found.bands["parity", "faster"] == {} and len(found.leaderboard.rows) == 2


def test_damaged_files_are_said_and_count_as_not_there(tmp_path):
    curve_folders.make(tmp_path)
    (tmp_path / "runs" / "c1" / "1002.json").write_text("{")
    found = gather(Store.load(tmp_path))
    assert len(found.complaints) == 1 and "runs/c1/1002.json is damaged" in found.complaints[0]
    assert 1002 not in found.bands["parity", "faster"]["loss"].seeds


def test_curves_are_not_kept(tmp_path, monkeypatch):
    """Ten cells hold little more than one, though their curves would fill ten times as much."""
    monkeypatch.setattr(curve_folders, "BUDGET", 4_000)

    def held(folder, methods):
        store = Store.load(curve_folders.make(folder, {label: [4_000] * 6 for label in methods}))
        tracemalloc.start()
        found = gather(store)
        kept, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert not any(run.curves for each in found.comparisons.cells for run in each.measured.runs)
        return kept, most

    held(tmp_path / "warm", ["baseline"])
    (_, one), (kept, ten) = held(tmp_path / "1", ["baseline"]), held(tmp_path / "10", ["baseline", *"abcdefghi"])
    curves = 6 * 3 * 2_000 * 2 * 8  # bytes of pointers alone, of the epochs and values of a cell
    assert ten - one < 3 * curves and kept < 3 * curves
