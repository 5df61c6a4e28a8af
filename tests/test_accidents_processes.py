"""Signals, killed parents, second processes, readers that go away: what is finished stays, and no process is left."""

import json
import os
import signal
import subprocess
import sys
import time
from unittest.mock import patch

import pytest

from grokbench.engine import timing
from grokbench.launchers.local import pool
from grokbench.runner import pipeline

from .helpers import tiny
from .helpers.command_messages import one_sentence, status
from .helpers.survival.runs import alive
from .helpers.tiny import run

SLOW = """\
suite: slow
seeds: 1000-1001
baseline: baseline
tasks:
  quick: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 2}
  slow: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 10000000, evaluate_every: 10000000}
regularizers:
  baseline: {}
"""


@pytest.fixture
def slow(tmp_path):
    """A run that will not end in a process group of its own; two of its four replicas are finished."""
    suite, out = tiny.write(tmp_path, SLOW, "slow.yaml"), tmp_path / "slow"
    with patch.object(pool, "launch", tiny.launch_here), patch.object(timing, "measure", lambda *given: iter(())):
        assert run(suite, out, "--task", "quick", "--group-size", 2).status == 0
    options = {"stdout": subprocess.PIPE, "start_new_session": True}
    process = tiny.start("run", suite, "--out", out, "--device", "cpu", "--group-size", 2, **options)
    try:
        wait_for(lambda: working(out) or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def working(out):
    """Whether a worker has begun with a group."""
    try:
        return bool(json.loads((out / "activity.json").read_text())["jobs"])
    except OSError:
        return False


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


LEFT = ["  slow / baseline: 2 of 2 missing", "  seconds per epoch not measured yet: quick"]


def test_a_second_process_is_refused_and_ctrl_c_keeps_what_is_finished(slow, tmp_path):
    """A terminal sends Ctrl-C to every process of a command."""
    manifest = (tmp_path / "slow/manifest.json").stat()
    done = run(tmp_path / "slow.yaml", tmp_path / "slow", "--seeds", "1000-1004")
    one_sentence(done, f"Another grokbench is writing to {tmp_path / 'slow'}: wait until it ends, or choose another")
    assert (tmp_path / "slow/manifest.json").stat() == manifest
    first, *left = status(tmp_path / "slow")
    assert "4 replicas planned" in first and left[:2] == [line.replace("missing", "in training") for line in LEFT]
    assert any("slow / baseline, seeds 1000-1001" in line for line in left[2:])
    dry = run(tmp_path / "slow.yaml", tmp_path / "slow", "--group-size", 2, "--dry-run")
    assert dry.status == 0 and "2 replicas left to train" in dry.out
    ends_interrupted(slow, os.killpg, signal.SIGINT)
    assert status(tmp_path / "slow") == [
        "slow: 4 replicas planned: 0 grokked, 2 censored, 0 diverged, 0 failed, 2 missing.",
        *LEFT,
    ]


def test_sigterm_ends_the_workers_too(slow):
    """A scheduler ends the first process of a command alone."""
    ends_interrupted(slow, os.kill, signal.SIGTERM)


@pytest.mark.long
def test_workers_end_soon_after_a_parent_that_is_killed(slow):
    """A worker ends although it has nothing to send until its epoch ten million; as in `test_local_launcher`."""
    slow.kill()
    slow.wait()
    wait_for(lambda: not alive(slow.pid))


def ends_interrupted(process, send, number):
    send(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    assert err.endswith("Interrupted. Everything finished so far is saved; the same command goes on from there.\n")
    assert "Traceback" not in err
    wait_for(lambda: not alive(process.pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_torch_is_imported_ends_the_command_at_once(suite, tmp_path, number):
    """An exception there would abort the process, or come out as another one."""
    (tmp_path / "torch.py").write_text(
        f"import os\ntry:\n    os.kill(os.getpid(), {int(number)})\nexcept BaseException:\n    raise RuntimeError\n"
    )
    words = [sys.executable, "-m", "grokbench", "run", suite, "--out", tmp_path / "out"]
    found = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(list(map(str, words)), env=found, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == "\nInterrupted. Nothing that was saved is lost; the same command begins again.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_command_line_is_imported_ends_the_command_at_once(suite, tmp_path, number):
    (tmp_path / "click.py").write_text(f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(10)\n")
    words = [sys.executable, "-m", "grokbench", "leaderboard", str(tmp_path)]
    found = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(words, env=found, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == "\nInterrupted. Nothing that was saved is lost; the same command begins again.\n"


def test_an_interruption_is_130(suite, tmp_path, monkeypatch, here):
    def interrupted(plan, store):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(pipeline, "perform", interrupted)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    done = run(suite, tmp_path / "out")
    assert done.status == 130 and "the same command goes on from there" in done.err
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_an_interruption(suite, tmp_path, monkeypatch, here, number):
    def signalled(plan, store):
        os.kill(os.getpid(), number)
        time.sleep(10)
        yield

    monkeypatch.setattr(pipeline, "perform", signalled)
    assert run(suite, tmp_path / "out").status == 128 + number


def test_a_hangup_that_is_ignored_stays_ignored(suite, tmp_path, monkeypatch, here):
    """As under nohup."""
    real = pipeline.perform

    def hung_up(plan, store):
        os.kill(os.getpid(), signal.SIGHUP)
        yield from real(plan, store)

    monkeypatch.setattr(pipeline, "perform", hung_up)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(suite, tmp_path / "out").status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_reader_that_goes_away_is_no_error_worth_words(trained):
    process = tiny.start("leaderboard", trained, stdout=subprocess.PIPE)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() == 1 and "Traceback" not in err and "BrokenPipe" not in err


def test_a_closed_output_is_not_needed(suite, folder):
    words = f"exec {sys.executable} -P -m grokbench run {suite} --out {folder} --device cpu >&-"
    done = subprocess.run(["sh", "-c", words], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr
