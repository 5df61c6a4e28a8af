"""Plugins that hang, crash, exit or close what is not theirs, in full runs: the others finish, and the run ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from grokbench.records import Outcome

from .helpers import misbehaving, tiny
from .helpers.survival.runs import alive

FEW = ("segfaults", "eats_memory")  # a worker that ends, and one that goes on
STALL = 10  # seconds without progress, which a step of a sound method does not take on a busy machine
STUCK = (*(each.__name__ for each in misbehaving.STUCK), "sleeps_in_prepare")
GONE = tuple(each.__name__ for each in misbehaving.GONE)
RAISING = tuple(each.__name__ for each in misbehaving.RAISING)
UNWELCOME = tuple(each.__name__ for each in misbehaving.UNWELCOME)  # they finish


def suite(folder, labels):
    """The tiny suite with the baseline, these methods, and last a sound one."""
    text = tiny.with_methods(*labels, "sound").replace("seeds: 1000-1002", "seeds: 1000-1001")
    return tiny.write(folder, f"plugins: [{misbehaving.__file__}]\n{text}")


def ends(folder, labels, seconds, *options):
    """Run to the end, within some seconds; check who finished, who is named, and that no process is left."""
    file, out = suite(folder, labels), folder / "out"
    words = ("run", file, "--out", out, "--device", "cpu", "--group-size", 2, *options)
    words = [sys.executable, "-P", "-m", "grokbench", *map(str, words)]
    with (folder / "err").open("wb") as err:  # no pipe, which a child of a plugin might keep open
        streams = {"stdout": subprocess.DEVNULL, "stderr": err}
        process = subprocess.Popen(words, preexec_fn=tiny.one_core, start_new_session=True, **streams)
    try:
        process.wait(seconds)
        assert gone(process.pid), "a process is left"
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    said = (folder / "err").read_text(encoding="utf-8", errors="replace")
    check(process.returncode, said, tiny.outcomes(out), labels)
    return said


def check(status, err, outcomes, labels):
    bad = [label for label in labels if label not in UNWELCOME]
    assert (status, "Traceback" in err) == (1 if bad else 0, False), err
    for label in ("baseline", *labels, "sound"):
        expected = Outcome.FAILED if label in bad else Outcome.CENSORED
        assert [outcomes.get((label, seed)) for seed in (1000, 1001)] == [expected] * 2, f"{label}: {err}"
    for label in bad:
        assert f"parity / {label}, seeds 1000-1001:" in err, f"{label} is not named: {err}"


def gone(group, seconds=10):
    deadline = time.monotonic() + seconds
    while alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(group)


def test_some_misbehaving_methods_spoil_nothing_but_their_own_replicas(tmp_path):
    err = ends(tmp_path, FEW, 240)
    assert "SIGSEGV" in err or "exit code -11" in err


@pytest.mark.long
@pytest.mark.parametrize("labels", [STUCK, GONE, (*RAISING, *UNWELCOME)], ids=["stuck", "gone", "raising"])
def test_misbehaving_methods_spoil_nothing_but_their_own_replicas(tmp_path, labels):
    """Workers that are stuck are stopped after some seconds, and tried again."""
    ends(tmp_path, labels, 900, "--stall-timeout", STALL)


@pytest.mark.long
def test_a_cell_that_takes_too_long_is_stopped(tmp_path):
    err = ends(tmp_path, ("sleeps",), 240, "--cell-timeout", STALL)
    assert "stopped after the 10 s that a cell may take" in err
