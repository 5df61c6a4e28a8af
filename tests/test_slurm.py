"""Slurm on two nodes of this machine: jobs that are requeued, lost with their node, or awaited by another command."""

import os
import signal
import subprocess
import sys
import time

import pytest

from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.store.inbox import Inbox

from .helpers import slurm_cluster, tiny

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(slurm_cluster.missing()), reason=slurm_cluster.missing() or "there is Slurm"),
]

SUITE = tiny.SUITE.replace("epochs: 3", "epochs: 400, stop: budget")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    for each in (folder, *folder.parents):  # slurmd and munged look at their folders' modes
        if str(each).startswith("/tmp/"):
            each.chmod(0o755)
    with slurm_cluster.cluster(folder) as started:
        settings = "launcher: {name: slurm, slurm: {groups_per_job: 1, folder: %s}}" % (folder / "submitit")
        (folder / "settings.yaml").write_text(settings)
        os.environ["GROKBENCH_SETTINGS"] = str(folder / "settings.yaml")
        yield started
        del os.environ["GROKBENCH_SETTINGS"]


def command(suite, out, *options):
    words = ("run", suite, "--out", out, "--device", "cpu", "--checkpoint-seconds", "0.2", *options)
    return [sys.executable, "-P", "-m", "grokbench", *map(str, words)]


@pytest.fixture(scope="module")
def local(nodes, tmp_path_factory):
    """The results of `local`."""
    folder = tmp_path_factory.mktemp("local")
    suite = tiny.write(folder, SUITE)
    subprocess.run(command(suite, folder / "out", "--launcher", "local"), check=True, timeout=300)
    return suite, results(folder / "out")


def results(folder):
    """Every run with its curves, and the leaderboard without times and remarks about times."""
    store = Store.load(folder)
    runs = [(run.identity, run.seed, run.outcome, run.epochs, run.curves) for run in store.runs(curves=True)]
    return runs, [repr(without_times(vars(row))) for row in pipeline.judge(store).rows]


def without_times(row):
    notes = [note for note in row["notes"] if not note.kind.value.startswith("time")]
    return {name: value for name, value in row.items() if "second" not in name} | {"notes": notes}


def wait(condition, seconds=180.0):
    """Wait until a condition is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, condition
        time.sleep(0.2)
    return found


def training(folder):
    """The names and numbers of the Slurm jobs that train."""
    inbox = Inbox(folder)
    places = [(array.name, number) for array in inbox.arrays() for number in range(len(array.packs))]
    states = {place: inbox.state(*place) for place in places}
    return [state.job_id for state in states.values() if state and state.progress and not state.ended]


def ended(process, nodes):
    """Wait for a command, while requeued jobs begin without Slurm's delay."""

    def over():
        nodes.hurry()
        return process.poll() is not None

    wait(over, 400)
    assert process.returncode == 0


def test_a_requeued_job_gives_the_results_of_local(nodes, local, tmp_path):
    suite, expected = local
    process = subprocess.Popen(command(suite, tmp_path / "out"))
    (job, *_) = wait(lambda: training(tmp_path / "out"))
    nodes.query("scontrol", "requeue", job)
    ended(process, nodes)
    assert results(tmp_path / "out") == expected
    assert not (tmp_path / "out" / "inbox").exists()


def test_a_lost_node_and_a_killed_command(nodes, local, tmp_path):
    suite, expected = local
    process = subprocess.Popen(command(suite, tmp_path / "out"))
    wait(lambda: training(tmp_path / "out"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    submitted = Inbox(tmp_path / "out").arrays()
    nodes.kill_node("n1")
    again = subprocess.Popen(command(suite, tmp_path / "out"))
    wait(lambda: nodes.query("sinfo", "--noheader", "--Node", "--format=%T").split().count("idle") < 2, 60)
    assert Inbox(tmp_path / "out").arrays() == submitted
    ended(again, nodes)
    assert results(tmp_path / "out") == expected
