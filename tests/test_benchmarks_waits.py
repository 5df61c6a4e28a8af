"""What a user waits for is measured: the start of every command, and the page of a large folder."""

import subprocess
import sys

import pytest

from grokbench.store import Store
from grokbench.store.status import count_replicas

from .helpers.tiny import grokbench


def test_a_synthetic_folder_is_a_leaderboard(benchmarks, tmp_path):
    benchmarks("startup").synthetic(tmp_path / "many", methods=3, seeds=4, points=5)
    assert count_replicas(Store.load(tmp_path / "many"))["grokked"] == 12
    done = grokbench("leaderboard", tmp_path / "many")
    assert done.status == 0 and "method2" in done.out


def test_a_wait_ends_with_the_word_or_an_error(benchmarks):
    startup = benchmarks("startup")
    program = "import sys, time; print('one', file=sys.stderr); print('two', file=sys.stderr, flush=True); {}"
    assert startup.until([sys.executable, "-c", program.format("time.sleep(60)")], "two") < 60
    with pytest.raises(RuntimeError, match="ended without a word of 'three': one\ntwo"):
        startup.until([sys.executable, "-c", program.format("")], "three")
    with pytest.raises(subprocess.CalledProcessError):
        startup.whole([sys.executable, "-c", "raise SystemExit(3)"])


def test_every_start_up_command_runs(benchmarks, monkeypatch):
    startup, waited = benchmarks("startup"), []

    def done(command, *more):
        waited.append(command)
        if command[: len(startup.GROKBENCH)] == list(startup.GROKBENCH):
            ended = grokbench(*command[len(startup.GROKBENCH) :], *more)
            assert ended.status == 0 and not ended.err, (command, ended.err)
        else:
            compile(command[-1], "command", "exec")

    monkeypatch.setattr(startup, "whole", lambda command: done(command) or 1.0)
    monkeypatch.setattr(startup, "until", lambda command, word: done(command, "--dry-run") or 2.0)
    monkeypatch.setattr(startup, "METHODS", 2)
    found = startup.measure(2)
    assert all(len(rounds) == 2 for rounds in found.values()) and len(waited) == 2 * len(found)
    assert "leaderboard of 50 runs" in startup.table(found)
    assert {row["seconds"] for row in startup.json(found)} == {1.0, 2.0}


def test_the_page_of_a_large_folder_is_measured(benchmarks):
    reporting, said = benchmarks("reporting"), []
    (cost,) = reporting.measure(1, said.append, evaluations=30, seeds=2)
    assert cost.seconds > 0 and cost.cpu_seconds > 0 and cost.megabytes > 10 and cost.page > 0.5
    assert said == ["report: 40 runs made up", "report: round 1 of 1"]
    assert "megabytes" in reporting.table([cost, cost]) and reporting.json([cost])[0]["page"] == cost.page
