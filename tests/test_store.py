"""The results folder: nothing half-written is believed, nothing finished is lost."""

import errno
import json
import math
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench import durable
from grokbench.errors import StoreError
from grokbench.manifests import merge
from grokbench.records import Cell, Curve, Manifest, Outcome, Published, Run, Skip, Statistics, Timing
from grokbench.store import Store

RECIPE, METRICS = {"task": "xor", "lr": 0.1}, {"test_accuracy": "higher"}
CELLS = tuple(
    Cell("xor", name, f"c{name}", RECIPE, 100, 2, METRICS, privileges=("loss",), origins={"xor": "built in"})
    for name in ("baseline", "grokalign")
)
EXECUTION = {"device": "cpu", "threads": (1, 2)}
MANIFEST = Manifest("tiny", "two cells", "baseline", (1000, 1001), CELLS, execution=EXECUTION)


def a_run(cell=CELLS[0], seed=1000, outcome=Outcome.GROKKED, grokked_at=40, epochs=None, **changes):
    curves = {"test_accuracy": Curve((0, 20, 40), (0.5, math.nan, 0.99))}
    if outcome is not Outcome.GROKKED:
        grokked_at = None
    epochs = epochs or grokked_at or 40
    memorised, final = min(10, epochs), {"test_accuracy": 0.99}
    run = Run(cell.identity, seed, outcome, grokked_at, memorised, epochs, final, curves, group=(1000, 1001))
    return replace(run, **changes)


def opened(directory, manifest=MANIFEST):
    """The folder as a process that opened it for writing and ended has left it."""
    with Store.open(directory, manifest) as store:
        return store


@pytest.fixture
def store(tmp_path):
    return opened(tmp_path / "runs")


def test_a_run_survives_the_round_trip_and_curves_are_read_only_when_asked_for(store):
    run = a_run(provenance={"device": "cpu", "tf32": False, "n": None}, prepare_seconds=0.25)
    store.save(run)
    (loaded,) = Store.load(store.directory).runs(curves=True)
    assert repr(loaded) == repr(run)  # repr: nan is not equal to itself
    assert store.runs() == [replace(run, curves={})]


@given(st.lists(st.floats(), min_size=1, max_size=20), st.sampled_from(Outcome))
@settings(max_examples=50, deadline=None)
def test_every_float_is_stored_without_loss_as_strict_json(tmp_path_factory, values, outcome):
    store = opened(tmp_path_factory.mktemp("s"), MANIFEST)
    curve = Curve(tuple(range(len(values))), tuple(values))
    store.save(a_run(outcome=outcome, final={"test_accuracy": values[0]}, curves={"m": curve}))
    (run,) = store.runs(curves=True)
    assert [v.hex() for v in run.curves["m"].values] == [v.hex() for v in values]
    assert run.final["test_accuracy"].hex() == values[0].hex() and run.outcome is outcome

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    for line in (store.directory / "runs/cbaseline/1000.json").read_text().splitlines():
        json.loads(line, parse_constant=refuse)


def test_the_manifest_survives_the_round_trip(tmp_path):
    published = Published("Table 1", {"xor": {"baseline": 154.0}})
    manifest = replace(
        MANIFEST, skipped=(Skip("xor", "orthograd", "unstable"),), statistics=Statistics(alpha=0.1), published=published
    )
    assert opened(tmp_path, replace(manifest, execution={})).manifest == replace(manifest, execution={})


def test_runs_come_in_the_order_of_the_manifest_and_only_planned_ones(store):
    for cell in reversed(CELLS):
        for seed in (1001, 1000, 7):
            store.save(a_run(cell, seed))
    store.save(a_run(replace(CELLS[0], identity="gone")))
    pairs = [(run.identity, run.seed) for run in store.runs()]
    assert pairs == [(cell.identity, seed) for cell in CELLS for seed in (1000, 1001)]
    assert store.status() == {"planned": 4, "grokked": 4, "censored": 0, "diverged": 0, "failed": 0, "missing": 0}


@pytest.mark.parametrize(
    ("run", "answers"),
    [
        (a_run(), True),
        (a_run(grokked_at=100), True),
        (a_run(grokked_at=101), True),  # it went further than the budget of 100: censored there
        (a_run(outcome=Outcome.CENSORED, grokked_at=None, epochs=100), True),
        (a_run(outcome=Outcome.CENSORED, grokked_at=None, epochs=99), False),
        (a_run(outcome=Outcome.DIVERGED, grokked_at=None, epochs=3), True),
        (a_run(outcome=Outcome.FAILED, grokked_at=None, error="Traceback"), False),
        (a_run(final={}), False),
    ],
)
def test_what_answers_a_request(store, run, answers):
    store.save(run)
    assert store.finished(CELLS[0], [1000, 1001]) == ({1000} if answers else set())


def test_a_curve_of_unequal_halves_is_refused():
    with pytest.raises(ValueError, match="2 epochs with 1 values"):
        Curve((0, 1), (0.5,))


@pytest.mark.parametrize("keep", [0, 1, 50, -1, -30])
def test_a_truncated_file_is_damaged_and_counts_as_missing(store, keep):
    store.save(a_run())
    path = store.directory / "runs/cbaseline/1000.json"
    path.write_bytes(path.read_bytes()[:keep])
    assert store.runs() == store.runs(curves=True) == []
    assert store.finished(CELLS[0], [1000]) == set() and store.status()["missing"] == 4
    assert store.damaged == ["runs/cbaseline/1000.json"]
    store.save(a_run())
    assert store.damaged == [] and len(store.runs()) == 1


@pytest.mark.parametrize(
    ("was", "becomes"),
    [('"epochs":40', '"epochs":"many"'), ('"grokked"', '"ok"'), ('"seed":1000', '"seed":1001'), ("{", "[")],
)
def test_a_file_of_other_content_is_damaged(store, was, becomes):
    store.save(a_run())
    path = store.directory / "runs/cbaseline/1000.json"
    path.write_text(path.read_text().replace(was, becomes, 1))
    assert store.runs() == [] and store.damaged == ["runs/cbaseline/1000.json"]


def test_a_name_that_leads_out_of_the_folder_is_refused(store):
    with pytest.raises(StoreError, match="'../../etc' cannot name a file in .*expected letters"):
        store.save(a_run(replace(CELLS[0], identity="../../etc")))


def test_timings_are_kept_and_damaged_ones_reported(store):
    timing = Timing("cgrokalign", (0.1, 0.3), {"device": "cpu"})
    store.save_timing(timing)
    store.save_timing(Timing("cbaseline", (0.2,)))
    (store.directory / "timings/cbaseline.json").write_text("{")
    assert store.timings() == [timing] and store.damaged == ["timings/cbaseline.json"]


@pytest.mark.parametrize(
    "edit",
    [
        {"grokked_at": -500},
        {"grokked_at": None},
        {"grokked_at": 41},
        {"memorised_at": 41},
        {"memorised_at": -1},
        {"outcome": "censored"},
    ],
)
def test_a_run_that_no_replica_can_have_done_is_damaged(store, edit):
    store.save(a_run())
    file = store.directory / "runs/cbaseline/1000.json"
    head, curves = file.read_text().splitlines()
    data = json.loads(head)
    file.write_text(json.dumps(data | {"run": data["run"] | edit}) + "\n" + curves + "\n")
    assert store.runs() == [] and store.damaged == ["runs/cbaseline/1000.json"]


@pytest.mark.parametrize("seconds", ["[1e308, 1e308]", "[-0.1]", '["NaN"]', '["Infinity"]', "[0]"])
def test_seconds_that_no_clock_can_have_measured_are_damaged(store, seconds):
    store.save_timing(Timing("cbaseline", (0.2,)))
    file = store.directory / "timings/cbaseline.json"
    file.write_text(file.read_text().replace("[0.2]", seconds))
    assert store.timings() == [] and store.damaged == ["timings/cbaseline.json"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("[1000,1001]", "[1000,1000]"), ('"regularizer":"grokalign"', '"regularizer":"baseline"')],
)
def test_a_manifest_that_counts_something_twice_is_refused(store, old, new):
    file = store.directory / "manifest.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(StoreError, match="cannot be read"):
        Store.load(store.directory)


def test_superseded_runs_are_kept_and_numbered(store):
    for epoch in (40, 50):
        store.save(a_run(grokked_at=epoch))
        store.supersede("cbaseline", 1000)
        store.supersede("cbaseline", 1000)  # not there any more: nothing happens
    assert store.runs() == []
    names = sorted(path.name for path in (store.directory / "superseded/cbaseline").iterdir())
    assert names == ["1000.1.json", "1000.2.json"]


def test_reopening_unites_seeds_and_takes_the_cells_planned_now(store):
    store.save(a_run(CELLS[1]))
    other = replace(CELLS[0], regularizer="orthograd", identity="corthograd")
    wider = opened(
        store.directory, replace(MANIFEST, seeds=(1000, 1005), cells=(CELLS[0], other), description="new")
    )
    assert wider.manifest.seeds == (1000, 1001, 1005) and wider.manifest.description == "new"
    assert wider.manifest.cells == (CELLS[0], other) and wider.runs() == []
    assert len(opened(store.directory, MANIFEST).runs()) == 1  # the file of the cell left out was not touched


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suite": "other"}, "suite was 'tiny' and is now 'other'"),
        ({"baseline": "grokalign"}, "baseline was 'baseline' and is now 'grokalign'"),
        ({"execution": {"device": "cuda", "threads": (1, 2)}}, "device was 'cpu' and is now 'cuda'"),
        ({"cells": (replace(CELLS[0], identity="c9"),)}, "'tiny' there has not one cell in common"),
    ],
)
def test_another_suite_is_refused_with_the_way_out(store, changes, message):
    before = (store.directory / "manifest.json").read_bytes()
    with pytest.raises(StoreError, match=f"{message}.*Choose another folder with --out, or delete"):
        opened(store.directory, replace(MANIFEST, **changes))
    assert (store.directory / "manifest.json").read_bytes() == before
    with pytest.raises(StoreError, match=message):
        merge(store.manifest, replace(MANIFEST, **changes), "there")


def test_a_folder_that_is_none_of_ours(tmp_path, store):
    (tmp_path / "file").touch()
    for name in ("absent", "file", "."):
        with pytest.raises(StoreError, match="is not a results folder: it holds no manifest.json. Name a folder that"):
            Store.load(tmp_path / name)
    assert not (tmp_path / "absent").exists()
    manifest = store.directory / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format":1', '"format":99'))
    with pytest.raises(StoreError, match="has format 99, and this version of grokbench reads format 1. Use the"):
        opened(store.directory, MANIFEST)
    manifest.write_text('{"format": 1, "manifest": {"suite": "tiny"}}')
    with pytest.raises(StoreError, match=r"manifest.json cannot be read \(4 errors in it\). Put back a copy of it; or"):
        Store.load(store.directory)


def test_a_full_disk_keeps_what_was_there_and_leaves_no_temporary_file(store, monkeypatch):
    store.save(a_run())

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"1000.json cannot be written \(No space left on device\). Make room there"):
        store.save(a_run(grokked_at=7))
    assert [run.grokked_at for run in store.runs()] == [40]
    assert list(store.directory.rglob("*.tmp")) == []


def test_a_link_is_followed_and_a_device_left_alone(tmp_path):
    target, link, pipe = tmp_path / "target", tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(target)
    durable.write(durable.target(link), b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    os.mkfifo(pipe)
    with pytest.raises(StoreError, match="pipe is a device or a pipe, expected a file: name another"):
        durable.target(pipe)
    assert durable.target(target) == target and pipe.is_fifo()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written \(Not a directory\). Put that right or choose another"):
        opened(tmp_path / "file" / "runs", MANIFEST)


def test_leftovers_of_a_killed_process_are_ignored_then_cleaned(store):
    store.save(a_run())
    leftover = store.directory / "runs/cbaseline/.1001.json.123.tmp"
    leftover.write_text('{"run"')
    assert len(store.runs()) == 1 and store.damaged == []
    opened(store.directory, MANIFEST)
    assert not leftover.exists()


HOLDER = """
    import sys, time
    from grokbench.store import Store
    store = Store.load(sys.argv[1])
    with Store.open(store.directory, store.manifest):
        print("held", flush=True)
        time.sleep(60)
"""


def test_a_folder_belongs_to_one_process_from_its_opening_to_its_end(store):
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(store.directory)]
    assert not store.busy
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        before = (store.directory / "manifest.json").stat()
        with pytest.raises(StoreError, match="Another grokbench is writing to .*: wait until it ends, or"):
            opened(store.directory, replace(MANIFEST, seeds=(1000, 1001, 1002)))
        after = (store.directory / "manifest.json").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert store.busy
        holder.kill()
    assert not store.busy
    opened(store.directory)


def test_who_only_asks_whether_a_folder_is_busy_keeps_nobody_out(store, monkeypatch):
    """The question holds the lock for an instant; whoever opens the folder then waits that long."""
    import fcntl

    with (store.directory / ".lock").open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(asking, fcntl.LOCK_UN))
        opened(store.directory)


def test_an_error_while_the_folder_is_open_stays_what_it_is(store):
    with pytest.raises(FileNotFoundError, match="^the task's own$"), Store.open(store.directory, MANIFEST):
        raise FileNotFoundError("the task's own")


def test_only_our_own_leftovers_are_cleaned(store):
    others = [store.directory / name for name in (".mine.tmp", "notes/.1000.json.1.tmp", "runs/.mine.tmp")]
    for other in others:
        other.parent.mkdir(exist_ok=True)
        other.touch()
    opened(store.directory)
    assert all(other.exists() for other in others)


def test_a_failure_never_replaces_what_had_finished(store):
    store.save(a_run())
    for _ in range(2):
        store.save(a_run(outcome=Outcome.FAILED, grokked_at=None, error="killed"))
    assert [run.outcome for run in store.runs()] == [Outcome.FAILED]
    assert [path.name for path in (store.directory / "superseded/cbaseline").iterdir()] == ["1000.1.json"]


def test_a_superseded_run_never_replaces_another(store):
    folder = store.directory / "superseded/cbaseline"

    def again():
        store.save(a_run())
        store.supersede("cbaseline", 1000)

    again(), again()
    (folder / "1000.1.json").unlink()
    again()
    assert sorted(path.name for path in folder.iterdir()) == ["1000.2.json", "1000.3.json"]


def test_five_hundred_runs_with_long_curves_are_listed_in_well_under_a_second(tmp_path):
    seeds = tuple(range(250))
    store = opened(tmp_path, replace(MANIFEST, seeds=seeds))
    curves = {name: Curve(tuple(range(2000)), tuple(i / 7 for i in range(2000))) for name in ("a", "b")}
    store.save(a_run(curves=curves, seed=0))
    line = (tmp_path / "runs/cbaseline/0.json").read_text()
    for cell in CELLS:
        (tmp_path / "runs" / cell.identity).mkdir(exist_ok=True)
        for seed in seeds:
            text = line.replace('"seed":0', f'"seed":{seed}', 1).replace("cbaseline", cell.identity, 1)
            (tmp_path / "runs" / cell.identity / f"{seed}.json").write_text(text)
    start = time.perf_counter()
    assert len(store.runs()) == 500
    assert time.perf_counter() - start < 1


def test_calibration_and_reporting_are_kept_apart(store):
    with pytest.raises(StoreError, match="holds seeds for reporting, and these are for calibration.*--out"):
        opened(store.directory, replace(MANIFEST, seeds=(0, 1)))


def test_a_metric_that_is_measured_otherwise_now_answers_no_request(store):
    how = {"test_accuracy": {"use": "accuracy", "parameters": {"split": "test"}, "every": None}}
    store.save(a_run(provenance={"measured": how}))
    assert store.finished(replace(CELLS[0], measured=how), [1000]) == {1000}
    other = {"test_accuracy": {**how["test_accuracy"], "parameters": {"split": "train"}}}
    assert store.finished(replace(CELLS[0], measured=other), [1000]) == set()


def test_a_run_to_the_end_answers_only_what_it_reached(store):
    to_the_end = replace(CELLS[0], recipe={"stop": "budget"})
    store.save(a_run(grokked_at=50, epochs=100))
    assert store.finished(to_the_end, [1000]) == {1000}
    assert store.finished(replace(to_the_end, budget=200), [1000]) == set()
