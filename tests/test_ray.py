"""The launcher `ray` on a real Ray: the promises of launchers, lost nodes, workers that differ; some minutes."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from grokbench.events import Started
from grokbench.launchers.interface import Stage
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.ray.launcher import RayLauncher
from grokbench.settings.ray import RaySettings

from .helpers.survival.folders import outcome
from .helpers.worker_jobs import cpu_workers, fake_jobs, gone

pytestmark = pytest.mark.long
cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: pip install 'grokbench[ray]'")


@pytest.fixture
def cluster():
    """A cluster of a head without CPUs and one node for each worker, which a test adds."""
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


# ---- the five promises


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    return fake_jobs(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def address():
    """A cluster of one machine with two CPUs."""
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield made.address
    made.shutdown()


@pytest.fixture
def launch(address, jobs, tmp_path):
    """The launcher on two CPUs."""
    settings = RaySettings(address=address, runtime_env={"env_vars": {"PYTHONPATH": str(tmp_path)}})
    launcher = RayLauncher(settings, lambda: jobs.Agree("agree"))

    def events(stages, workers=1, limits=TimeLimits()):  # noqa: B008
        """Every event but `Started`."""
        with closing(launcher(stages, cpu_workers(workers), limits)) as received:
            yield from ((job, event) for job, event in received if not isinstance(event, Started))

    return events


def test_every_event_of_a_job_arrives_in_order(launch, jobs):
    stages = [Stage([jobs.Greet("a"), jobs.Greet("b")], 2), Stage([jobs.Greet("c")], 1)]
    received = [event for _, event in launch(stages, 2)]
    assert sorted(received) == sorted(f"{word} from {name}" for word in ("hello", "goodbye") for name in "abc")
    assert received[-2:] == ["hello from c", "goodbye from c"]


def test_a_job_whose_process_ends_fails_and_the_others_go_on(launch, jobs):
    stage = Stage([jobs.Compiled("c", signal.SIGSEGV), jobs.Half("half"), jobs.Die("bad"), jobs.Greet("after")], 1)
    received = [event for _, event in launch([stage])]
    assert received[1].startswith("without compiled code: ") and received[-1] == "goodbye from after"
    assert [(run.seed, run.outcome) for run in received[2:4]] == [(1, "grokked"), (2, "failed")]
    assert received[4].startswith("bad failed: the worker process ended with exit code -9")


def test_a_job_without_progress_is_tried_three_times(launch, jobs):
    received = [event for _, event in launch([Stage([jobs.Sleep("s")], 1)], 1, TimeLimits(stall=1.0))]
    assert len({pid for pid in received if isinstance(pid, int)}) == 3
    assert received[-1].startswith("s failed: no progress for 1 s at each of 3 attempts")


def test_after_a_signal_checkpoints_are_written_and_the_last_events_arrive(launch, jobs, tmp_path):
    received, caught = [], []
    before = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
    try:
        for _, event in launch([Stage([jobs.Train("x"), jobs.Train("y")], 2)], 2):
            received.append(event)
            if sum(isinstance(event, int) for event in received) == 2 and "sent" not in received:
                received.append("sent")
                os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received.count("the last event") == 2 and caught == [signal.SIGTERM]
    assert (tmp_path / "x.checkpoint").exists() and (tmp_path / "y.checkpoint").exists()


def test_closing_the_iterator_ends_the_workers(launch, jobs):
    iterator, pids = launch([Stage([jobs.Beat("a"), jobs.Beat("b")], 2)], 2), set()
    while len(pids) < 2:
        pids.add(next(iterator)[1])
    iterator.close()
    assert all(gone(pid) for pid in pids)


# ---- the command


class Command:
    """`grokbench run` with the launcher `ray`, in a process of its own."""

    def __init__(self, folder, address, **ray):
        self.folder, self.settings = folder, folder / "settings.yaml"
        options = {"address": address, **ray}
        self.settings.write_text(json.dumps({"launcher": {"name": "ray", "ray": options}}), encoding="utf-8")

    def start(self, suite, out, *options):
        command = [sys.executable, "-P", "-m", "grokbench", "run", suite, "--out", out, "--device", "cpu", *options]
        environment = {**os.environ, "GROKBENCH_SETTINGS": str(self.settings)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen([*map(str, command)], env=environment, cwd=self.folder, **pipes)

    def run(self, *arguments):
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=400)
        return process.returncode, said


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The results of `local`."""
    folder = tmp_path_factory.mktemp("local")
    subprocess.run([sys.executable, "-P", "-m", "grokbench", "run", "smoke", "--device", "cpu"], cwd=folder, check=True)
    return outcome(folder / "runs" / "smoke")


def test_a_node_lost_midway_changes_no_result(cluster, local, tmp_path):
    lost, _ = cluster.add_node(num_cpus=1), cluster.add_node(num_cpus=1)
    process = Command(tmp_path, cluster.address).start("smoke", tmp_path / "out")
    wait_for(lambda: len(list((tmp_path / "out").glob("runs/*/*.json"))) >= 4, process)
    cluster.remove_node(lost, allow_graceful=False)
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, said
    assert outcome(tmp_path / "out") == local
    assert "was lost" in said


def test_an_interrupted_command_goes_on_where_it_was(cluster, local, tmp_path):
    cluster.add_node(num_cpus=2)
    command = Command(tmp_path, cluster.address)
    process = command.start("smoke", tmp_path / "out")
    wait_for(lambda: list((tmp_path / "out").glob("runs/*/*.json")), process)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, said
    kept = {path: path.read_bytes() for path in (tmp_path / "out").glob("runs/*/*.json")}
    status, said = command.run("smoke", tmp_path / "out")
    assert status == 0, said
    assert {path: path.read_bytes() for path in kept} == kept and outcome(tmp_path / "out") == local


def test_a_cluster_of_this_machine_is_started_and_ended(local, tmp_path):
    status, said = Command(tmp_path, None).run("smoke", tmp_path / "out")
    assert status == 0, said
    assert outcome(tmp_path / "out") == local


def test_a_worker_with_another_torch_is_refused(cluster, tmp_path):
    cluster.add_node(num_cpus=1)
    other = tmp_path / "other" / "torch-1.0.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 1.0\n", encoding="utf-8")
    environment = {"env_vars": {"PYTHONPATH": str(other.parent)}}
    status, said = Command(tmp_path, cluster.address, runtime_env=environment).run("smoke", tmp_path / "out")
    assert status == 1 and "it has torch 1.0 instead of " in said and "Traceback" not in said
    assert not list((tmp_path / "out").glob("runs/*/*.json"))


def test_no_node_that_is_large_enough(cluster, tmp_path):
    cluster.add_node(num_cpus=1)
    status, said = Command(tmp_path, cluster.address, cpus=64).run("smoke", tmp_path / "out")
    assert status == 2 and "no node of the Ray cluster has 64 CPU for a worker" in said and "Traceback" not in said


def wait_for(condition, process, seconds=200):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)
