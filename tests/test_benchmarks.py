"""`python -m benchmarks`: what its parts measure, print and write, and what it refuses. No times are asserted."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from grokbench.provenance import environment

from .helpers.benchmark_cases import EPOCHS
from .helpers.tiny import launch_here

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.fixture
def here(benchmarks, monkeypatch):
    """Every job in this process, for one core and a machine that is measured in a moment."""
    for room in ("grouped", "gauge"):
        monkeypatch.setattr(benchmarks(room), "launch", launch_here)
    monkeypatch.setattr(benchmarks("grouped"), "cores", lambda device: 1)
    monkeypatch.setitem(benchmarks("gauge").SIZES, "cpu", benchmarks("gauge").RateProbe(32, 1000, 0.001))


def test_the_rates_of_all_workers_are_summed(benchmarks, monkeypatch, here):
    gauge = benchmarks("gauge")
    assert next(gauge.rates("cpu")).operations > 0 < next(gauge.rates("cpu")).bytes
    monkeypatch.setattr(benchmarks("grouped"), "cores", lambda device: 3)
    monkeypatch.setattr(gauge.RateProbe, "run", lambda *_: iter([gauge.Rates(2.0, 5.0)]))
    assert next(gauge.rates("cpu")) == gauge.Rates(6.0, 15.0)


def test_a_machine_that_cannot_be_measured_is_an_error(benchmarks, here):
    with pytest.raises(RuntimeError, match="the machine's speed could not be measured: (?s:.)*negative"):
        next(benchmarks("gauge").rates("cpu", benchmarks("gauge").RateProbe(-1, 10)))


def test_the_loop_flushes_what_the_workers_of_the_engine_flush(benchmarks):
    tiny = torch.full((4,), 2.0**-120)
    with benchmarks("parts").flushing():
        assert (tiny * 2.0**-20).tolist() == [0.0] * 4
    assert (tiny * 2.0**-20).tolist() == [2.0**-140] * 4


@pytest.mark.parametrize("change", [-10, 10])
def test_more_seeds_are_trained_in_more_groups_and_cost_is_per_seed(benchmarks, cases, here, monkeypatch, change):
    scaling, said, calls = benchmarks("scaling"), [], itertools.count()
    monkeypatch.setattr(benchmarks("memory"), "peak", lambda device: 100 + change * min(next(calls), 1))
    growth = scaling.grow(cases["modular_addition", "grokalign"], (1, 2, 25), 2, said.append)
    many = benchmarks("cases").replace(growth.case, seeds=tuple(range(1000, 1025)))
    assert growth.groups == {1: 1, 2: 1, 25: len(benchmarks("grouped").groups(many))}
    assert all(len(rounds) == 2 for rounds in growth.seconds.values()) and len(said) == 2
    assert growth.bytes == dict.fromkeys((1, 2, 25), max(0, change))
    clocks = [benchmarks("grouped").Clock(worker, 1.0, 9.0, 0) for worker in (1, 2)]
    assert scaling._seconds(cases["modular_addition", "grokalign"], clocks) == 8.0 / (2 * EPOCHS)
    rows = growth.json()["sizes"]
    assert [row["seeds"] for row in rows] == [1, 2, 25] and json.dumps(rows)
    assert "seed-epochs/s" in scaling.table([growth])


def test_a_peak_of_memory_grows_with_what_was_held():
    program = "from benchmarks.memory import peak; before = peak('cpu'); bytearray(2**27); print(peak('cpu') - before)"
    command = [sys.executable, "-P", "-c", program]
    checkout = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    grown = int(subprocess.run(command, env=checkout, check=True, capture_output=True, text=True).stdout)
    assert 2**26 < grown < 2**28


def test_speed_and_scaling_are_printed_and_written(benchmarks, here, tmp_path):
    asked = ["--part", "speed", "--part", "scaling", "--quick", "--task", "modular_addition", "--no-authors"]
    file = tmp_path / "found.json"
    done = CliRunner().invoke(benchmarks("__main__").main, [*asked, "--method", "baseline", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "engine : floor" in done.output and "MB per seed" in done.output and "round 1 of 1" in done.output
    found = json.loads(file.read_text())
    (row,) = found["speed"]
    assert (row["task"], row["method"], row["seeds"]) == ("modular_addition", "baseline", 10)
    assert set(row["rounds"]) == {"loop", "engine", "floor"} and row["speed"]["engine / floor"]["median"] > 0
    assert [size["seeds"] for size in found["scaling"][0]["sizes"]] == [1, 2, 4]
    assert found["machine"] == environment()["machine"] and "git" in found


def test_the_table_names_the_machine(benchmarks):
    facts = benchmarks("document").facts("cpu")
    assert facts["machine"] in benchmarks("tables").machine(facts)
    assert facts["torch"] and facts["cores"] and facts["device"]


@pytest.mark.parametrize(("load", "said"), [(0.4, False), (1.5, True)])
def test_a_busy_machine_is_told_of(benchmarks, capsys, load, said):
    benchmarks("__main__").warn_of_load({"load": load, "cores": 2})
    assert ("1.5 of 2 cores: the figures will be noisy" in capsys.readouterr().err) == said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("room", ["__main__", "gpu"])
def test_a_missing_cuda_device_is_said(benchmarks, room, tmp_path):
    options = ["--device", "cuda", "--json", str(tmp_path / "f.json")]
    options += ["--out", str(tmp_path)] if room == "gpu" else []
    done = CliRunner().invoke(benchmarks(room).main, options)
    assert done.exit_code == 1 and "torch sees no CUDA device here; use --device cpu" in done.output


def test_a_task_without_data_is_left_out_with_the_way_to_get_them(benchmarks, registry, monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    done = CliRunner().invoke(benchmarks("__main__").main, ["--quick", "--task", "mnist_ce", "--task", "cifar10"])
    assert done.exit_code == 1
    assert "mnist_ce baseline is left out: its data are not here: grokbench data fetch mnist" in done.output
    assert "cifar10 grokalign is left out: its data are not here: grokbench data fetch cifar10" in done.output
    assert "nothing was measured" in done.output


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_every_part_measures_on_a_cuda_device(benchmarks, tmp_path):
    file = tmp_path / "found.json"
    asked = ["--part", "speed", "--part", "scaling", "--quick", "--task", "modular_addition", "--device", "cuda"]
    done = CliRunner().invoke(benchmarks("__main__").main, [*asked, "--json", str(file)])
    assert done.exit_code == 0, done.output
    found = json.loads(file.read_text())
    assert found["scaling"][0]["workers"] == 1 and found["scaling"][0]["sizes"][-1]["bytes"] > 0
    assert {"loop", "engine", "authors", "floor"} == set(found["speed"][0]["rounds"])
