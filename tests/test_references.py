"""Rows of a reference folder beside the rows that a command trains: never trained again, and marked."""

import json
import shutil

import pytest

from grokbench.records import Outcome
from grokbench.runner import pipeline
from grokbench.runner.references import reference_of
from grokbench.store import Store

from .helpers import tiny
from .helpers.result_folders import edit


@pytest.fixture(scope="module")
def reference(trained, tmp_path_factory):
    """The packed results of the tiny suite, made on another machine."""
    root = tmp_path_factory.mktemp("reference")
    shutil.copytree(trained, root / "out")
    for file in root.glob("out/runs/*/*.json"):
        edit(file, lambda data: data["run"]["provenance"].update(machine="another machine", device_name="another"))
    assert tiny.grokbench("pack", root / "out", "--out", root / "results/tiny").status == 0
    return root / "results/tiny"


@pytest.fixture
def half(tmp_path):
    """A plugin that adds nothing, under a name of its own."""
    return tiny.write(tmp_path, tiny.PLUGIN, "mine.py")


@pytest.fixture
def beside(tmp_path, suite, half, here, monkeypatch):
    """Run the tiny suite with the user's method; other options are given."""
    monkeypatch.chdir(tmp_path)
    return lambda *options: tiny.run(suite, tmp_path / "out", "--with", "steady", "--plugin", half, *options)


def rows(folder, style="json"):
    return tiny.grokbench("leaderboard", folder, "--format", style).out


def test_only_the_new_method_is_trained_and_timed(beside, reference, tmp_path):
    dry = beside("--reference", reference, "--dry-run")
    assert "3 replicas left to train" in dry.out and "supplies 6 replicas of 2 cells" in dry.out, dry.err
    done = beside("--reference", reference)
    assert done.status == 0, done.err
    store = Store.load(tmp_path / "out")
    by_name = {cell.identity: cell.regularizer for cell in store.manifest.cells}
    assert {by_name[run.identity]: run.reference for run in store.runs()} == {
        "baseline": "tiny",
        "orthograd": "tiny",
        "steady": "",
    }
    assert [by_name[timing.identity] for timing in store.timings()] == ["steady"]
    assert "not measured yet" not in tiny.grokbench("status", tmp_path / "out").out
    again = beside("--reference", reference, "--dry-run")
    assert "0 replicas left to train" in again.out


def test_its_rows_are_marked_and_their_seconds_are_not_compared(beside, reference, tmp_path):
    assert beside("--reference", reference).status == 0
    found = {row["regularizer"]: row for row in json.loads(rows(tmp_path / "out"))["rows"]}
    assert [found[name]["reference"] for name in ("baseline", "orthograd", "steady")] == ["tiny", "tiny", ""]
    assert found["steady"]["epochs_mean"] and found["steady"]["seconds_speedup"] is None
    assert found["steady"]["seconds_per_epoch"] and found["orthograd"]["seconds_per_epoch"] is None
    assert any("from the reference tiny" in note for note in found["baseline"]["notes"])
    assert any("compare with care" in note for note in found["steady"]["notes"])
    for style in ("table", "latex", "markdown"):
        text = rows(tmp_path / "out", style)
        assert "orthograd @" in text and "other machine, from the reference tiny" in text.replace("\n", " ")


def test_the_rows_keep_their_family_and_the_new_method_has_its_own(beside, reference, tmp_path):
    assert beside("--reference", reference).status == 0
    events = Store.load(tmp_path / "out").history().ledger.events
    assert events[: len(Store.load(reference).history().ledger.events)] == Store.load(reference).history().ledger.events
    families = {row.regularizer: row.family for row in pipeline.judge(Store.load(tmp_path / "out")).rows}
    assert families == {"baseline": None, "orthograd": 1, "steady": 2}


def test_the_committed_folder_is_found_with_a_method_and_none_trains_everything(beside, reference, tmp_path, suite):
    shutil.copytree(reference, tmp_path / "results/tiny")
    assert "supplies 6 replicas" in beside("--dry-run").out
    assert "9 replicas left" in beside("--dry-run", "--reference", "none").out
    assert "9 replicas left" in beside("--dry-run", "--rerun", "all").out
    assert "6 replicas left" in tiny.run(suite, tmp_path / "out", "--dry-run").out  # without a method of the user
    other = beside("--dry-run", "--precision", "float64")
    assert "9 replicas left" in other.out and "is not used as reference" in other.out


def test_a_part_of_the_seeds_first_and_the_rest_later(beside, reference, tmp_path):
    assert beside("--reference", reference, "--num-seeds", "2").status == 0
    assert len(Store.load(tmp_path / "out").runs()) == 6
    assert beside("--reference", reference).status == 0
    assert len(Store.load(tmp_path / "out").runs()) == 9


def test_stale_runs_of_the_reference_are_kept(plan, reference, tmp_path, half):
    folder = shutil.copytree(reference, tmp_path / "old")
    text = (folder / "outcomes.jsonl").read_text()
    (folder / "outcomes.jsonl").write_text(text.replace('"torch":"', '"torch":"1.'))
    made = plan(methods=("steady",), plugins=(str(half),), reference=str(folder), rerun="stale")
    with pipeline.open_store(made, reference_of(made)) as store:
        assert len(pipeline.jobs(made, store)) == 1
        assert {run.outcome for run in store.runs()} <= {*Outcome} - {Outcome.FAILED}


def test_a_folder_without_such_rows_is_refused(beside, reference):
    done = beside("--reference", reference, "--precision", "float64")
    assert done.status == 2 and "it holds no finished replica of these tasks, methods and seeds" in done.err
    done = beside("--reference", "nowhere")
    assert done.status == 2 and "nowhere is not a results folder" in done.err and len(done.err.splitlines()) == 1
