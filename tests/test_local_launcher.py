"""Worker processes: jobs in, events out, and nobody else suffers when one dies.

The workers find a stand-in for torch, which takes seconds to import, and jobs of a module beside it.
"""

import os
import signal
import subprocess
import sys
import threading

import pytest

from grokbench.launchers.interface import Stage, Worker

from .helpers.worker_jobs import cpu_workers, events, fake_jobs, gone, launch


def test_every_event_comes_with_its_job(jobs):
    a, b = jobs.Greet("a"), jobs.Greet("b")
    assert list(launch([Stage([a, b], 1)], cpu_workers())) == [
        (a, "hello from a"),
        (a, "goodbye from a"),
        (b, "hello from b"),
        (b, "goodbye from b"),
    ]


def test_stages_follow_each_other_and_the_last_may_be_for_one_worker(jobs):
    first = [jobs.Stamp(f"train {number}") for number in range(4)]
    second = [jobs.Stamp(f"time {number}") for number in range(2)]
    stamps = {name: rest for name, *rest in events(Stage(first, 2), Stage(second, 1), workers=2)}
    trained, timed = [stamps[job.name] for job in first], [stamps[job.name] for job in second]
    assert len({pid for pid, *_ in trained}) == 2 and len({pid for pid, *_ in timed}) == 1
    assert max(ended for *_, ended in trained) <= timed[0][1] <= timed[0][2] <= timed[1][1]


@pytest.mark.parametrize(
    ("sharing", "said"), [(1, ["cuda:1"]), (2, ["cuda:1", (0.45, "cuda:1")]), (3, ["cuda:1", (0.3, "cuda:1")])]
)
def test_a_worker_that_shares_a_cuda_device_takes_its_share_of_the_memory(jobs, sharing, said):
    workers = [Worker("cuda:1", "float32", (), {}, sharing)]
    ((_, received),) = launch([Stage([jobs.Hear("hear")], 1)], workers)
    assert received == [each if isinstance(each, str) else (pytest.approx(each[0]), each[1]) for each in said]


def shared(count):
    return [Worker("cuda:1", "float32", (), {}, count)] * count


def test_a_device_that_another_worker_has_to_itself_is_left_to_it(jobs):
    work = [jobs.Stamp(f"train {number}") for number in range(3)]
    stages = [Stage(work, 2), Stage(work, 1), Stage(work, 2)]
    received = [event for _, event in launch(stages, shared(2))]
    assert sorted(name for name, *_ in received) == sorted([f"train {number}" for number in range(3)] * 3)
    assert len({pid for _, pid, *_ in received}) == 1


def test_whichever_worker_has_a_device_does_the_stage_of_one(jobs):
    workers = [Worker(device, "float32", (), {}, 2) for device in ("cuda:9", "cuda:1")]  # nobody can have the first
    stages = [Stage([jobs.Greet("a"), jobs.Greet("b")], 2), Stage([jobs.Greet("c")], 1)]
    received = [event for _, event in launch(stages, workers)]
    assert sorted(received) == sorted(f"{word} from {name}" for word in ("hello", "goodbye") for name in "abc")


def test_a_worker_without_fault_that_is_spent_ends_and_is_replaced(jobs):
    received = [event for _, event in launch([Stage([jobs.Spend("x"), jobs.Stamp("y")], 1)], shared(1))]
    pid, (_, other, *_) = received
    assert pid != other and gone(pid)


def test_jobs_for_a_device_that_nobody_can_have_fail_with_the_reason(jobs, tmp_path):
    (tmp_path / "taken").write_text("by another program", encoding="utf-8")
    received = [
        event for _, event in launch([Stage([jobs.Greet("a"), jobs.Greet("b"), jobs.Greet("c")], 2)], shared(2))
    ]
    why = "cuda:1 cannot be used: CUDA error: CUDA-capable device(s) is/are busy or unavailable; see `grokbench doctor`"
    assert sorted(received) == [f"{name} failed: {why}" for name in "abc"]


def test_a_worker_whose_device_broke_is_replaced(jobs):
    stage = Stage([jobs.Break("x"), jobs.Stamp("y")], 1)
    pid, failed, (_, other, *_) = [event for _, event in launch([stage], shared(1))]
    assert "x failed: Traceback" in failed and "illegal memory access" in failed and pid != other and gone(pid)


def test_a_worker_knows_its_device_and_has_one_thread_and_no_tf32(jobs):
    before = dict(os.environ)
    ((worker, threads, tf32, registry, environment),) = events(Stage([jobs.Look("look")], 1))
    assert worker == cpu_workers()[0]
    assert (threads, tf32, registry) == (1, (False, False), True)
    assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"
    assert environment["MALLOC_MMAP_THRESHOLD_"] == str(2**30)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Raise", "RuntimeError: boom"),
        ("Refused", "ConnectionRefusedError: a plugin's own server is down"),
        ("Unspeakable", "Can't"),
        ("Die", "the worker process ended with exit code -9: it was killed, most often because the machine ran out of"),
        ("Exit", "the worker process ended with exit code 3"),
        ("Leave", "SystemExit: 5"),
        ("Fork", "the worker process ended with exit code -9"),
        ("Close", "the worker process closed its connection to the run, and was stopped"),
    ],
)
def test_a_job_that_fails_costs_itself_only(jobs, kind, said):
    before, bad, after = jobs.Greet("before"), getattr(jobs, kind)("bad"), jobs.Greet("after")
    received = events(Stage([before, bad, after], 1))
    (failure,) = [event for event in received if event.startswith("bad failed")]
    assert said in failure
    assert {"goodbye from before", "goodbye from after"} <= set(received)


def test_a_worker_that_died_is_replaced_in_the_next_stage(jobs):
    assert events(Stage([jobs.Die("bad")], 1), Stage([jobs.Greet("a")], 1))[1:] == ["hello from a", "goodbye from a"]


def test_ctrl_c_is_left_to_the_parent(jobs):
    assert events(Stage([jobs.Interrupted("a")], 1)) == ["still here"]


def test_closing_the_iterator_ends_the_workers(jobs):
    iterator = launch([Stage([jobs.Beat("a"), jobs.Beat("b")], 2)], cpu_workers(2))
    pids = set()
    while len(pids) < 2:
        pids.add(next(iterator)[1])
    iterator.close()
    assert all(gone(pid) for pid in pids)


def test_no_worker_is_started_without_jobs(monkeypatch):
    monkeypatch.setattr("multiprocessing.get_context", lambda method: pytest.fail("a process was started"))
    assert events(Stage([], 2), Stage([], 1), workers=2) == []


def test_a_silent_worker_whose_parent_is_gone_ends(jobs, tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        f"import sys; sys.path[:0] = {[str(tmp_path)]!r}\n"
        "from launcher_jobs import Silent\n"
        "from grokbench.launchers.local.pool import launch\n"
        "from grokbench.launchers.interface import Stage, Worker\n"
        "if __name__ == '__main__':\n"
        "    for _, event in launch([Stage([Silent('a')], 1)], [Worker('cpu', 'float32', (), {})]):\n"
        "        if isinstance(event, int):\n"
        "            print(event, flush=True)\n",
        encoding="utf-8",
    )
    parent = subprocess.Popen([sys.executable, "-P", str(script)], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone(pid)


def test_results_before_a_failure_are_kept(jobs):
    events = [event for _, event in launch([Stage([jobs.Half("half")], 1)], cpu_workers())]
    assert [(run.seed, run.outcome) for run in events] == [(1, "grokked"), (2, "failed")]


def test_workers_started_from_a_thread_ignore_ctrl_c_too(jobs):
    received = []
    thread = threading.Thread(target=lambda: received.extend(events(Stage([jobs.Interrupted("a")], 1))))
    thread.start()
    thread.join()
    assert received == ["still here"]


def test_the_main_module_is_hidden_only_while_a_worker_starts(jobs):
    before, handler = sys.modules["__main__"], signal.getsignal(signal.SIGINT)
    events(Stage([jobs.Greet("a")], 1))
    assert sys.modules["__main__"] is before and signal.getsignal(signal.SIGINT) is handler


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    return fake_jobs(tmp_path, monkeypatch)
