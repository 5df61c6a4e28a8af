"""Writing to a results folder: for one suite, by one process at a time, and each file whole or not at all."""

import errno
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.store import Store
from grokbench.store.manifests import merge

from .helpers.stored_runs import CELLS, MANIFEST, a_run, opened


def test_reopening_unites_seeds_and_takes_the_cells_planned_now(store):
    store.save(a_run(CELLS[1]))
    other = replace(CELLS[0], regularizer="orthograd", identity="corthograd")
    wider = opened(store.directory, replace(MANIFEST, seeds=(1000, 1005), cells=(CELLS[0], other), description="new"))
    assert wider.manifest.seeds == (1000, 1001, 1005) and wider.manifest.description == "new"
    assert wider.manifest.cells == (CELLS[0], other) and wider.runs() == []
    assert len(opened(store.directory, MANIFEST).runs()) == 1  # the file of the cell left out was not touched


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suite": "other"}, "suite was 'tiny' and is now 'other'"),
        ({"baseline": "grokalign"}, "baseline was 'baseline' and is now 'grokalign'"),
        ({"execution": {"device": "cuda", "threads": (1, 2)}}, "device was 'cpu' and is now 'cuda'"),
        ({"cells": (replace(CELLS[0], identity="c9"),)}, "'tiny' there has no cell in common"),
    ],
)
def test_another_suite_is_refused_with_the_way_out(store, changes, message):
    before = (store.directory / "manifest.json").read_bytes()
    with pytest.raises(StoreError, match=rf"{message}.*Choose another folder \(--out\), or delete"):
        opened(store.directory, replace(MANIFEST, **changes))
    assert (store.directory / "manifest.json").read_bytes() == before
    with pytest.raises(StoreError, match=message):
        merge(store.manifest, replace(MANIFEST, **changes), "there")


def test_calibration_and_reporting_are_kept_apart(store):
    with pytest.raises(StoreError, match="holds seeds for reporting, and these are for calibration.*--out"):
        opened(store.directory, replace(MANIFEST, seeds=(0, 1)))


def test_a_name_that_leads_out_of_the_folder_is_refused(store):
    with pytest.raises(StoreError, match="'../../etc' cannot name a file in .*expected letters"):
        store.save(a_run(replace(CELLS[0], identity="../../etc")))


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
    atomic.write(atomic.target(link), b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    os.mkfifo(pipe)
    with pytest.raises(StoreError, match="pipe is a device or a pipe, expected a file: choose another"):
        atomic.target(pipe)
    assert atomic.target(target) == target and pipe.is_fifo()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written \(Not a directory\). Correct this or choose another"):
        opened(tmp_path / "file" / "runs", MANIFEST)


def test_leftovers_of_a_killed_process_are_ignored_then_cleaned(store):
    store.save(a_run())
    leftover = store.directory / "runs/cbaseline/.1001.json.123.tmp"
    leftover.write_text('{"run"')
    assert len(store.runs()) == 1 and store.damaged == []
    opened(store.directory, MANIFEST)
    assert not leftover.exists()


def test_only_our_own_leftovers_are_cleaned(store):
    others = [store.directory / name for name in (".mine.tmp", "notes/.1000.json.1.tmp", "runs/.mine.tmp")]
    for other in others:
        other.parent.mkdir(exist_ok=True)
        other.touch()
    opened(store.directory)
    assert all(other.exists() for other in others)


HOLDER = """
    import sys, time
    from grokbench.store import Store, manifests
    manifests.recipe_fault = lambda cell: ""  # of cells made by hand
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


def test_checking_the_lock_keeps_nobody_out(store, monkeypatch):
    """The question holds the lock for an instant; whoever opens the folder then waits that long."""
    import fcntl

    with (store.directory / ".lock").open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        monkeypatch.setattr(time, "sleep", lambda seconds: fcntl.flock(asking, fcntl.LOCK_UN))
        opened(store.directory)


def test_an_error_while_the_folder_is_open_stays_what_it_is(store):
    with pytest.raises(FileNotFoundError, match="^the task's own$"), Store.open(store.directory, MANIFEST):
        raise FileNotFoundError("the task's own")
