"""Whatever happens to a results folder: one sentence, the folder intact, and `grokbench status` true."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grokbench import pipeline, strict_json, timing
from grokbench.launchers import local
from grokbench.records import Outcome
from grokbench.store import Store

from . import tiny
from .kills import alive
from .tiny import files_of, grokbench, outcomes, run


@pytest.fixture
def here(monkeypatch):
    """Jobs are done in this process."""
    monkeypatch.setattr(local, "launch", tiny.launch_here)
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)


@pytest.fixture
def suite(tmp_path):
    return tiny.write(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Results of the tiny suite; not to be written to."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(local, "launch", tiny.launch_here)
        assert run(tiny.write(root), root / "out").status == 0
    return root / "out"


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "out")


def status(folder):
    """What `grokbench status` says, line by line."""
    done = grokbench("status", folder)
    assert (done.status, done.err) == (0, "")
    return done.out.splitlines()


def one_sentence(done, *said, exit_status=2):
    """The command ended with one message that says all this."""
    assert done.status == exit_status, done.err
    *_, last = done.err.strip().splitlines()
    assert last.startswith("Error: ") and "Traceback" not in done.err
    for words in said:
        assert words in last
    return last


# ---- no room, no permission


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
    one_sentence(done, "cannot be written (No space left on device). Make room there or choose another folder with")
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
    def refused(self, mode="r", **more):
        if "r" not in mode and folder in self.parents:
            raise OSError(code, os.strerror(code))
        return real(self, mode, **more)

    real = Path.open
    monkeypatch.setattr(Path, "open", refused)
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
    assert done.stderr.startswith("Error: the output cannot be written (No space left on device); make room where")


# ---- damaged files


def other_replica(file):
    file.write_bytes(next(other for other in file.parent.iterdir() if other != file).read_bytes())


def endless(file):
    file.unlink()
    file.symlink_to("/dev/zero")


def pipe(file):
    file.unlink()
    os.mkfifo(file)


def out_of_the_folder(file):
    secret = file.parents[3] / "secret.json"
    secret.write_text('{"password": "xyzzy"}')
    file.unlink()
    file.symlink_to(secret)


def huge(file):
    os.truncate(file, 10 * 2**30)  # sparse


DAMAGE = {
    "truncated": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "not text": lambda file: file.write_bytes(b"\xff\xfe" * 500),
    "a list": lambda file: file.write_text("[1, 2, 3]\n{}\n"),
    "a number": lambda file: file.write_text("1e999\n"),
    "wrong types": lambda file: file.write_text(file.read_text().replace('"seed":', '"seed":"x","was":')),
    "deep": lambda file: file.write_text("[" * 200_000),
    "another replica": other_replica,
    "huge": huge,
    "endless": endless,
    "a pipe": pipe,
    "out of the folder": out_of_the_folder,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_replica_is_named_counted_as_missing_and_trained_again(suite, folder, damage, here):
    file = files_of(folder, "orthograd")[1]
    name, good = file.relative_to(folder).as_posix(), json.loads(file.read_text().splitlines()[0])["run"]
    DAMAGE[damage](file)
    first, *more = status(folder)
    assert first.endswith("1 missing.")
    assert more == [
        "  parity / orthograd: 1 of 3 damaged",
        f"{name} is damaged and counts as missing; `grokbench run` makes it again.",
    ]
    board = grokbench("leaderboard", folder)
    assert board.status == 0 and "xyzzy" not in board.out + board.err
    assert board.err == f"Warning: {name} is damaged and counts as missing; `grokbench run` makes it again.\n"
    assert run(suite, folder).status == 0
    assert len(status(folder)) == 1 and not file.is_symlink()
    again = json.loads(file.read_text().splitlines()[0])["run"]
    assert all(again[key] == good[key] for key in ("outcome", "grokked_at", "epochs", "final"))


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != "wrong types"])
def test_a_damaged_timing_is_measured_again(suite, folder, damage, here):
    file = sorted(folder.glob("timings/*.json"))[0]
    DAMAGE[damage](file)
    said = f"timings/{file.name} is damaged and counts as missing; `grokbench run` makes it again."
    assert status(folder)[1:] == ["  seconds per epoch not measured yet: parity", said]
    assert run(suite, folder).status == 0 and len(status(folder)) == 1


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name not in ("wrong types", "another replica")])
def test_a_damaged_manifest_is_refused_and_the_runs_can_be_had_again(suite, folder, damage, here):
    DAMAGE[damage](folder / "manifest.json")
    for words in (["status", folder], ["leaderboard", folder], ["compare", folder, folder]):
        one_sentence(grokbench(*words), "manifest.json cannot be read (", "delete it and run the suite into")
    one_sentence(run(suite, folder), "manifest.json cannot be read (")
    kept = {file: file.stat().st_ino for file in folder.glob("runs/*/*.json")}
    (folder / "manifest.json").unlink()
    assert run(suite, folder).status == 0
    assert {file: file.stat().st_ino for file in folder.glob("runs/*/*.json")} == kept
    assert len(status(folder)) == 1


def test_a_manifest_that_leads_out_of_the_folder(folder):
    manifest = folder / "manifest.json"
    identity = json.loads(manifest.read_text())["manifest"]["cells"][0]["identity"]
    manifest.write_text(manifest.read_text().replace(identity, "../../../etc"))
    one_sentence(grokbench("status", folder), "'../../../etc' cannot name a file in")


def test_a_line_longer_than_any_of_ours_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(strict_json, "LONGEST", 100)
    one_sentence(grokbench("status", folder), "manifest.json cannot be read (it is not one of ours)")


def test_what_the_budget_no_longer_covers_is_left(tmp_path, folder, here):
    longer = tiny.write(tmp_path, tiny.SUITE.replace("epochs: 3", "epochs: 6"))
    assert run(longer, folder, "--regularizer", "orthograd").status == 0
    assert "  parity / baseline: 3 of 3 to be trained further" in status(folder)


# ---- other processes, and signals


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
    suite = tiny.write(tmp_path, SLOW, "slow.yaml")
    words = [sys.executable, "-P", "-m", "grokbench", "run", suite, "--out", tmp_path / "slow", "--device", "cpu"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(list(map(str, words)), **pipes, start_new_session=True)
    wait_for(lambda: len(list((tmp_path / "slow").glob("runs/*/[0-9]*.json"))) == 2 or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    yield process
    process.kill()
    process.communicate()


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


LEFT = ["  slow / baseline: 2 of 2 missing", "  seconds per epoch not measured yet: quick"]


def test_a_second_process_is_refused_and_changes_nothing(slow, tmp_path):
    manifest = (tmp_path / "slow/manifest.json").stat()
    done = run(tmp_path / "slow.yaml", tmp_path / "slow", "--seeds", "1000-1004")
    one_sentence(done, f"Another grokbench is writing to {tmp_path / 'slow'}: wait until it ends, or choose another")
    assert (tmp_path / "slow/manifest.json").stat() == manifest
    assert status(tmp_path / "slow")[1:] == [*LEFT, f"A process is writing to {tmp_path / 'slow'} now."]
    assert "4 replicas planned" in status(tmp_path / "slow")[0]
    dry = run(tmp_path / "slow.yaml", tmp_path / "slow", "--dry-run")
    assert dry.status == 0 and "2 replicas left to train" in dry.out


@pytest.mark.parametrize(
    ("send", "number"), [(os.killpg, signal.SIGINT), (os.kill, signal.SIGTERM), (os.killpg, signal.SIGHUP)]
)
def test_a_signal_keeps_what_is_finished_and_leaves_no_process(slow, tmp_path, send, number):
    """A terminal sends Ctrl-C, and its own end, to every process of a command; a scheduler ends the first."""
    send(slow.pid, number)
    _, err = slow.communicate(timeout=30)
    assert slow.returncode == 130, err
    assert err.endswith("Interrupted. Everything finished so far is saved; the same command goes on from there.\n")
    assert "Traceback" not in err
    wait_for(lambda: not alive(slow.pid))
    assert status(tmp_path / "slow") == [
        "slow: 4 replicas planned: 0 grokked, 2 censored, 0 diverged, 0 failed, 2 missing.",
        *LEFT,
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_torch_is_imported_ends_the_command_at_once(suite, tmp_path, number):
    """An exception there would abort the process, or come out as another one."""
    (tmp_path / "torch.py").write_text(
        f"import os\ntry:\n    os.kill(os.getpid(), {int(number)})\nexcept BaseException:\n    raise RuntimeError\n"
    )
    words = [sys.executable, "-m", "grokbench", "run", suite, "--out", tmp_path / "out"]
    found = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(list(map(str, words)), env=found, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "\nInterrupted. Everything finished so far is saved; the same command goes on from there.\n"
    assert not (tmp_path / "out").exists()


def test_workers_end_soon_after_a_parent_that_is_killed(slow):
    """Also one that has nothing to say until its epoch ten million."""
    slow.kill()
    slow.wait()
    began = time.monotonic()
    wait_for(lambda: not alive(slow.pid))
    assert time.monotonic() - began < 5


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


def test_a_reader_that_goes_away_loses_no_results(suite, tmp_path):
    words = [sys.executable, "-P", "-m", "grokbench", "run", suite, "--out", tmp_path / "out", "--device", "cpu"]
    process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait() == 1 and "Traceback" not in err and "BrokenPipe" not in err
    assert len(outcomes(tmp_path / "out")) == 6


def test_output_that_was_closed_from_the_start_is_not_needed(suite, tmp_path):
    words = f"exec {sys.executable} -P -m grokbench run {suite} --out {tmp_path / 'out'} --device cpu >&-"
    done = subprocess.run(["sh", "-c", words], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    assert len(outcomes(tmp_path / "out")) == 6


# ---- files that change under a run


def test_the_suite_may_be_deleted_during_a_run(suite, tmp_path, monkeypatch, here):
    real = pipeline.perform

    def deleted(plan, store):
        suite.unlink()
        yield from real(plan, store)

    monkeypatch.setattr(pipeline, "perform", deleted)
    assert run(suite, tmp_path / "out").status == 0 and len(outcomes(tmp_path / "out")) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.unlink(), "cannot be loaded any more (file mine.py is left out: FileNotFoundError"),
        (lambda file: file.write_text(tiny.PLUGIN + "# edited\n"), "was changed after this run began, and is not"),
    ],
    ids=["deleted", "edited"],
)
def test_a_plugin_that_changes_after_the_run_began_is_not_trained(tmp_path, monkeypatch, change, said):
    """The workers read the file some seconds after the plan was made of it."""
    suite = tiny.write(tmp_path, tiny.with_methods("steady"))
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    real = pipeline.perform

    def changed(plan, store):
        change(mine)
        yield from real(plan, store)

    monkeypatch.setattr(pipeline, "perform", changed)
    done = run(suite, tmp_path / "out", "--plugin", mine)
    assert done.status == 1
    assert f"parity / steady, seeds 1000-1002:\nsteady (file mine.py) {said}" in done.err
    assert "Traceback" not in done.err
    found = outcomes(tmp_path / "out")
    assert {found["steady", seed] for seed in (1000, 1001, 1002)} == {Outcome.FAILED}
    assert Outcome.FAILED not in {found["baseline", seed] for seed in (1000, 1001, 1002)}
    assert "  parity / steady: 3 of 3 failed" in status(tmp_path / "out")
    monkeypatch.setattr(pipeline, "perform", real)
    monkeypatch.setattr(local, "launch", tiny.launch_here)
    mine.write_text(tiny.PLUGIN)
    assert run(suite, tmp_path / "out", "--plugin", mine).status == 0
    assert Store.load(tmp_path / "out").status()["failed"] == 0
