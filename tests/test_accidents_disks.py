"""A disk that is full, or that may not be written: one sentence, and what was saved is kept."""

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .helpers.command_messages import one_sentence, status
from .helpers.tiny import files_of, grokbench, outcomes, run


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB, where this process may mount one."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted]
    if sys.platform != "linux" or os.geteuid() or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield mounted
    subprocess.run(["umount", "-l", mounted], check=True)


def test_a_disk_that_fills_up_ends_the_run_and_keeps_what_was_saved(suite, small_disk, here):
    filler = small_disk / "filler"
    assert run(suite, small_disk / "out", "--regularizer", "baseline").status == 0
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(512))
    before = {file: file.read_bytes() for file in small_disk.glob("out/runs/*/*.json")}
    done = run(suite, small_disk / "out")
    one_sentence(done, "cannot be written (No space left on device). Make room there or choose another folder (--out)")
    filler.unlink()
    assert {file: file.read_bytes() for file in before} == before and len(before) == 3
    assert status(small_disk / "out") == [
        "tiny: 6 replicas planned: 0 grokked, 3 censored, 0 diverged, 0 failed, 3 missing.",
        "  parity / orthograd: 3 of 3 missing",
    ]
    assert run(suite, small_disk / "out").status == 0 and len(outcomes(small_disk / "out")) == 6


def test_a_disk_that_is_full_in_the_middle_of_a_run(suite, tmp_path, monkeypatch, here):
    """Some replicas are saved when the room ends: exit status 1, since something was run."""
    real, saved = os.fsync, []

    def full(descriptor):
        if len(saved) > 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        saved.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    done = run(suite, tmp_path / "out")
    one_sentence(done, ".json cannot be written (No space left on device)", "what was saved before is", exit_status=1)
    monkeypatch.setattr(os, "fsync", real)
    kept = outcomes(tmp_path / "out")
    assert 0 < len(kept) < 6 and status(tmp_path / "out")[0].endswith(f", {6 - len(kept)} missing.")
    assert list((tmp_path / "out").rglob("*.tmp")) == []
    assert run(suite, tmp_path / "out").status == 0 and len(outcomes(tmp_path / "out")) == 6


def test_a_file_that_may_not_grow(suite, folder, here):
    files_of(folder, "orthograd")[0].unlink()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        done = run(suite, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    one_sentence(done, "manifest.json cannot be written (File too large). Make room there")
    assert len(outcomes(folder)) == 5 and list(folder.rglob("*.tmp")) == []


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_folder_that_may_not_be_written(suite, folder, monkeypatch, code):
    def refused(path, flags, *more, **folder_descriptor):
        if flags & os.O_WRONLY and folder in Path(path).parents:
            raise OSError(code, os.strerror(code))
        return real(path, flags, *more, **folder_descriptor)

    real = os.open
    monkeypatch.setattr(os, "open", refused)
    one_sentence(run(suite, folder), f"{folder} cannot be written ({os.strerror(code)}). Allow writing there or choose")
    assert len(status(folder)) == 1


def test_a_read_only_disk_is_read_all_the_same(trained, suite, small_disk):
    out = shutil.copytree(trained, small_disk / "out")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    one_sentence(run(suite, out), "cannot be written (Read-only file system). Allow writing there or choose another")
    assert len(status(out)) == 1 and grokbench("leaderboard", out).status == 0


def test_a_file_in_place_of_the_folder(suite, tmp_path):
    (tmp_path / "out").write_text("mine")
    one_sentence(run(suite, tmp_path / "out"), f"{tmp_path / 'out'} cannot be written (File exists).")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written(folder):
    with open("/dev/full", "w") as full:
        words = [sys.executable, "-P", "-m", "grokbench", "leaderboard", folder]
        done = subprocess.run(list(map(str, words)), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the output cannot be written (No space left on device); free some disk space")
