"""A folder that goes away, files that may not be written, a clock that goes back, and too little memory."""

import errno
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta

import pytest

from grokbench.launchers import jobs
from grokbench.store import Store

from .helpers import tiny
from .helpers.command_messages import one_sentence, status
from .helpers.tiny import outcomes, run

GLUTTON = '''\
"""A method of a user that needs four petabytes."""

import torch

from grokbench import Regularizer, hookimpl


def everything(local, state, at):
    return 0.0 * local.outputs.sum() + torch.zeros(10**15).sum()


def eats() -> Regularizer:
    """Eat memory."""
    return Regularizer(penalty=everything)


@hookimpl
def grokbench_regularizers():
    yield eats
'''


@pytest.mark.parametrize("accident", ["deleted", "moved"])
def test_a_folder_that_goes_away_during_a_run(suite, tmp_path, monkeypatch, here, accident):
    out, saved, real = tmp_path / "out", [], Store.save

    def save(store, found):
        if len(saved) == 4:
            shutil.rmtree(out) if accident == "deleted" else out.rename(tmp_path / "moved")
        saved.append(found)
        real(store, found)

    monkeypatch.setattr(Store, "save", save)
    said = f"{out} was deleted or moved while it was being written to: put it back, or run the same command again"
    one_sentence(run(suite, out), said, exit_status=1)
    assert not out.exists()
    monkeypatch.setattr(Store, "save", real)
    if accident == "moved":
        (tmp_path / "moved").rename(out)
        assert len(outcomes(out)) == 4
    assert run(suite, out).status == 0 and len(outcomes(out)) == 6


@pytest.mark.parametrize(("name", "saved"), [("ledger.jsonl", 6), ("runs", 0)])
def test_one_file_that_may_not_be_written(suite, folder, monkeypatch, here, name, saved):
    """As an administrator or another user may have left it; the file system refuses nothing to this process."""
    if not saved:
        shutil.rmtree(folder / "runs")
    (folder / "ledger.jsonl").write_bytes(b"")

    def refused(path, flags, *more, **folder_descriptor):
        if path == name and flags & (os.O_WRONLY | os.O_DIRECTORY):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags, *more, **folder_descriptor)

    real = os.open
    monkeypatch.setattr(os, "open", refused)
    done = run(suite, folder)
    one_sentence(done, name, "cannot be written (Permission denied). Allow writing", exit_status=2 if saved else 1)
    monkeypatch.setattr(os, "open", real)
    assert len(outcomes(folder)) == saved and list(folder.rglob("*.tmp")) == []
    assert run(suite, folder).status == 0 and len(outcomes(folder)) == 6


class Backwards(datetime):
    """A clock that loses a day at every look."""

    day = datetime(2026, 1, 1)

    @classmethod
    def now(cls, tz=None):
        cls.day -= timedelta(days=1)
        return cls.day.replace(tzinfo=tz)


def test_a_clock_that_goes_back(suite, tmp_path, monkeypatch, here, trained):
    """Durations are measured by a clock that does not, and no time of day is compared but for equality."""
    monkeypatch.setattr(time, "time", lambda: Backwards.now().timestamp())
    monkeypatch.setattr(jobs, "datetime", Backwards)
    out = tmp_path / "out"
    first = run(suite, out)
    assert first.status == 0 and "[  -" not in first.err and outcomes(out) == outcomes(trained)
    assert len(status(out)) == 1
    files = {file: file.read_bytes() for file in out.rglob("*.json*")}
    second = run(suite, out)
    assert second.status == 0 and "6/6 replicas done" in second.err
    assert {file: file.read_bytes() for file in out.rglob("*.json*")} == files


def test_a_method_that_eats_memory_fails_alone(tmp_path, here):
    suite = tiny.write(tmp_path, tiny.with_methods("eats"))
    done = run(suite, tmp_path / "out", "--plugin", tiny.write(tmp_path, GLUTTON, "mine.py"))
    assert done.status == 1 and "parity / eats, seeds 1000-1002:\nRuntimeError: " in done.err
    assert "Next: two seeds of this cell do not fit in memory" in done.err and "Traceback" not in done.err
    found = outcomes(tmp_path / "out")
    assert [found["baseline", seed].value for seed in (1000, 1001, 1002)] == ["censored"] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="needs ulimit -v")
def test_less_memory_than_torch_needs(suite, tmp_path):
    words = [sys.executable, "-P", "-m", "grokbench", "run", suite, "--out", tmp_path / "out", "--device", "cpu"]
    limited = ["sh", "-c", 'ulimit -v 1500000; exec "$@"', "sh", *map(str, words)]
    done = subprocess.run(limited, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert done.stderr == (
        "Error: grokbench needs more memory than it is allowed to use: raise the limit (ulimit -v) or end other "
        "programs. What was saved is kept.\n"
    )
