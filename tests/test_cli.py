"""`grokbench run`: what it trains of a suite, what it prints, and the status it ends with."""

import json

import pytest

from grokbench.launchers.local import pool
from grokbench.records import Outcome
from grokbench.runner import pipeline

from .helpers import tiny
from .helpers.tiny import files_of, grokbench, outcomes, run


def test_a_run_ends_with_the_leaderboard_and_where_it_is(suite, tmp_path, here):
    done = run(suite, tmp_path / "out")
    assert done.status == 0
    assert "tiny: every method against baseline" in done.out and "orthograd" in done.out
    assert done.out.endswith(f"Results: {tmp_path / 'out'}    (again: grokbench leaderboard {tmp_path / 'out'})\n")
    assert "tiny on the CPU" in done.err
    assert len(outcomes(tmp_path / "out")) == 6


def test_a_second_run_trains_nothing_and_starts_no_process(suite, folder, monkeypatch):
    monkeypatch.setattr(pool, "WorkerProcess", lambda worker: pytest.fail("a worker was started"))
    before = {file: file.stat().st_mtime_ns for file in folder.glob("runs/*/*")}
    done = run(suite, folder)
    assert done.status == 0 and "orthograd" in done.out
    assert {file: file.stat().st_mtime_ns for file in folder.glob("runs/*/*")} == before


def test_results_go_to_runs_unless_told_otherwise(suite, tmp_path, monkeypatch, here):
    monkeypatch.chdir(tmp_path)
    assert grokbench("run", suite, "--device", "cpu").status == 0
    assert (tmp_path / "runs" / "tiny" / "manifest.json").exists()


def test_a_dry_run_prints_the_work_and_touches_nothing(suite, tmp_path, monkeypatch, here):
    monkeypatch.setattr(pipeline, "open_store", lambda plan: pytest.fail("the folder was opened"))
    before = sorted(tmp_path.rglob("*"))
    done = run(suite, tmp_path / "out", "--dry-run")
    assert done.status == 0
    assert "2 cells, 6 replicas left to train in 2 groups, at most 18 epochs on the CPU" in done.out
    assert "Nothing was run." in done.out
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_says_what_is_done(suite, folder, here):
    line = [line.split() for line in run(suite, folder, "--dry-run").out.splitlines() if "orthograd" in line]
    assert line == [["parity", "orthograd", "3", "3", "0", "0"]]


def test_a_dry_run_counts_cells_of_one_recipe_once(tmp_path, here):
    suite = tiny.write(tmp_path, tiny.with_methods("orthograd") + "  again: {use: orthograd}\n")
    done = run(suite, tmp_path / "out", "--dry-run")
    assert "-3" not in done.out
    assert [line.split()[2:5] for line in done.out.splitlines() if line.startswith("parity")] == [["3", "0", "3"]] * 3


def test_a_part_of_a_suite(suite, tmp_path, here):
    part = ("--task", "parity", "--regularizer", "orthograd", "--num-seeds", 2)
    assert run(suite, tmp_path / "out", *part).status == 0
    assert set(outcomes(tmp_path / "out")) == {("orthograd", 1000), ("orthograd", 1001)}
    first, *left = grokbench("status", tmp_path / "out").out.splitlines()
    assert first.endswith("0 failed, 2 missing.") and left == ["  parity / baseline: 2 of 2 missing"]


def test_a_part_of_the_seeds_is_a_look_without_a_test(suite, tmp_path, here):
    done, ledger = run(suite, tmp_path / "out", "--num-seeds", 2), tmp_path / "out/ledger.jsonl"
    assert "2 of the suite's 3 seeds: estimates, no test before all have run" in " ".join(done.out.split())
    row = json.loads(grokbench("leaderboard", tmp_path / "out", "--format", "json").out)["rows"][1]
    assert row["p_sign_flip"] is row["p_holm"] is None
    assert run(suite, tmp_path / "out").status == run(suite, tmp_path / "out").status == 0
    events = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert [(event["event"], event["seeds"]) for event in events] == [
        ("declaration", [1000, 1001, 1002]),
        ("look", 2),
        ("look", 3),
    ]
    row = json.loads(grokbench("leaderboard", tmp_path / "out", "--format", "json").out)["rows"][1]
    assert row["p_sign_flip"] is not None and row["family"] == 1


def test_other_seeds(suite, tmp_path, here):
    assert run(suite, tmp_path / "out", "--seeds", "0-1,7", "--regularizer", "baseline").status == 0
    assert set(outcomes(tmp_path / "out")) == {("baseline", 0), ("baseline", 1), ("baseline", 7)}


def test_seeds_of_the_folder_that_a_command_leaves_aside_are_named(suite, tmp_path, here):
    out = tmp_path / "out"
    assert run(suite, out, "--seeds", "1010-1012,1014", "--regularizer", "baseline").status == 0
    done = run(suite, out)
    assert done.status == 0 and "also plans the seeds 1010-1012,1014, which some cells lack" in done.out
    again = run(suite, out, "--seeds", "1010-1012,1014")
    assert again.status == 0 and "Rows are incomplete" not in again.out + run(suite, out).out


def test_fail_fast_stops_at_the_first_failure(tmp_path, here):
    first = tiny.SUITE.replace("  baseline: {}\n", "  raises: {}\n  baseline: {}\n")
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    done = run(tiny.write(tmp_path, first), tmp_path / "out", "--plugin", mine, "--fail-fast")
    assert done.status == 1 and "boom in training" in done.err
    assert set(outcomes(tmp_path / "out").values()) == {Outcome.FAILED}


def test_a_failure_is_one_replica(tmp_path, here):
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    done = run(
        tiny.write(tmp_path, tiny.with_methods("raises")),
        tmp_path / "out",
        "--plugin",
        mine,
        "--num-seeds",
        1,
    )
    assert done.status == 1 and "\n1 replica failed; the same command trains them again:" in done.err


def test_a_plugin_file_of_the_suite_lies_beside_it(tmp_path, monkeypatch, here):
    tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    suite = tiny.write(tmp_path, tiny.with_methods("steady") + "plugins: [mine.py]\n")
    monkeypatch.chdir("/")
    done = run(suite, tmp_path / "out")
    assert done.status == 0 and "steady" in done.out


def test_a_damaged_file_is_told_and_trained_again(suite, tmp_path, here):
    run(suite, tmp_path / "out")
    file = files_of(tmp_path / "out", "orthograd")[0]
    file.write_bytes(file.read_bytes()[:50])
    done = grokbench("leaderboard", tmp_path / "out")
    assert done.status == 0
    assert f"Warning: runs/{file.parent.name}/{file.name} is damaged and counts as missing" in done.err
    assert "is damaged" not in run(suite, tmp_path / "out").err
    assert len(outcomes(tmp_path / "out")) == 6
