"""`kill -9` at random moments: after any number of them, a rerun has to give the undisturbed leaderboard.

`python -P tests/helpers/kills.py --kills 40 --suite smoke` is the long version, also `nox -s survival`; test_kills.py
runs a short one. After every kill (or after `--in-a-row` of them) a run comes to its end and its leaderboard is
compared; the next kills are made in a new folder. By turns the parent alone is killed, whose workers have to end by
themselves, and the whole process group.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from grokbench.judging.note import Kind
from grokbench.report.text import as_json
from grokbench.runner import pipeline
from grokbench.store import Store

TIMES = (
    *("seconds_per_epoch", "seconds_mean"),
    *("seconds_speedup", "seconds_speedup_low", "seconds_speedup_high", "seconds_speedup_bound"),
)  # columns of the leaderboard that are times
ABOUT_TIME = (Kind.TIME_UNCERTAIN, Kind.TIME_REFUSED)
CHECKPOINTS = 0.5  # seconds between those of a group
PATIENCE = 10.0  # seconds in which workers end after their parent


@dataclass
class Report:
    """What was done and seen."""

    kills: Counter = field(default_factory=Counter)  # (phase, who was killed) -> how many
    completed: int = 0  # runs that came to their end after kills, each with the undisturbed leaderboard
    slowest_orphan: float = 0.0  # seconds until the last worker of a killed parent was gone

    def __str__(self):
        """In sentences."""
        phases = Counter()
        for (phase, _), count in self.kills.items():
            phases[phase] += count
        words = ", ".join(f"{count} in {phase}" for phase, count in sorted(phases.items()))
        alone = sum(count for (_, who), count in self.kills.items() if who == "parent")
        return (
            f"{self.kills.total()} kills: {words}; {alone} of the parent alone, whose workers were gone after at most "
            f"{self.slowest_orphan:.2f} s. {self.completed} runs came to their end, each with the undisturbed "
            "leaderboard."
        )


def kill_and_complete(suite, folder, kills, chance, in_a_row=1, tell=lambda text: None):
    """Kill runs of a suite in folders below `folder`, `kills` times, at moments drawn from `chance`; the report."""
    began = time.monotonic()
    complete(suite, folder / "undisturbed")
    duration = time.monotonic() - began
    expected = board(folder / "undisturbed")
    tell(f"undisturbed: {duration:.1f} s")
    report, killed, since = Report(), folder / "killed", 0
    while report.kills.total() < kills:
        who = ("parent", "group")[report.kills.total() % 2]
        if phase := kill(suite, killed, chance.uniform(0, duration), who, report):
            report.kills[phase, who] += 1
            since += 1
            tell(f"kill {report.kills.total()}: the {who} in {phase}, {check(killed, expected)} replicas stored")
        if not phase or since == in_a_row or report.kills.total() == kills:
            complete(suite, killed)
            assert board(killed) == expected, f"another leaderboard in {killed}"
            report.completed += 1
            tell(f"the undisturbed leaderboard after {since} kills")
            shutil.rmtree(killed)
            since = 0
    return report


def kill(suite, folder, after, who, report):
    """Start a run and kill it after some seconds; the phase it was in, or None where it had ended."""
    with started(suite, folder) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            phase = phase_of(folder)
            (os.kill if who == "parent" else os.killpg)(process.pid, signal.SIGKILL)
            killed = time.monotonic()
            process.wait()
            while alive(process.pid):
                assert time.monotonic() - killed < PATIENCE, f"a worker of {process.pid} outlives its parent"
                time.sleep(0.01)
            if who == "parent":
                report.slowest_orphan = max(report.slowest_orphan, time.monotonic() - killed)
            return phase
        assert process.returncode == 0, log(folder).read_text(encoding="utf-8")
        return None


def check(folder, expected):
    """Whether status says what is there, nothing is damaged and nobody is writing; how many replicas are stored."""
    if not (folder / "manifest.json").exists():
        return 0
    told = command("status", folder)
    files = len(list(folder.glob("runs/*/[0-9]*.json")))
    planned = sum(row["seeds"] for row in expected["rows"])
    assert told.startswith(f"{expected['suite']}: {planned} replicas planned: "), told
    assert told.splitlines()[0].endswith(f", {planned - files} missing."), told
    assert "damaged" not in told and "is writing" not in told, told
    return files


def phase_of(folder):
    """Where a run is: its start-up, training, or timing, when every replica is stored."""
    if str(folder) not in log(folder).read_text(encoding="utf-8"):  # the first line of progress names it
        return "start-up"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["manifest"]
    cells = {cell["identity"] for cell in manifest["cells"]}
    done = len(list(folder.glob("runs/*/[0-9]*.json")))
    return "timing" if done == len(cells) * len(manifest["seeds"]) else "training"


def complete(suite, folder):
    """Run a suite to its end."""
    with started(suite, folder) as process:
        assert process.wait() == 0, log(folder).read_text(encoding="utf-8")


def board(folder):
    """The leaderboard without its times."""
    judged = pipeline.judge(Store.load(folder))
    rows = [
        replace(row, **dict.fromkeys(TIMES), notes=[note for note in row.notes if note.kind not in ABOUT_TIME])
        for row in judged.rows
    ]
    return as_json(replace(judged, rows=rows))


def log(folder):
    """What a run wrote to standard error."""
    return folder.with_suffix(".log")


@contextmanager
def started(suite, folder):
    """`grokbench run` on the CPU, in a process group of its own, which does not outlive the block."""
    words = [sys.executable, "-P", "-m", "grokbench", "run", suite, "--out", folder, "--device", "cpu"]
    words += ["--checkpoint-seconds", CHECKPOINTS]
    with log(folder).open("wb") as err:
        process = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL, stderr=err, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def command(*words):
    """What a command of grokbench prints."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "grokbench", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def alive(group):
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def main():
    """The long version."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="smoke")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--in-a-row", type=int, default=1, help="kills before a run that comes to its end")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tell = lambda text: print(text, flush=True)  # noqa: E731
        chance = random.Random(chosen.seed)
        print(kill_and_complete(chosen.suite, Path(folder), chosen.kills, chance, chosen.in_a_row, tell))


if __name__ == "__main__":
    main()
