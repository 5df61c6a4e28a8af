"""`python -m benchmarks`: each script measures a tiny case and writes its document. No times are asserted."""

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from grokbench.engine import executors
from grokbench.errors import StoreError
from grokbench.provenance import environment

from .helpers.tiny import grokbench, launch_here

FACTS = {"machine": "a machine", "device": "a device", "torch": "2"}
TASK = "sparse_parity"
SHORT = ["--quick", "--task", TASK]


@pytest.fixture
def in_process(benchmarks, monkeypatch):
    """Jobs are done in this process, for one core; rates are measured in a moment, and nothing is compiled."""
    for module in ("grouped", "gauge"):
        monkeypatch.setattr(benchmarks(module), "launch", launch_here)
    monkeypatch.setattr(benchmarks("grouped"), "cores", lambda device: 1)
    monkeypatch.setitem(benchmarks("gauge").SIZES, "cpu", benchmarks("gauge").RateProbe(32, 1000, 0.001))
    for setting, value in (("seconds", 0.05), ("seeds", 3)):
        monkeypatch.setitem(benchmarks("parts").QUICK, setting, value)
    make = executors.make_executor
    monkeypatch.setattr(
        executors, "make_executor", lambda step, device, compiled=False, **given: make(step, device, **given)
    )


def document_of(main, file, *options):
    """The document that a script writes."""
    done = CliRunner().invoke(main, [*options, "--json", str(file)])
    assert done.exit_code == 0, done.output
    return json.loads(file.read_text()), done.output


def test_speed_and_scaling_are_printed_and_written(benchmarks, in_process, tmp_path):
    options = [*SHORT, "--part", "speed", "--part", "scaling", "--no-authors", "--method", "baseline"]
    found, printed = document_of(benchmarks("__main__").main, tmp_path / "found.json", *options)
    assert "engine : floor" in printed and "MB per seed" in printed and "round 1 of 1" in printed
    (row,) = found["speed"]
    assert (row["task"], row["method"], row["seeds"]) == (TASK, "baseline", 3)
    assert set(row["rounds"]) == {"loop", "engine", "floor"} and row["speed"]["engine / floor"]["median"] > 0
    assert [size["seeds"] for size in found["scaling"][0]["sizes"]] == [1, 2, 4]
    assert found["machine"] == environment()["machine"] and "git" in found


def test_memory_is_allocated_as_in_a_worker(benchmarks, monkeypatch):
    memory, given = benchmarks("memory"), {}
    glibc = SimpleNamespace(mallopt=lambda setting, value: given.update({setting: value}))
    for library in (glibc, object()):  # another C library has no such function
        monkeypatch.setattr(memory.ctypes, "CDLL", lambda name, library=library: library)
        memory.keep_freed_memory()
    assert given == {-1: 2**31 - 1, -2: 2**26, -3: 2**30}  # trim threshold, top pad, mmap threshold


def test_the_ways_of_running_are_measured_beside_a_missing_jax(benchmarks, in_process, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmarks("peers"), "find_spec", lambda name: None)
    options = [*SHORT, "--part", "peers", "--method", "baseline"]
    found, printed = document_of(benchmarks("__main__").main, tmp_path / "found.json", *options)
    (row,) = found["peers"]
    assert {"eager", "floor"} <= set(row["rounds"]) and row["missing"].keys() >= {"jax", "jax map"} <= set(row["peers"])
    assert "-: not measured. jax: JAX is not installed: pip install 'grokbench[jax]'" in printed
    assert row["rounds"]["eager"][0]["epochs"] > 0 and torch.get_num_threads() == found["threads"]
    page = CliRunner().invoke(benchmarks("page").main, [str(tmp_path / "found.json")]).output
    assert page.startswith("| task | method | eager/s (floor) |") and "| sparse_parity | baseline |" in page


def test_startup_and_report_are_printed_and_written(benchmarks, tmp_path, monkeypatch):
    startup, reporting, commands = benchmarks("startup"), benchmarks("reporting"), []

    def start(command, *more):
        commands.append(command)
        if command[: len(startup.GROKBENCH)] == list(startup.GROKBENCH):
            assert grokbench(*command[len(startup.GROKBENCH) :], *more).status == 0, command

    monkeypatch.setattr(startup, "whole", lambda command: start(command) or 1.0)
    monkeypatch.setattr(startup, "until", lambda command, word: start(command, "--dry-run") or 2.0)
    monkeypatch.setattr(startup, "METHODS", 2)
    monkeypatch.setattr(reporting, "measure", partial(reporting.measure, evaluations=30, seeds=2))
    options = ["--part", "startup", "--part", "report", "--rounds", "1"]
    found, printed = document_of(benchmarks("__main__").main, tmp_path / "found.json", *options)
    assert len(found["startup"]) == len(commands) and {row["seconds"] for row in found["startup"]} == {1.0, 2.0}
    assert "leaderboard of 50 runs" in printed and "megabytes" in printed
    (cost,) = found["report"]
    assert cost["seconds"] > 0 and cost["megabytes"] > 10 and cost["page"] > 0.5


def test_the_gpu_script_measures_and_the_next_call_continues(benchmarks, in_process, suite, folder, monkeypatch):
    gpu, steps = benchmarks("gpu"), ["--step", "speed", "--step", "suite"]
    monkeypatch.setattr(gpu, "SPEED_SECONDS", 0.0)  # one case a call
    monkeypatch.setattr(gpu, "TASKS", (TASK,))
    monkeypatch.setattr(gpu.subprocess, "run", lambda *_, **__: None)  # `grokbench leaderboard`
    options = ["--quick", "--device", "cpu", *steps, "--suite", str(suite), "--out", str(folder)]
    for methods in (["baseline"], ["baseline", "grokalign"]):
        found, printed = document_of(gpu.main, folder.parent / "found.json", *options)
        assert [row["method"] for row in found["speed"]] == methods
    assert "times as fast" in printed and "all replicas trained in" in printed
    assert len(found["suite"]) == 1 and found["suite"][0]["complete"] and found["suite"][0]["trained"] == 6


def test_the_gpu_script_measures_the_ways_of_running(benchmarks, in_process, tmp_path, monkeypatch):
    gpu = benchmarks("gpu")
    monkeypatch.setattr(gpu, "PEERS_SECONDS", 0.0)
    monkeypatch.setattr(gpu, "TASKS", (TASK,))
    monkeypatch.setattr(benchmarks("peers"), "find_spec", lambda name: None)
    options = ["--quick", "--device", "cpu", "--step", "peers", "--out", str(tmp_path / "unused")]
    found, printed = document_of(gpu.main, tmp_path / "found.json", *options)
    assert [row["method"] for row in found["peers"]] == ["baseline"] and "eager/s (floor)" in printed


def test_the_gpu_script_runs_every_test_file_that_needs_a_cuda_device(benchmarks):
    tests = Path(__file__).parent
    marked = {f"tests/{file.name}" for file in tests.glob("test_*.py") if "mark.cuda\n" in file.read_text("utf-8")}
    assert set(benchmarks("gpu").TESTS) == marked


def test_a_document_of_another_machine_is_refused(benchmarks, tmp_path):
    Document, file = benchmarks("document").Document, tmp_path / "found.json"
    Document.continued(file, FACTS).add("speed", {"a": 1})
    with pytest.raises(StoreError, match="has device 'a device', here it is 'another'"):
        Document.continued(file, FACTS | {"device": "another"})
    file.write_text("[1, 2")
    with pytest.raises(StoreError, match="is not a measurement that can be continued"):
        Document.continued(file, FACTS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("script", ["__main__", "gpu"])
def test_a_missing_cuda_device_is_an_error(benchmarks, script, tmp_path):
    options = ["--device", "cuda", "--json", str(tmp_path / "f.json")]
    options += ["--out", str(tmp_path)] if script == "gpu" else []
    done = CliRunner().invoke(benchmarks(script).main, options)
    assert done.exit_code == 1 and "torch sees no CUDA device here; use --device cpu" in done.output


def test_a_task_without_data_is_left_out(benchmarks, monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    done = CliRunner().invoke(benchmarks("__main__").main, ["--quick", "--task", "mnist_ce"])
    assert done.exit_code == 1 and "nothing was measured" in done.output
    assert "mnist_ce baseline is left out: its data are not here: grokbench data fetch mnist" in done.output


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_every_part_measures_on_a_cuda_device(benchmarks, tmp_path):
    options = ["--quick", "--task", "modular_addition", "--device", "cuda"]
    options += ["--part", "speed", "--part", "peers", "--part", "scaling"]
    found, _ = document_of(benchmarks("__main__").main, tmp_path / "found.json", *options)
    assert found["scaling"][0]["workers"] == 1 and found["scaling"][0]["sizes"][-1]["bytes"] > 0
    assert {"loop", "engine", "authors", "floor"} == set(found["speed"][0]["rounds"])
    assert {"eager", "captured", "floor"} <= set(found["peers"][0]["rounds"])
