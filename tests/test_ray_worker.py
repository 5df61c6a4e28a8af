"""A worker of the launcher `ray` on its node, called without Ray; the connection, with a module in Ray's place."""

import os
import pickle
import signal
import socket
import sys
from types import SimpleNamespace

import pytest

from grokbench.errors import GrokbenchError
from grokbench.events import Started
from grokbench.launchers.jobs import Training
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.ray import connection
from grokbench.launchers.ray.cluster import Cluster, ClusterError
from grokbench.launchers.ray.devices import devices
from grokbench.launchers.ray.handle import _with_absolute_folder
from grokbench.launchers.ray.plugin_files import collect, place
from grokbench.launchers.ray.remote_worker import RemoteWorker, Settings, _with_present_folders
from grokbench.plugins.digests import source_digests
from grokbench.settings.ray import RaySettings

from .helpers.worker_jobs import cpu_workers, fake_jobs, gone

HOST = socket.gethostname()


@pytest.fixture
def worker():
    made = RemoteWorker()
    yield made
    made.close()


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    return fake_jobs(tmp_path, monkeypatch)


def prepare(worker, agreement):
    return worker.prepare({}, pickle.dumps(Settings(cpu_workers()[0], {}, TimeLimits(), agreement)))


def events(worker, job):
    worker.begin(pickle.dumps(job))
    received = [pickle.loads(answer) for answer in iter(worker.fetch, None)]
    return [event for event in received if not isinstance(event, Started)]


def test_a_worker_does_its_jobs_and_ends_its_process(worker, jobs):
    assert prepare(worker, jobs.Agree("agree")) == (HOST, "")
    (pid,) = {pid for job in (jobs.Stamp("a"), jobs.Stamp("b")) for _, pid, *_ in events(worker, job)}
    (failed,) = [event for event in events(worker, jobs.Die("bad")) if "failed" in event]
    assert "exit code -9" in failed
    worker.close()
    assert gone(pid)


def test_a_worker_stops_its_job_with_a_checkpoint_and_takes_another(worker, jobs, tmp_path):
    prepare(worker, jobs.Agree("agree"))
    worker.begin(pickle.dumps(jobs.Train("x")))
    assert pickle.loads(worker.fetch()).host == HOST
    worker.fetch()
    worker.stop()
    last = [pickle.loads(answer) for answer in iter(worker.fetch, None)]
    assert last[-1] == "the last event" and (tmp_path / "x.checkpoint").exists()
    assert events(worker, jobs.Greet("y"))[0] == "hello from y"


def test_a_worker_that_differs_reads_no_settings(worker):
    host, refusal = worker.prepare({"version torch": "1.0"}, b"no pickle")
    assert host == HOST and refusal.startswith(f"the worker on {HOST} is refused: it has torch ")


def test_a_refusal_of_the_agreement_is_the_workers(worker, jobs):
    assert prepare(worker, jobs.Disagree("no"))[1] == "another source"


def test_provenance_is_that_of_the_node(worker, jobs):
    prepare(worker, jobs.Agree("agree"))
    ((here, *_),) = events(worker, jobs.Look("look"))
    assert here.provenance["machine"] and here.provenance["device_name"]


def test_a_node_without_the_folder_of_results_keeps_no_checkpoints(tmp_path):
    present = Training(None, (1, 2), frozenset({1}), (str(tmp_path / "checkpoints" / "id"), 1.0))
    absent = Training(None, (1, 2), frozenset({1}), (str(tmp_path / "gone" / "checkpoints" / "id"), 1.0))
    assert _with_present_folders(present) is present and _with_present_folders(absent).checkpoints is None


def test_folders_of_checkpoints_are_sent_from_the_root_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = _with_absolute_folder(Training(None, (1,), frozenset({1}), ("runs/x/checkpoints/id", 1.0)))
    assert job.checkpoints == (str(tmp_path / "runs/x/checkpoints/id"), 1.0)


def test_plugin_files_reach_a_node_with_their_helpers(tmp_path):
    (tmp_path / "mine.py").write_text("from .helper import x\nimport json\n", encoding="utf-8")
    (tmp_path / "helper.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "unrelated.py").write_text("y = 1\n", encoding="utf-8")
    files, digests = collect([str(tmp_path / "mine.py")]), source_digests(tmp_path / "mine.py")
    assert place(files, tmp_path / "node") == (str(tmp_path / "mine.py"),)
    (tmp_path / "mine.py").unlink()
    (placed,) = place(files, tmp_path / "node")
    assert source_digests(placed) == digests and len(os.listdir(tmp_path / "node" / "0")) == 2


# ---- the connection


def fake_ray(monkeypatch, nodes=(), fault=None):
    def init(address, **options):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        ray.given = address, options, os.environ.get("RAY_USAGE_STATS_ENABLED")
        if fault:
            raise fault

    ray = SimpleNamespace(
        init=init,
        is_initialized=lambda: False,
        shutdown=lambda: setattr(ray, "ended", True),
        nodes=lambda: [{"Alive": True, "Resources": each} for each in nodes],
        ended=False,
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return ray


def test_a_cluster_of_this_machine_is_started_and_ended(monkeypatch):
    ray, handler = fake_ray(monkeypatch, [{"CPU": 3.0}]), signal.getsignal(signal.SIGTERM)
    with connection.connected(RaySettings(cpus=2), 0.0) as cluster:
        assert cluster.places() == 1 and signal.getsignal(signal.SIGTERM) is handler
    assert ray.given[0] == "local" and ray.given[2] == "0" and ray.ended


def test_an_existing_cluster_is_that_of_the_environment(monkeypatch):
    ray = fake_ray(monkeypatch, [{"CPU": 1.0}])
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with connection.connected(RaySettings(runtime_env={"env_vars": {"A": "b"}}), 0.0):
        assert ray.given[0] == "auto" and ray.given[1]["runtime_env"] == {"env_vars": {"A": "b"}}


def test_a_gpu_has_places_for_several_workers():
    nodes = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 64.0}, {"CPU": 1.0, "GPU": 4.0}]
    ray = SimpleNamespace(nodes=lambda: [{"Alive": True, "Resources": each} for each in nodes])
    assert Cluster(ray, 1, 0.5).places() == 5 and Cluster(ray, 1, 0.0).places() == 73


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", ("cuda:0", "cuda:0", "cuda:1", "cuda:1")), ("cuda", 4), ("cpu", ("cpu",) * 9)],
)
def test_the_workers_of_a_cluster(monkeypatch, choice, expected):
    fake_ray(monkeypatch, [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 1.0}])
    found = devices(RaySettings(address="auto"), choice)
    assert found == expected or len(found) == expected
    assert len(devices(RaySettings(address="auto", workers=3), choice)) == 3


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("cuda:0", "--device cuda:0: expected auto, cpu or cuda, because Ray chooses the GPUs"),
        ("cuda", "no node of the Ray cluster has 1 CPU and 0.5 GPU for a worker: it has 8 CPU and 0 GPU; lower `cpus`"),
    ],
)
def test_devices_that_a_cluster_lacks(monkeypatch, choice, said):
    fake_ray(monkeypatch, [{"CPU": 8.0}])
    with pytest.raises(GrokbenchError) as error:
        devices(RaySettings(address="auto"), choice)
    assert str(error.value).startswith(said)


def refused(settings=RaySettings()):  # noqa: B008
    with pytest.raises(ClusterError) as error, connection.connected(settings, 0.0):
        pass
    assert "\n" not in str(error.value) and error.value.exit_status == 2
    return str(error.value)


def test_without_ray_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "--launcher ray needs the package ray" in refused() and "pip install 'grokbench[ray]'" in refused()


def test_an_address_where_nothing_listens(monkeypatch):
    fake_ray(monkeypatch)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        assert refused(RaySettings(address=address)).startswith(f"there is no Ray cluster at {address} (")


def test_a_cluster_that_refuses(monkeypatch):
    fake_ray(monkeypatch, fault=ConnectionError("Could not find any running Ray instance.\nMore"))
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    said = "the Ray cluster at auto cannot be used: Could not find any running Ray instance.; start one there"
    assert refused().startswith(said)


def test_no_node_that_is_large_enough(monkeypatch):
    ray = fake_ray(monkeypatch, [{"CPU": 2.0}])
    assert refused(RaySettings(cpus=4)).startswith(
        "no node of the Ray cluster has 4 CPU for a worker: it has 2 CPU and 0 GPU; lower `cpus`"
    )
    assert ray.ended
