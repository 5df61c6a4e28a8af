"""The shipped observer: its event files are read back with TensorBoard's own reader, where that is installed."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench.engine import timing
from grokbench.launchers.local import pool
from grokbench.observers.tensorboard import NAME, digest, safe, tensorboard
from grokbench.records import Cell, Curve, Outcome, Planned, Recipe, Run, Use
from grokbench.store import Store

from .helpers import tiny
from .helpers.tiny import grokbench

RECIPE = Recipe(
    task=Use("sparse_parity", {"bits": 8, "sizes": [1, 2]}),
    regularizers=(Use("grokalign", {"strength": 0.5, "norm": "squared"}),),
)
CURVES = {"test_accuracy": Curve((0, 1, 2), (0.25, 0.5, 1.0)), "weight_norm": Curve((0, 2), (1.5, math.nan))}
CELL = Cell("parity", "a/b", "c", RECIPE, 4, 1, {})
RUN = Run("c", 1000, Outcome.GROKKED, 2, 1, 2, {}, CURVES)


@pytest.fixture
def reader():
    """TensorBoard's reader of a folder, with every point."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return lambda folder: EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()


@pytest.fixture
def observer(tmp_path):
    pytest.importorskip("tensorboard")
    made = tensorboard()
    made.begin(Planned(None, (CELL,), (1000,), tmp_path))
    return made


def logs(folder):
    """The event files, and nothing else."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    assert all(file.name.startswith(NAME) for file in files)
    return files


def points(read, tag):
    return [(event.step, event.value) for event in read.Scalars(tag)]


def text(read):
    (event,) = read.Tensors("outcome")
    return event.tensor_proto.string_val[0].decode()


# ---- what a log holds


def test_curves_and_times_are_read_back(observer, reader, tmp_path):
    observer.finished(RUN, CELL)
    (file,) = logs(tmp_path)
    assert file.parent == tmp_path / "tensorboard" / "parity" / safe("a/b") / "1000"
    read = reader(file.parent)
    assert set(read.Tags()["scalars"]) == {"test_accuracy", "weight_norm", "grokked_at", "memorised_at"}
    assert points(read, "test_accuracy") == [(0, 0.25), (1, 0.5), (2, 1.0)]
    (first, last) = points(read, "weight_norm")
    assert first == (0, 1.5) and last[0] == 2 and math.isnan(last[1])
    assert points(read, "grokked_at") == [(2, 2.0)] and points(read, "memorised_at") == [(1, 1.0)]
    assert text(read) == "grokked, after 2 epochs"


def test_parameters_are_read_back(observer, reader, tmp_path):
    observer.finished(RUN, CELL)
    from tensorboard.plugins.hparams import metadata

    content = reader(logs(tmp_path)[0].parent).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    told = metadata.parse_session_start_info_plugin_data(content).hparams
    plain = {name: value.number_value or value.string_value for name, value in told.items()}
    assert plain == {
        "task": "parity", "method": "a/b", "seed": 1000, "sparse_parity.bits": 8, "sparse_parity.sizes": "[1, 2]",
        "grokalign.strength": 0.5, "grokalign.norm": "squared",
    }  # fmt: skip


def test_a_replica_that_failed_shows_its_traceback_as_code(observer, reader, tmp_path):
    error = "Traceback:\n<script>\udcff"
    observer.finished(Run("c", 1000, Outcome.FAILED, None, None, 0, error=error), CELL)
    read = reader(logs(tmp_path)[0].parent)
    assert read.Tags()["scalars"] == [] and text(read) == "failed\n\n    Traceback:\n    <script>?"


# ---- one log of every replica


def test_a_log_is_written_once_and_a_replica_trained_again_takes_its_place(observer, reader, tmp_path):
    observer.finished(RUN, CELL)
    (file,) = logs(tmp_path)
    written = file.stat()
    observer.stored(RUN, CELL)
    assert logs(tmp_path) == [file] and file.stat().st_mtime_ns == written.st_mtime_ns
    other = Run("c", 1000, Outcome.CENSORED, None, None, 4, {}, {"test_accuracy": Curve((0, 4), (0.0, 0.5))})
    (file.parent / ".part").write_text("of an attempt that was killed")
    observer.finished(other, CELL)
    (file,) = logs(tmp_path)
    assert points(reader(file.parent), "test_accuracy") == [(0, 0.0), (4, 0.5)]


def test_other_numbers_have_another_name():
    changed = [{"identity": "d"}, {"epochs": 3}, {"memorised_at": None}, {"curves": {}}, {"grokked_at": 1}]
    others = [Run(**(vars(RUN) | change)) for change in changed]
    assert len({digest(run) for run in (RUN, *others)}) == 1 + len(changed)
    assert digest(Run(**vars(RUN))) == digest(RUN)


# ---- names of folders


@pytest.mark.parametrize("label", ["baseline", "grokalign_sweep[strength=0.1]", "modular-53", "a,b", "_"])
def test_a_plain_label_names_its_folder(label):
    assert safe(label) == label


@pytest.mark.parametrize("label", ["..", ".", "", "a/b", "a\\b", ".hidden", "-x", "ü", "a b", "x" * 200, "a.", "C:\\x"])
def test_another_label_is_written_with_a_hash(label):
    name = safe(label)
    assert name != label and len(name) <= 69 and Path(name).name == name and name[0] != "."
    assert safe(name) != name  # a label of that name is another folder


@given(st.text(), st.text())
def test_no_two_labels_share_a_folder(left, right):
    assert (safe(left) == safe(right)) == (left == right)


@given(st.text(alphabet="./\\ a-0123456789abcdef", max_size=12))
def test_no_label_leaves_the_folder(label):
    assert Path("x", safe(label)).resolve().parent == Path("x").resolve()


# ---- from the command line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    tiny.write(tmp_path)
    return tmp_path


def run(*options):
    return grokbench("run", "tiny.yaml", "--out", "out", "--device", "cpu", *options)


def test_a_suite_is_logged_in_two_parts(folder, reader):
    assert run("--log", "tensorboard", "--num-seeds", "1").status == 0
    assert len(logs(folder / "out" / "tensorboard")) == 2
    assert run().status == 0  # nobody looks on
    assert run("--log", "tensorboard").status == 0
    assert len(logs(folder / "out" / "tensorboard")) == 6
    store = Store.load(folder / "out")
    for cell in store.manifest.cells:
        for each in store.runs_of(cell, store.manifest.seeds, curves=True):
            read = reader(folder / "out" / "tensorboard" / cell.task / cell.regularizer / str(each.seed))
            for label, curve in each.curves.items():
                expected = list(zip(curve.epochs, map(pytest.approx, curve.values), strict=True))
                assert points(read, label) == expected
    assert grokbench("status", "out").status == 0 and grokbench("pack", "out", "--out", "packed").status == 0


def test_into_a_folder_of_ones_own(folder):
    pytest.importorskip("tensorboard")
    assert run("--log", "tensorboard: {folder: logs}", "--regularizer", "baseline").status == 0
    assert len(logs(folder / "logs" / "parity" / "baseline")) == 3 and not (folder / "out" / "tensorboard").exists()


@pytest.fixture
def _without_the_package(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)


@pytest.mark.usefixtures("_without_the_package")
def test_a_missing_tensorboard_is_an_error_before_training(folder):
    done = run("--log", "tensorboard")
    needs = "needs the Python module 'tensorboard', which is not installed here: pip install tensorboard"
    assert done.status == 2 and done.err == f"Error: --log tensorboard: tensorboard (built in) {needs}\n"
    assert not (folder / "out").exists()
    asked = grokbench("check", "tensorboard")
    assert asked.status == 1 and needs in asked.out and "Fix: install it and check again" in asked.out
    assert "tensorboard" in grokbench("list", "observers").out and "parameters:" in grokbench("show", "tensorboard").out


def test_the_module_imports_neither_tensorboard_nor_torch(folder):
    code = "import sys, grokbench.observers.tensorboard as t; assert 'torch' not in sys.modules; t.tensorboard"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
