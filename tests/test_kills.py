"""A run that is killed in every phase, at a fail-point of each, ends with the leaderboard of one that is not."""

import pytest

from .helpers import tiny
from .helpers.survival import folders, forks, record, rows, runs, suite

CALLS = {  # phase -> the call of its fail-points at which to kill, in the order of the kills
    "start-up": 5,
    "data": 3,
    "checkpoint": 11,
    "training": 9,
    "half written": 4,
    "not renamed": 7,
    "timing": 3,
    "closing": 2,
}


PARENT = {"at": "parent", "who": "parent"}


@pytest.fixture
def written(tmp_path, monkeypatch, here):
    """The suite that is killed, in a process that needs no workers."""
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    return suite.write(tmp_path)


def test_a_kill_in_every_phase_changes_nothing(written, tmp_path):
    done = tiny.run(written, tmp_path / "undisturbed", *suite.OPTIONS)
    assert done.status == 0, done.err
    folder = tmp_path / "killed"
    for phase, calls in CALLS.items():
        held = folders.before(folder)
        end = forks.run(written, folder, phase, calls)
        assert forks.killed(end), (phase, end)
        folders.check_kept(folder, held, end.log)
        folders.check_sound(folder)
    done = tiny.run(written, folder, *suite.OPTIONS)
    assert done.status == 0, done.err
    folders.check_complete(folder, folders.outcome(tmp_path / "undisturbed"))


def test_a_process_finds_its_fail_points_at_its_start(tmp_path):
    end = runs.run(suite.write(tmp_path), tmp_path / "killed", {"phase": "start-up", **PARENT, "calls": [1]})
    assert forks.killed(end) and end.deaths[0]["role"] == "parent" and not (tmp_path / "killed").exists()


def test_a_session_kills_in_every_phase_and_goes_on(tmp_path):
    planned = list(record.plan())
    assert {row.phase for row in planned} == {*rows.PLACES, "random"} and set(CALLS) == set(rows.PLACES)
    assert sum(len(row.victims) for row in planned) == 8 * 25 + 40
    first = record.Record(tmp_path / "record.jsonl")
    first.add(row="data 1", phase="data", who="parent")
    first.add(row="data 1", lost="", kills=1, seconds=3.0, cpu_seconds=2.0)
    first.add(row="data 6", phase="data", who="worker")  # of a row that was interrupted
    with first.path.open("a") as file:
        file.write('{"row": "da')
    again = record.Record(first.path)
    assert list(again.ended()) == ["data 1"] and [row for row in again.rows() if row[2]] == [
        ["data", "parent", 1, 1, 0]
    ]
    again.add(row="timing 1", phase="timing", who="both")
    again.add(row="timing 1", lost="a run", kills=1, seconds=3.0, cpu_seconds=2.0)
    assert "timing 1: a run" in str(record.Record(first.path))
