"""The longest groups train first, by what was measured, or else by an estimate; the groups stay as they are."""

from dataclasses import replace

import pytest

from grokbench.records import Timing
from grokbench.runner.order import longest_first
from grokbench.runner.pipeline import jobs
from grokbench.runner.request import Request, resolve
from grokbench.store import Store

from .helpers import tiny
from .helpers.stored_runs import a_run

SUITE = """\
suite: tiny
seeds: 1000-1003
baseline: baseline
tasks:
  small: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 10}
  large: {use: sparse_parity, bits: 9, width: 8, samples: 40, epochs: 1000}
regularizers:
  baseline: {}
  orthograd: {}
"""
METHODS = ("baseline", "orthograd")


@pytest.fixture
def plan(tmp_path):
    file = tiny.write(tmp_path, SUITE)
    return resolve(Request(suite=str(file), out=str(tmp_path / "out"), device="cpu", group_size=2))


def order(plan, store):
    """The groups in the order of their training: cells, and the first seed of each group."""
    found = longest_first(plan, store, jobs(plan, None))
    assert sorted(found, key=repr) == sorted(jobs(plan, None), key=repr)
    return [(job.cell.name, job.seeds[0]) for job in found]


def test_without_measurements_the_plan_decides(plan):
    with Store.open(plan.directory, plan.manifest) as store:
        found = order(plan, store)
    assert found == [(f"{task} / {m}", s) for task in ("large", "small") for m in METHODS for s in (1000, 1002)]


def test_stored_seconds_and_epochs_decide(plan):
    cells = {cell.name: cell for cell in plan.cells}
    with Store.open(plan.directory, plan.manifest) as store:
        for name, seconds in (("small / baseline", 0.1), ("small / orthograd", 7.0), ("large / baseline", 0.05)):
            store.save_timing(Timing(cells[name].identity, (seconds,) * 3))
        assert order(plan, store)[::2] == [  # 7 x 10, 0.05 x 1000 twice: a cell takes the seconds of its task
            *(("small / orthograd", 1000), ("large / baseline", 1000)),
            *(("large / orthograd", 1000), ("small / baseline", 1000)),
        ]
        store.save(replace(a_run(cells["large / orthograd"], grokked_at=5), curves={}))  # it ends far below its budget
        assert order(plan, store)[-2:] == [("large / orthograd", 1000), ("large / orthograd", 1002)]


def test_a_reference_gives_seconds_that_the_folder_lacks(plan, tmp_path):
    cells = {cell.name: cell for cell in plan.cells}
    with Store.open(tmp_path / "reference", plan.manifest) as reference:
        reference.save_timing(Timing(cells["small / baseline"].identity, (900.0,)))
    with Store.open(plan.directory, plan.manifest) as store:
        found = order(replace(plan, reference=tmp_path / "reference"), store)
    assert found[:4] == [(f"small / {method}", seed) for method in METHODS for seed in (1000, 1002)]


def test_a_plan_with_a_worker_for_each_group_needs_no_order(plan, monkeypatch):
    monkeypatch.setattr("grokbench.runner.order._epochs", lambda *given: pytest.fail("a folder was read"))
    work = jobs(plan, None)
    with Store.open(plan.directory, plan.manifest) as store:
        assert longest_first(replace(plan, devices=("cpu",) * len(work)), store, work) == work
