"""`grokbench merge`: folders of several machines become one, and contradictions are refused in one sentence."""

from dataclasses import replace

import pytest

from grokbench.records import Outcome, Timing, Use
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import tiny
from .helpers.result_folders import BASELINE, FASTER, SEEDS, a_cell, a_run, edit_runs, make, recipe_of

OTHER = {"machine": "another processor, 8 cores", "device_name": "another processor"}


def merged(tmp_path, *folders):
    return tiny.grokbench("merge", *folders, "--out", tmp_path / "merged")


def test_seeds_of_two_machines_are_judged_as_one_folder(tmp_path):
    methods = {"baseline": BASELINE, "faster": FASTER}
    early = make(tmp_path / "early", {name: epochs[:4] for name, epochs in methods.items()}, seeds=SEEDS[:4])
    late = make(tmp_path / "late", {name: epochs[4:] for name, epochs in methods.items()}, seeds=SEEDS[4:], **OTHER)
    done = merged(tmp_path, early, late)
    assert done.status == 0, done.err
    assert f"{late}: 8 replicas, made on another processor, 8 cores." in done.out
    found, whole = (Store.load(folder) for folder in (tmp_path / "merged", make(tmp_path / "whole", methods)))
    rows, expected = (pipeline.judge(store).rows for store in (found, whole))
    assert [(row.speedup, row.p_sign_flip) for row in rows] == [(row.speedup, row.p_sign_flip) for row in expected]
    assert {run.provenance["machine"] for run in found.runs()} == {"a processor, 2 cores", OTHER["machine"]}
    assert pipeline.judge(found).environment["machine"] == ["a processor, 2 cores", OTHER["machine"]]


def test_rows_of_two_machines_stand_beside_each_other_and_their_seconds_are_not_compared(tmp_path):
    one = make(tmp_path / "one", {"baseline": BASELINE})
    two = make(tmp_path / "two", {"baseline": BASELINE, "faster": FASTER}, **OTHER)
    with Store.open(two, Store.load(two).manifest) as store:
        store.save_timing(Timing("cbaseline", (9.0, 9.0), OTHER))
    done = merged(tmp_path, one, two)
    assert "8 replicas left out" in done.out
    found = Store.load(tmp_path / "merged")
    assert {timing.provenance["machine"] for timing in found.timings()} == {OTHER["machine"]}  # it timed more rows
    assert [timing.seconds_per_epoch for timing in found.timings()] == [(9.0, 9.0), (0.1, 0.1)]
    with Store.open(two, Store.load(two).manifest) as store:
        store.layout.timing("cfaster").unlink()
    assert merged(tmp_path / "2", one, two).status == 0
    assert {timing.provenance["machine"] for timing in Store.load(tmp_path / "2/merged").timings()} == {
        "a processor, 2 cores"
    }


def test_seconds_of_two_machines_in_one_task_are_marked(tmp_path):
    one = make(tmp_path / "one", {"baseline": BASELINE})
    two = make(tmp_path / "two", {"faster": FASTER}, **OTHER)
    done = merged(tmp_path, one, two)
    assert "parity: seconds were measured in" in done.out and "only rows of one machine" in done.out
    row = pipeline.judge(Store.load(tmp_path / "merged")).rows[1]
    assert row.speedup and row.seconds_speedup is None
    assert any("do not compare them" in text for text in row.sentences)


def other_recipe(folder):
    recipe = replace(recipe_of("faster"), task=Use("parity", {"bits": 9}))
    cells = [a_cell("baseline"), replace(a_cell("faster"), identity="cother", recipe=recipe)]
    return make(folder, {"baseline": BASELINE, "faster": FASTER}, cells)


def other_outcome(folder):
    make(folder, {"baseline": BASELINE, "faster": FASTER})
    with Store.open(folder, Store.load(folder).manifest) as store:
        store.save(a_run(a_cell("faster"), SEEDS[2], 72))
    return folder


def other_data(folder):
    make(folder, {"faster": FASTER})
    edit_runs(folder, "faster", data={"mnist": "f" * 64})
    return folder


CONTRADICTIONS = {
    "precision": (lambda folder: make(folder, precision="float64"), "its precision is 'float64', not 'float32'"),
    "engine": (lambda folder: make(folder, engine=2), "its engine is 2, not 1"),
    "recipe": (other_recipe, "parity / faster has another recipe there"),
    "outcome": (other_outcome, "parity / faster, seed 1002, was trained twice with different results: grokked at 70"),
    "data": (other_data, "parity was trained on other data: mnist is ffffffffffffffff in"),
    "seeds": (lambda folder: make(folder, seeds=range(8)), "its seeds are for calibration, not reporting"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_folders_that_contradict_each_other_are_refused(tmp_path, kind):
    spoil, reason = CONTRADICTIONS[kind]
    first = make(
        tmp_path / "first", {"baseline": BASELINE, "faster": FASTER} if kind != "data" else {"baseline": BASELINE}
    )
    if kind == "data":
        edit_runs(first, "baseline", data={"mnist": "0" * 64})
    done = merged(tmp_path, first, spoil(tmp_path / "second"))
    assert done.status == 2 and reason in done.err and len(done.err.splitlines()) == 1
    assert not (tmp_path / "merged").exists() and not list(tmp_path.glob(".merged*"))


def test_a_failed_replica_gives_way_to_a_trained_one(tmp_path):
    first, second = (make(tmp_path / name, {"baseline": BASELINE}) for name in ("first", "second"))
    failed = replace(a_run(a_cell("baseline"), SEEDS[0], 100), outcome=Outcome.FAILED, grokked_at=None, error="boom")
    with Store.open(first, Store.load(first).manifest) as store:
        store.save(failed)
    assert merged(tmp_path, first, second).status == 0
    assert Store.load(tmp_path / "merged").runs()[0].outcome is Outcome.GROKKED


def test_one_folder_twice_is_no_merge(tmp_path):
    folder = make(tmp_path / "first")
    done = merged(tmp_path, folder, folder)
    assert done.status == 2 and "at least two different folders" in done.err
