"""Runs through real worker processes, as a user starts them."""

import json
from types import SimpleNamespace

import pytest

from grokbench.provenance import environment
from grokbench.records import Outcome
from grokbench.runner import devices

from .helpers import tiny
from .helpers.tiny import files_of, grokbench, outcomes, run


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A suite with two broken methods and a broken file, run twice; in between, the user mends the methods."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(devices, "environment", lambda: {**environment(), "cores": 1})  # one worker
        yield run_twice(tmp_path_factory)


def run_twice(tmp_path_factory):
    root = tmp_path_factory.mktemp("story")
    suite = tiny.write(root, tiny.with_methods("steady", "raises", "dies").replace("1000-1002", "1000-1001"))
    mine, broken = (
        tiny.write(root, tiny.PLUGIN, "mine.py"),
        tiny.write(root, "import no_such_module\n", "broken.py"),
    )
    story = SimpleNamespace(folder=root / "out", plugins=("--plugin", mine, "--plugin", broken))
    story.first = run(suite, story.folder, *story.plugins)
    story.after_first, story.board = outcomes(story.folder), grokbench("leaderboard", story.folder, "--format", "json")
    story.kept_errors = grokbench("status", story.folder, "--tracebacks").out
    story.left = run(suite, story.folder, *story.plugins, "--dry-run")
    story.kept = [file.stat().st_mtime_ns for file in files_of(story.folder, "baseline")]
    mine.write_text(
        tiny.PLUGIN.replace("penalty=trouble", "penalty=nothing").replace("penalty=death", "penalty=nothing")
    )
    story.second = run(suite, story.folder, *story.plugins)
    return story


def test_a_method_that_fails_or_kills_its_worker_costs_its_own_group_only(story):
    assert story.first.status == 1
    failed = {("raises", 1000), ("raises", 1001), ("dies", 1000), ("dies", 1001)}
    assert {replica for replica, outcome in story.after_first.items() if outcome is Outcome.FAILED} == failed
    assert len(story.after_first) == 8


def test_cells_that_failed_are_named_at_the_end_with_what_to_do(story):
    end = story.first.err[story.first.err.index("4 replicas failed; the same command trains them again:") :]
    raised = "parity / raises, seeds 1000-1001:\nRuntimeError: boom in training\nAt mine.py, line 14: raise Runtime"
    assert raised in end and f"Next: grokbench check {story.plugins[1]}\n" in end
    assert "parity / dies, seeds 1000-1001:\nthe worker process ended with exit code -9: it was killed" in end
    assert "Traceback" not in end and end.endswith(f"grokbench status {story.folder} --tracebacks\n")
    kept = story.kept_errors
    assert kept.count("parity / raises, seeds 1000-1001:\nTraceback (most recent call last):\n") == 1
    assert kept.count("RuntimeError: boom in training\n") == 1


def test_the_leaderboard_is_printed_all_the_same(story):
    for label in ("baseline", "steady", "raises", "dies"):
        assert label in story.first.out
    assert f"grokbench leaderboard {story.folder}" in story.first.out


def test_the_others_are_timed_however_busy_the_machine_is(story):
    rows = {row["regularizer"]: row for row in json.loads(story.board.out)["rows"]}
    timed = [
        label for label, row in rows.items() if row["seconds_per_epoch"] or "no seconds per epoch" in str(row["notes"])
    ]
    assert timed == ["baseline", "steady"]


def test_a_file_that_cannot_be_imported_is_reported_and_the_rest_works(story):
    assert (
        "Warning: file broken.py is left out: ModuleNotFoundError: No module named 'no_such_module'" in story.first.err
    )


def test_failed_replicas_are_left_to_do(story):
    assert "4 replicas left to train" in story.left.out


def test_the_next_run_repeats_what_failed_and_what_the_edited_file_made(story):
    assert story.second.status == 0, story.second.err
    assert Outcome.FAILED not in outcomes(story.folder).values()
    superseded = sorted((story.folder / "superseded").glob("*/*.json"))
    (steady,) = {file.parent.name for file in files_of(story.folder, "steady")}
    assert [(f.parent.name, f.name) for f in superseded] == [(steady, "1000.1.json"), (steady, "1001.1.json")]
    assert [file.stat().st_mtime_ns for file in files_of(story.folder, "baseline")] == story.kept


def test_run_profile_prints_the_share_of_every_phase_and_keeps_nothing(tmp_path, monkeypatch, here):
    monkeypatch.chdir(tmp_path)
    done = grokbench("run", tiny.write(tmp_path), "--device", "cpu", "--profile")
    assert done.status == 0, done.err
    head, _, *rows = done.out.splitlines()[:4]
    assert head.split() == [
        "task", "regularizer", "seeds", "ms",
        "batches", "forward", "backward", "transform", "optimizer", "rest", "evaluation",
    ]  # fmt: skip
    for row, label in zip(rows, ("baseline", "orthograd"), strict=True):
        cells = row.split()
        assert cells[:3] == ["parity", label, "3"]
        assert 95 <= sum(int(share.rstrip("%")) for share in cells[4:]) <= 105
    assert "Nothing was kept." in done.out and not (tmp_path / "runs").exists()


def test_a_method_that_cannot_be_profiled_is_named_and_the_others_are_measured(tmp_path, here):
    suite, mine = (
        tiny.write(tmp_path, tiny.with_methods("raises")),
        tiny.write(tmp_path, tiny.PLUGIN, "mine.py"),
    )
    done = grokbench("run", suite, "--device", "cpu", "--plugin", mine, "--profile")
    assert done.status == 1 and "Traceback" not in done.err
    assert "parity / raises, " in done.err and "boom in training" in done.err and "Next: grokbench check " in done.err
    assert [line.split()[1] for line in done.out.splitlines()[2:] if line.startswith("parity")] == ["baseline"]
