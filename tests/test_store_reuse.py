"""`--rerun`: what each value trains again, and that nothing is lost by it."""

import pytest

from grokbench.engine import timing
from grokbench.launchers.local import pool
from grokbench.records import Origin
from grokbench.runner import pipeline

from .helpers import tiny
from .helpers.result_folders import edit
from .helpers.tiny import files_of, grokbench, outcomes, run


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)


@pytest.fixture
def suite(tmp_path):
    return tiny.write(tmp_path)


@pytest.fixture
def folder(suite, tmp_path):
    assert run(suite, tmp_path / "out").status == 0
    return tmp_path / "out"


def left(suite, folder, *options):
    """Replicas left to train of each method, as a dry run says."""
    done = run(suite, folder, "--dry-run", *options)
    assert done.status == 0
    rows = [line.split() for line in done.out.splitlines() if line.startswith("parity")]
    return {row[1]: int(row[4]) for row in rows}


def superseded(folder):
    return sorted(file.name for file in (folder / "superseded").glob("*/*"))


def change(folder, regularizer, **provenance):
    for file in files_of(folder, regularizer):
        edit(file, lambda data: data["run"]["provenance"].update(provenance))


def change_timings(folder, **provenance):
    for file in folder.glob("timings/*"):
        edit(file, lambda data: data["provenance"].update(provenance))


@pytest.mark.parametrize(("rerun", "expected"), [("failed", 0), ("stale", 0), ("all", 3)])
def test_an_unchanged_folder_is_trained_again_by_all_only(suite, folder, rerun, expected):
    assert left(suite, folder, "--rerun", rerun) == {"baseline": expected, "orthograd": expected}


@pytest.mark.parametrize("key", ["torch", "grokbench"])
def test_another_version_is_stale_and_reported(suite, folder, key):
    change(folder, "orthograd", **{key: "0.0.1"})
    assert left(suite, folder) == {"baseline": 0, "orthograd": 0}
    told = run(suite, folder)
    assert f"Warning: {folder} holds runs made with {key} 0.0.1, and here it is " in told.err
    assert "--rerun stale trains the old runs again" in told.err and superseded(folder) == []
    assert left(suite, folder, "--rerun", "stale") == {"baseline": 0, "orthograd": 3}
    assert run(suite, folder, "--rerun", "stale").status == 0
    assert superseded(folder) == ["1000.1.json", "1001.1.json", "1002.1.json"]
    assert left(suite, folder, "--rerun", "stale") == {"baseline": 0, "orthograd": 0}
    assert "Warning" not in run(suite, folder).err


@pytest.mark.parametrize("origin", ["built in, sha256 0123", Origin("built_in", digests={1: "01", 2: "23"}).data()])
def test_a_built_in_plugin_of_another_source_is_stale_and_no_more(suite, folder, origin):
    for file in files_of(folder, "baseline"):
        edit(file, lambda data: data["run"]["provenance"]["origins"].update({"tasks.sparse_parity": origin}))
    assert left(suite, folder) == {"baseline": 0, "orthograd": 0}
    assert left(suite, folder, "--rerun", "stale") == {"baseline": 3, "orthograd": 0}


def test_another_machine_is_reported_and_not_stale(suite, folder):
    change(folder, "orthograd", device_name="another processor")
    assert "holds runs made with device_name another processor" in run(suite, folder).err
    assert left(suite, folder, "--rerun", "stale") == {"baseline": 0, "orthograd": 0}


def test_failed_and_missing_replicas_are_trained_for_every_value(suite, folder):
    files = files_of(folder, "orthograd")
    files[0].unlink()
    edit(files[1], lambda data: data["run"].update(outcome="failed", error="boom"))
    for rerun in ("failed", "stale"):
        assert left(suite, folder, "--rerun", rerun) == {"baseline": 0, "orthograd": 2}


def test_all_trains_the_selected_again_and_keeps_the_old(suite, folder):
    selected = ("--task", "parity", "--regularizer", "orthograd", "--seeds", "1000,1002")
    before = {file: file.read_bytes() for file in files_of(folder, "orthograd")}
    assert left(suite, folder, "--rerun", "all", *selected) == {"orthograd": 2}
    for number in (1, 2):
        done = run(suite, folder, "--rerun", "all", *selected)
        assert done.status == 0
        assert superseded(folder)[:number] == [f"1000.{n + 1}.json" for n in range(number)]
    (first, _, third) = before
    assert first.stat().st_mtime_ns and len(superseded(folder)) == 4
    assert (folder / "superseded" / first.parent.name / "1000.1.json").read_bytes() == before[first]
    assert (folder / "superseded" / third.parent.name / "1002.1.json").read_bytes() == before[third]
    assert len(outcomes(folder)) == 6


def test_seconds_are_measured_again_where_they_are_stale_or_for_all(suite, folder):
    def measured_anew(*options):
        before = {file: file.stat().st_ino for file in folder.glob("timings/*")}
        assert run(suite, folder, *options).status == 0
        return sum(file.stat().st_ino != inode for file, inode in before.items())

    assert measured_anew() == measured_anew("--rerun", "stale") == 0
    assert measured_anew("--rerun", "all") == 2
    change_timings(folder, torch="0.0.1")
    assert measured_anew() == 0
    assert measured_anew("--rerun", "stale") == 2


def test_an_interrupted_rerun_of_all_goes_on_without_the_option(suite, folder, monkeypatch):
    real = pipeline.perform

    def interrupted(plan, store):
        for count, event in enumerate(real(plan, store)):
            yield event
            if count == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "perform", interrupted)
    done = run(suite, folder, "--rerun", "all")
    assert done.status == 130
    assert "the same command without --rerun all goes on from there" in done.err
    assert 0 < len(outcomes(folder)) < 6
    monkeypatch.setattr(pipeline, "perform", real)
    kept = {file: file.stat().st_ino for file in folder.glob("runs/*/*.json")}
    assert run(suite, folder).status == 0
    assert len(outcomes(folder)) == 6 and all(file.stat().st_ino == inode for file, inode in kept.items())


def test_a_value_that_does_not_exist(suite, folder):
    done = grokbench("run", suite, "--out", folder, "--rerun", "some")
    assert done.status == 2 and "Invalid value for '--rerun'" in done.err


def test_help_says_what_each_value_means():
    text = " ".join(grokbench("run", "--help").out.split())
    for words in (
        "failed: what is missing or failed",
        "stale: also what was made with another version",
        "all: everything selected",
    ):
        assert words in text


def test_rerun_all_ignores_checkpoints(suite, folder):
    *_, file = files_of(folder, "orthograd")
    seed = file.stem
    file.unlink()  # the cell stays incomplete, so that closing the folder deletes nothing
    kept = folder / "checkpoints" / file.parent.name / "old.npz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"where an earlier run stood")
    rest = ("--seeds", ",".join(file.stem for file in files_of(folder, "orthograd") if file.stem != seed))
    assert run(suite, folder, *rest, "--rerun", "failed").status == 0 and kept.exists()
    assert run(suite, folder, *rest, "--rerun", "all", "--regularizer", "baseline").status == 0 and kept.exists()
    assert run(suite, folder, *rest, "--rerun", "all").status == 0 and not kept.exists()
