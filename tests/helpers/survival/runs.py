"""A run in processes of its own, in which some are killed, and the way it ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import suite

FAILPOINTS = Path(__file__).parent / "failpoints"
LONGEST = 300.0  # seconds of a run; more is a hang
PATIENCE = 20.0  # seconds in which workers end after their parent


@dataclass(frozen=True)
class End:
    """The way a run ended.

    Attributes:
        status: its exit status, negative for a signal.
        deaths: one for each kill: the process, the lines that led there.
        log: what the fail-points logged, in its order.
        err: what the run wrote to standard error.
    """

    status: int
    deaths: list
    log: list
    err: str


def run(file, folder, order=None, moment=None):
    """Run a suite in a folder on one core.

    Args:
        file: of the suite.
        folder: of the results.
        order: of the fail-points, see `failpoints`; without its folder.
        moment: seconds after which to kill, and who is killed: worker, parent or both.
    """
    notes = folder.with_suffix(".notes")
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    with started(file, folder, notes, order or {}) as process:
        if moment:
            strike(process, *moment, notes)
        status = process.wait(LONGEST)
        ended(process.pid)
    err = (notes / "err").read_text(encoding="utf-8", errors="replace")
    return End(status, deaths_in(notes), lines(notes / "log.jsonl"), err)


@contextmanager
def started(file, folder, notes, order):
    """`grokbench run` in a process group of its own, which does not outlive the block."""
    words = [sys.executable, "-P", "-m", "grokbench", "run", file, "--out", folder, *suite.OPTIONS]
    paths = [str(FAILPOINTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    failpoint = json.dumps({"folder": str(notes), **order})
    found = {"PYTHONPATH": os.pathsep.join(paths), "GROKBENCH_FAILPOINT": failpoint, "GROKBENCH_DATA": str(file.parent)}
    with (notes / "err").open("wb") as err:
        options = {"stdout": subprocess.DEVNULL, "stderr": err, "env": os.environ | found, "start_new_session": True}
        process = subprocess.Popen(list(map(str, words)), preexec_fn=one_core, **options)
    try:
        yield process
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def one_core():
    """Keep this process to one core, so that it starts one worker."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def strike(process, seconds, who, notes):
    """Kill after some seconds, unless the run has ended, or has no worker then."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        victims = children(process) if who == "worker" else [process.pid]
        if victims:
            (notes / "death-0.json").write_text(json.dumps({"pid": victims[0], "role": "moment", "at": [seconds]}))
        for victim in victims:
            (os.killpg if who == "both" else os.kill)(victim, signal.SIGKILL)


def children(process):
    """The workers of a run."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    command = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in text}
    return [pid for pid, words in command.items() if b"--multiprocessing-fork" in words]


def ended(group):
    """Wait until no process of a group is left; AssertionError if that does not come."""
    deadline = time.monotonic() + PATIENCE
    while alive(group):
        assert time.monotonic() < deadline, f"a process of the group {group} outlives its parent"
        time.sleep(0.01)


def alive(group):
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def deaths_in(notes):
    """What was noted before each kill."""
    return [json.loads(path.read_text()) for path in sorted(notes.glob("death-*.json"))]


def lines(path):
    """The lines of a file of JSON lines; none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
