"""`docs/scaling.md`: its tables are those of the committed measurement and simulation, and hold what it says."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from .helpers.tiny import grokbench

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
MOST_SECONDS = {"status": 5, "run --dry-run": 10}


@pytest.fixture
def simulated(monkeypatch):
    """The rows of the simulation, by case and number of workers."""
    monkeypatch.syspath_prepend(str(ROOT))
    rows = json.loads((ROOT / "simulations" / "results" / "scaling.json").read_text(encoding="utf-8"))["rows"]
    assert import_module("simulations.page").table(rows) in PAGE
    return {(row["case"], row["workers"]): row for row in rows}


def test_the_simulation_holds_what_the_page_says(simulated):
    first, again = "longest first", "the same, without checkpoints"
    resumed = "preempted every 4 h, a node lost every 10 days"
    for workers in (1, 4, 16, 64, 256, 1000):
        assert simulated[first, workers]["hours"] <= simulated["in the order of the suite", workers]["hours"]
        assert simulated[resumed, workers]["lost"] < 0.001 < 0.04 < simulated[again, workers]["lost"]


def test_the_costs_of_a_large_folder_are_those_of_the_page(benchmarks):
    large = benchmarks("large_folder")
    rows = json.loads((ROOT / "benchmarks" / "two_cores_store.json").read_text(encoding="utf-8"))["store"]
    assert large.table([large.Cost(**row) for row in rows], "pipe") in PAGE
    seconds = {row["command"]: row["cpu_seconds"] for row in rows}
    assert all(seconds[command] < most for command, most in MOST_SECONDS.items())


def test_commands_find_nothing_to_train_in_the_folder_that_is_measured(benchmarks, monkeypatch):
    large, printed = benchmarks("large_folder"), {}

    def cost(name, command):
        done = grokbench(*command[len(large.GROKBENCH) :])
        assert done.status == 0, done.err
        printed[name] = done.out + done.err
        return large.Cost(name, 1.0, 1.0, 1.0)

    monkeypatch.setattr(large, "cost", cost)
    found = large.measure(1, shape=(2, 2, 2, 10))
    assert [each.command for each in found] == list(printed)
    assert "8 replicas planned: 8 grokked" in printed["status"]
    assert " 0 replicas left to train" in printed["run --dry-run"]
    assert "measuring" not in printed["run, nothing to do"] and "8/8 replicas done" in printed["run, nothing to do"]
