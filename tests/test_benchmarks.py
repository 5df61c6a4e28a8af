"""The benchmarks compare like with like: the plain loop trains what the engine trains. No times are asserted."""

import itertools
import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from grokbench import engine, random
from grokbench.errors import StoreError, SuiteError
from grokbench.plan import expand
from grokbench.provenance import environment
from grokbench.store import Store
from grokbench.suite import load_suite

from .tiny import grokbench, launch_here, write

EPOCHS = 4
SEEDS = (1000, 1001)
SUITE = """
suite: tiny
description: Every benchmarked task, very small.
seeds: 1000-1001
baseline: baseline
tasks:
  sparse_parity: {bits: 8, relevant: 2, samples: 40, width: 7, evaluate_every: 2}
  modular_addition: {modulus: 7, width: 6, train_fraction: 0.45, batch_size: 8}
  mnist_ce: {use: mnist, samples: 22, test_samples: 20, width: 6, batch_size: 8}
  mnist_mse: {use: mnist, loss: mse, samples: 22, test_samples: 20, width: 6, batch_size: 8}
  cifar10: {samples: 12, test_samples: 10, width: 2, classifier_width: 6, batch_size: 5}
  xor: {dimensions: 40, width: 6, samples: 20, test_samples: 16, epsilon: 0.5, rotate: true}
regularizers:
  baseline: {}
  grokfast: {use: grokfast_ema}
  window: {use: grokfast_ma, window: 2}
  orthograd: {}
  other_orthograd: {use: orthograd, rescale: false}
  grokalign: {strength: 0.1, norm: frobenius, projections: 2, per_task: {xor: {norm: squared}}}
"""
TASKS = ("sparse_parity", "modular_addition", "mnist_ce", "mnist_mse", "cifar10", "xor", "xor rotated")
METHODS = ("baseline", "grokfast", "orthograd", "grokalign")

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.fixture
def benchmarks(monkeypatch):
    """Import a module of the checkout's `benchmarks`, which is not installed."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    return lambda name: import_module(f"benchmarks.{name}")


@pytest.fixture
def suite(tmp_path):
    file = tmp_path / "tiny.yaml"
    file.write_text(SUITE)
    return load_suite(str(file))


@pytest.fixture
def cases(benchmarks, suite, registry):
    """(task, method) -> case, in float64."""
    case, rotation = benchmarks("cases").case, benchmarks("cases").rotation
    cells = [rotation(cell, rotate) for cell in _cells(suite, registry) for rotate in (False, True)]
    made = [case(cell, registry, SEEDS, "float64") for cell in cells]
    return {(case.cell.task, case.cell.regularizer): case.lasting(EPOCHS) for case in made}


def _cells(suite, registry):
    return expand(suite, registry, "float64", engine.REVISION)


class KeyedDraws:
    """The engine's random numbers."""

    def __init__(self, seed, device="cpu"):
        self.key = random.key(seed, device)

    def order(self, epoch, n):
        return random.permutation(random.fold(self.key, "batches", epoch), n)

    def directions(self, epoch, batch, projection, outputs):
        key = random.fold(self.key, "regularizer", epoch, batch, "method", 0, projection)
        return random.normal(key, tuple(outputs.shape), outputs.dtype)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_the_loop_trains_what_the_engine_trains(benchmarks, cases, task, method):
    case, loop = cases[task, method], benchmarks("plain_loop")
    events = engine.train(case.cell, case.step, SEEDS, "cpu", torch.float64)
    runs = [event for event in events if hasattr(event, "curves")]
    for run in runs:
        plain = loop.start(case, run.seed)
        history = [loop.evaluate(plain), *loop.train(plain, EPOCHS, KeyedDraws(run.seed))]
        assert set(history[0]) == set(run.curves)
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx([values[metric] for values in history], rel=1e-6, abs=1e-7)
    assert len(runs) == len(SEEDS)


@pytest.mark.parametrize("task", ["modular_addition", "xor"])
def test_every_kind_of_optimizer_trains_the_same(benchmarks, cases, task):
    loop = benchmarks("plain_loop")
    ends = []
    for kind in loop.KINDS:
        ends.append(loop.train(loop.start(cases[task, "grokalign"], 1000, kind), EPOCHS, KeyedDraws(1000))[-1])
    assert ends[0] == pytest.approx(ends[1], rel=1e-9) and ends[0] == pytest.approx(ends[2], rel=1e-9)


def test_the_loop_draws_its_own_numbers_unless_given_some(benchmarks, cases):
    loop = benchmarks("plain_loop")
    history = loop.train(loop.start(cases["modular_addition", "grokalign"], 1000), EPOCHS)
    assert len(history) == EPOCHS


def test_the_loop_refuses_methods_it_does_not_know(benchmarks, cases):
    with pytest.raises(ValueError, match="sparse_parity window: .* baseline, .*orthograd, not grokfast_ma"):
        benchmarks("plain_loop").start(cases["sparse_parity", "window"], 1000)
    with pytest.raises(ValueError, match="knows OrthoGrad with rescale"):
        benchmarks("plain_loop").start(cases["sparse_parity", "other_orthograd"], 1000)


def test_the_loop_refuses_the_exact_jacobian(benchmarks):
    outputs = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="by projection, not exactly"):
        benchmarks("plain_methods").jacobian_norm(
            outputs, outputs, torch.randn_like, strength=1.0, norm="squared", estimator="exact", projections=1
        )


def test_a_case_ends_with_an_evaluation_and_never_early(cases):
    case = cases["sparse_parity", "baseline"]
    assert [case.lasting(epochs).cell.budget for epochs in (0, 2, 3)] == [2, 2, 4]
    assert case.cell.recipe["stop"] == "budget"
    assert case.seed_epochs == 2 * EPOCHS


def test_a_suite_without_a_benchmarked_task_is_refused(benchmarks, suite):
    with pytest.raises(SuiteError, match="tiny.yaml: the benchmarks need a task 'parity'"):
        benchmarks("cases").chosen(suite, "parity")


def test_the_shipped_cases_are_those_of_the_paper(benchmarks, registry):
    shipped = benchmarks("cases").shipped_cases
    cases = list(shipped(("mnist_ce", "xor"), 25, False, registry))
    assert [case.name for case in cases] == [
        *("mnist_ce baseline", "mnist_ce grokalign"),
        *("xor baseline", "xor rotated baseline", "xor grokalign", "xor rotated grokalign"),
    ]
    assert [case.cell.recipe["task"]["parameters"].get("rotate") for case in cases[1:4]] == [None, False, True]
    assert [bool(case.step.task.full) for case in cases[2:4]] == [False, True] and not cases[3].full.task.full
    assert cases[4].cell.recipe["regularizers"][0]["parameters"]["norm"] == "frobenius"
    assert {case.seeds for case in cases} == {tuple(range(1000, 1025))}
    assert cases[0].cell.evaluate_every == load_suite("paper").tasks[2].evaluate_every
    assert cases[2].cell.recipe["task"]["parameters"]["dimensions"] == 2_000
    small = next(shipped(("cifar10",), 2, False, registry))
    assert small.cell.recipe["task"]["parameters"]["samples"] == 2_000 and list(small.step.metrics) == [
        *("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    ]
    assert next(shipped(("xor",), 25, True, registry)).cell.recipe["task"]["parameters"]["dimensions"] == 40_000


def test_a_task_without_data_is_left_out_with_the_way_to_get_them(benchmarks, registry, monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    done = CliRunner().invoke(benchmarks("__main__").main, ["--quick", "--task", "mnist_ce", "--task", "cifar10"])
    assert done.exit_code == 1
    assert "mnist_ce baseline is left out: its data are not here: grokbench data fetch mnist" in done.output
    assert "cifar10 grokalign is left out: its data are not here: grokbench data fetch cifar10" in done.output
    assert "nothing was measured" in done.output


def test_workers_train_every_group_to_the_end(benchmarks, cases):
    case = cases["modular_addition", "grokalign"]
    rounds = benchmarks("grouped").rounds(case, workers=1)
    first, second = next(rounds), next(rounds)
    rounds.close()
    assert len(first) == len(second) == len(benchmarks("grouped").groups(case)) == 1
    assert first[0].worker == second[0].worker


def test_a_replica_that_fails_is_no_figure(benchmarks, cases):
    case = cases["modular_addition", "baseline"]
    broken = {**case.cell.recipe, "task": {"use": "no_such_task", "parameters": {}}}
    lost = benchmarks("cases").replace(case, cell=benchmarks("cases").replace(case.cell, recipe=broken))
    with pytest.raises(RuntimeError, match="baseline: seed 1000 was not trained to the end: (?s:.)*no task 'no_such"):
        next(benchmarks("grouped").rounds(lost, workers=1))


def test_competitors_take_turns_and_are_compared_round_by_round(benchmarks, cases):
    Figure, turns = benchmarks("competitors").Figure, []

    def competitor(name, seconds):
        waiting = iter(seconds)

        def one_round():
            turns.append(name)
            return Figure(next(waiting), {"busy": 0.5} if name == "fast" else {})

        return lambda case: one_round

    competitors = {"slow": competitor("slow", [2.0, 3.0, 6.0]), "fast": competitor("fast", [1.0, 1.0, 1.0])}
    result = benchmarks("rounds").measure(cases["xor", "grokalign"], competitors, 3)
    assert turns == ["slow", "fast"] * 3
    assert (result.seconds("slow"), result.ratios("fast"), result.busy_ratio("fast")) == (3.0, [2.0, 3.0, 6.0], 6.0)
    assert result.busy_ratio("slow") is None
    printed = benchmarks("tables").table([result])
    assert "0.333" in printed and "3.00 (2.00-6.00)" in printed and "fast : slow" in printed
    plain = json.loads(json.dumps(result.json()))
    assert plain["speed"]["fast / slow"] == {"median": 3.0, "lowest": 2.0, "highest": 6.0}
    assert plain["seed_epochs_per_second"]["fast"] == 1.0


def test_the_share_of_the_floor_is_a_percentage_with_and_without_idle_cores(benchmarks, cases):
    Figure = benchmarks("competitors").Figure
    figures = {"loop": [Figure(4.0)], "engine": [Figure(2.0, {"busy": 1.6})], "floor": [Figure(1.0)]}
    result = benchmarks("rounds").Result(cases["xor", "baseline"], figures)
    assert "50% (62%)" in benchmarks("tables").table([result])


def test_the_table_names_the_machine(benchmarks):
    facts = benchmarks("document").facts("cpu")
    assert facts["machine"] in benchmarks("tables").machine(facts)
    assert facts["torch"] and facts["cores"] and facts["device"]


@pytest.mark.parametrize(
    ("task", "method"),
    [("sparse_parity", "baseline"), ("sparse_parity", "grokfast"), ("xor", "orthograd"), ("xor", "grokalign")],
)
def test_the_authors_procedure_trains_the_same_network(benchmarks, cases, task, method):
    """Full batch, and one output whose direction is 1 or -1: no random number but the seed's own takes part."""
    authors, loop = benchmarks("authors"), benchmarks("plain_loop")
    single = benchmarks("cases").replace(cases[task, method], precision="float32")
    theirs, ours = authors.start(single, 1000, workers=0), loop.start(cases[task, method], 1000)
    (values,) = authors.train(theirs, 10)
    history = loop.train(ours, 10)
    for mine, yours in zip(ours.network.parameters(), theirs.plain.network.parameters(), strict=True):
        assert yours.dtype == torch.float64
        torch.testing.assert_close(yours, mine, rtol=1e-9, atol=1e-12)
    assert values == pytest.approx({label: v for label, v in history[-1].items() if label.endswith("accuracy")})


def test_the_authors_loaders_are_processes_that_shuffle_batches_of_the_task(benchmarks, cases):
    authors = benchmarks("authors")
    training = authors.start(cases["modular_addition", "grokalign"], 1000, workers=2)
    assert authors.start(cases["modular_addition", "baseline"], 1000).loaders["test"].num_workers == 4
    passes = [torch.cat(targets) for targets in [[y for _, y in training.loaders["train"]] for _ in range(2)]]
    assert [len(y) for _, y in training.loaders["train"]] == [8, 8, 6]
    assert not torch.equal(*passes) and torch.equal(passes[0].sort()[0], passes[1].sort()[0])
    assert len(authors.train(training, 20)) == 2


def test_the_operations_of_a_floor_are_those_counted_by_hand(benchmarks, cases):
    """Modular addition: 22 of 49 pairs train in 3 batches; 14 inputs, 6 hidden units, 7 outputs; 126 weights."""
    effort, forward, every = benchmarks("floor").effort, 2 * 126, 1
    baseline = effort(cases["modular_addition", "baseline"])
    step = 22 * (2 * forward + 2 * 6 * 7)  # forward, gradients of weights, gradients of the hidden units
    assert baseline.operations == step + 49 * forward / every
    state = 3 * 126  # weights and both moments
    assert baseline.bytes == 8 * (2 * 3 * state + 22 * 14 + (126 + 49 * 14) / every)
    penalty = 2 * 22 * (2 * forward + 2 * 14 * 6)  # 2 projections: pullback, its weights, its hidden cotangents
    assert effort(cases["modular_addition", "grokalign"]).operations == baseline.operations + penalty
    assert effort(cases["modular_addition", "grokfast"]).bytes == baseline.bytes + 8 * 2 * 3 * 126
    assert effort(cases["modular_addition", "orthograd"]).operations == baseline.operations


def test_a_full_batch_is_looked_at_for_free_and_a_rotated_one_in_its_coordinates(benchmarks, cases):
    """XOR: 20 training, 16 test and 16 noisy examples; 6 hidden units, one output, 40 coordinates or 6 + 20 + 1."""
    effort = benchmarks("floor").effort
    for task, d in (("xor", 40), ("xor rotated", 27)):
        assert cases[task, "baseline"].cell.evaluate_every == 1
        weights, found = 6 * d + 6, effort(cases[task, "baseline"])
        assert found.operations == 2 * (20 * (2 * weights + 6) + 32 * weights)
        assert found.bytes == 8 * (2 * weights + 20 * d + weights + 32 * d)


def test_the_floor_is_the_slower_of_operations_and_bytes(benchmarks, cases):
    Rates, Effort = benchmarks("gauge").Rates, benchmarks("floor").Effort
    assert Effort(operations=10.0, bytes=1.0).seconds(Rates(operations=5.0, bytes=1.0)) == 2.0
    assert Effort(operations=10.0, bytes=4.0).seconds(Rates(operations=5.0, bytes=1.0)) == 4.0
    one_round = benchmarks("competitors").floor(iter([Rates(1e3, 1e9)]), cases["modular_addition", "baseline"])
    figure = one_round()
    assert figure.seconds == figure.details["operations"] / 1e3


@pytest.fixture
def here(benchmarks, monkeypatch):
    """Every job in this process, for one core and a machine that is measured in a moment."""
    for room in ("grouped", "gauge"):
        monkeypatch.setattr(benchmarks(room), "launch", launch_here)
    monkeypatch.setattr(benchmarks("grouped"), "cores", lambda device: 1)
    monkeypatch.setitem(benchmarks("gauge").SIZES, "cpu", benchmarks("gauge").Gauging(32, 1000, 0.001))


def test_the_rates_of_all_workers_are_summed(benchmarks, monkeypatch, here):
    gauge = benchmarks("gauge")
    assert next(gauge.rates("cpu")).operations > 0 < next(gauge.rates("cpu")).bytes
    monkeypatch.setattr(benchmarks("grouped"), "cores", lambda device: 3)
    monkeypatch.setattr(gauge.Gauging, "run", lambda *_: iter([gauge.Rates(2.0, 5.0)]))
    assert next(gauge.rates("cpu")) == gauge.Rates(6.0, 15.0)


def test_a_machine_that_cannot_be_measured_is_an_error(benchmarks, here):
    with pytest.raises(RuntimeError, match="the machine's speed could not be measured: (?s:.)*negative"):
        next(benchmarks("gauge").rates("cpu", benchmarks("gauge").Gauging(-1, 10)))


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


def test_a_synthetic_folder_is_a_leaderboard(benchmarks, tmp_path):
    benchmarks("startup").synthetic(tmp_path / "many", methods=3, seeds=4, points=5)
    assert Store.load(tmp_path / "many").status()["grokked"] == 12
    done = grokbench("leaderboard", tmp_path / "many")
    assert done.status == 0 and "method2" in done.out


def test_a_wait_ends_with_the_word_or_an_error(benchmarks):
    startup = benchmarks("startup")
    program = "import sys, time; print('one', file=sys.stderr); print('two', file=sys.stderr, flush=True); {}"
    assert startup.until([sys.executable, "-c", program.format("time.sleep(60)")], "two") < 60
    with pytest.raises(RuntimeError, match="ended without a word of 'three': one\ntwo"):
        startup.until([sys.executable, "-c", program.format("")], "three")
    with pytest.raises(subprocess.CalledProcessError):
        startup.whole([sys.executable, "-c", "raise SystemExit(3)"])


def test_every_start_up_command_runs(benchmarks, monkeypatch):
    waited = []
    monkeypatch.setattr(benchmarks("startup"), "whole", lambda command: waited.append(command) or 1.0)
    monkeypatch.setattr(benchmarks("startup"), "until", lambda command, word: waited.append(command) or 2.0)
    found = benchmarks("startup").measure(2)
    assert all(len(rounds) == 2 for rounds in found.values()) and len(waited) == 2 * len(found)
    assert "leaderboard of 500 runs" in benchmarks("startup").table(found)
    assert {row["seconds"] for row in benchmarks("startup").json(found)} == {1.0, 2.0}


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize("room", ["__main__", "gpu"])
def test_a_missing_cuda_device_is_said(benchmarks, room, tmp_path):
    options = ["--device", "cuda", "--json", str(tmp_path / "f.json")]
    options += ["--out", str(tmp_path)] if room == "gpu" else []
    done = CliRunner().invoke(benchmarks(room).main, options)
    assert done.exit_code == 1 and "torch sees no CUDA device here; use --device cpu" in done.output


def test_rounds_last_about_as_long_on_every_device(benchmarks, cases, monkeypatch):
    parts, rates = benchmarks("parts"), benchmarks("gauge").Rates(1e3, 1e3)
    effort = benchmarks("floor").Effort(operations=20.0, bytes=1.0)  # 0.02 seconds
    monkeypatch.setattr(parts, "effort", lambda case: effort)
    monkeypatch.setattr(parts, "seconds_per_epoch", lambda case: 0.1)
    case = cases["xor", "baseline"]
    assert parts._epochs(case, 6.0, 25, iter([])) == 3  # 60 of one seed at the loop's pace
    cuda = benchmarks("cases").replace(case, device="cuda:0")
    assert parts._epochs(cuda, 6.0, 2, iter([rates])) == 60
    assert parts._epochs(cuda, 6.0, 25, iter([rates])) == 12  # 300 at the floor's
    assert cuda.lasting(12).cell.budget == 15 and cuda.lasting(12).seed_epochs == 24


@pytest.mark.parametrize(("load", "said"), [(0.4, False), (1.5, True)])
def test_a_busy_machine_is_told_of(benchmarks, capsys, load, said):
    benchmarks("__main__").warn_of_load({"load": load, "cores": 2})
    assert ("1.5 of 2 cores: the figures will be noisy" in capsys.readouterr().err) == said


FACTS = {"machine": "a machine", "device": "a device", "torch": "2"}


def test_a_document_is_gone_on_with_on_its_machine_only(benchmarks, tmp_path):
    Document, file = benchmarks("document").Document, tmp_path / "found.json"
    Document.continued(file, FACTS).add("speed", {"a": 1})
    Document.continued(file, FACTS).add("speed", {"a": 2})
    assert json.loads(file.read_text()) == {**FACTS, "speed": [{"a": 1}, {"a": 2}]}
    with pytest.raises(StoreError, match="has device 'a device', here it is 'another'"):
        Document.continued(file, FACTS | {"device": "another"})
    file.write_text("[1, 2")
    with pytest.raises(StoreError, match="is no measurement that could be gone on with"):
        Document.continued(file, FACTS)


@pytest.fixture
def gpu(benchmarks):
    return benchmarks("gpu")


def test_a_call_tests_the_device_until_that_succeeds(benchmarks, gpu, monkeypatch, capsys):
    document, calls = benchmarks("document").Document(None, FACTS), []

    def run(command, *, timeout, **_):
        calls.append(command)
        if len(calls) == 1:
            raise subprocess.TimeoutExpired(command, timeout, b"..F so far")
        return subprocess.CompletedProcess(command, 2 - min(2, len(calls) - 1), "..\n5 passed\n", "")

    monkeypatch.setattr(gpu.subprocess, "run", run)
    found = []
    for _ in range(4):
        gpu.tested(document, 3.0)
        found += [document.parts["tests"][-1]]
    assert [row["status"] for row in found] == [124, 1, 0, 0] and len(calls) == 3
    assert len(document.parts["tests"]) == 1 and found[-1]["summary"] == "5 passed"
    tests = Path(__file__).parent
    marked = {f"tests/{file.name}" for file in tests.glob("test_*.py") if "mark.cuda\n" in file.read_text("utf-8")}
    assert "..F so far" in capsys.readouterr().err
    assert calls[0][-5:-3] == ["-m", "cuda"] and set(calls[0][-3:]) == marked


def test_a_call_measures_the_cases_that_no_earlier_one_did(benchmarks, gpu, monkeypatch):
    document, asked = benchmarks("document").Document(None, FACTS), []

    def speed_part(wanted, say, show):
        asked.append(wanted)
        for method in ("baseline", "grokalign"):
            if ("xor", method) not in wanted.measured:
                ratio = {"median": 50.0}
                speed = {"engine / loop": ratio, "engine / floor": {"median": 0.4}}
                rates = {"engine": 100.0, "loop": 2.0}
                yield {"task": "xor", "method": method, "seeds": 25, "seed_epochs_per_second": rates, "speed": speed}

    monkeypatch.setattr(benchmarks("parts"), "speed_part", speed_part)
    for _ in range(3):
        gpu.speed(document, "cpu", ("xor",), False, end=0.0)
    assert [row["method"] for row in document.parts["speed"]] == ["baseline", "grokalign"]
    assert [len(wanted.measured) for wanted in asked] == [0, 1, 2] and asked[0].full_xor and asked[0].seeds == 25
    assert "50.0 times as fast, 40% of the floor's rate" in gpu.line(document.parts["speed"][0])


def test_a_suite_is_stopped_in_time_and_gone_on_with(benchmarks, gpu, tmp_path, capsys):
    document, out = benchmarks("document").Document(None, FACTS), tmp_path / "out"
    suite = str(write(tmp_path))
    gpu.suite(document, suite, out, "cpu", time.monotonic() + 1.0)
    assert "suite" not in document.parts
    stopped = benchmarks("suite_run").go_on(suite, out, "cpu", 0.05)
    assert stopped.status is None and not stopped.complete
    document.add("suite", stopped.json())
    for _ in range(2):  # the second has nothing left to do
        gpu.suite(document, suite, out, "cpu", time.monotonic() + 100.0)
    assert len(document.parts["suite"]) == 2 and document.parts["suite"][-1]["complete"]
    assert document.parts["suite"][-1]["trained"] == 6
    assert "all replicas trained in" in capsys.readouterr().out


def test_workers_that_share_a_device_are_compared_as_long_as_there_is_time(benchmarks, gpu, monkeypatch, tmp_path):
    document, begun = benchmarks("document").Document(None, FACTS), []

    def go_on(name, out, device, seconds, *, say):
        begun.append((name, out.name, device))
        return benchmarks("suite_run").Leg(7.0, 120, 120 if len(begun) != 2 else 121, 0, 0)

    monkeypatch.setattr(benchmarks("suite_run"), "go_on", go_on)
    gpu.together(document, tmp_path / "out", "cpu", time.monotonic() + 60.0)
    gpu.together(document, tmp_path / "out", "cuda:0", time.monotonic())
    assert not document.parts
    for _ in range(2):
        gpu.together(document, tmp_path / "out", "cuda:0", time.monotonic() + 60.0)
    one, two, four = "cuda:0", "cuda:0,0", "cuda:0,0,0,0"
    assert [device for _, _, device in begun] == [one, two, four, two]  # the second was not complete
    assert begun[1] == ("quick", "out-together_2", two)


def test_failed_replicas_keep_a_suite_from_being_complete(benchmarks):
    leg = benchmarks("suite_run").Leg(seconds=2.0, trained=5, planned=6, failed=1, status=1)
    assert not leg.complete
    assert (
        benchmarks("suite_run").summary("s", [leg.json()])
        == "s: 5 of 6 replicas trained in 2.0 s over 1 call; 1 failed"
    )


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", TASKS)
def test_loop_and_engine_train_the_same_on_a_cuda_device(benchmarks, cases, task, method):
    case = benchmarks("cases").replace(cases[task, method], device="cuda:0")
    events = engine.train(case.cell, case.step, SEEDS, "cuda:0", torch.float64)
    (run, _) = [event for event in events if hasattr(event, "curves")]
    plain = benchmarks("plain_loop").start(case, run.seed)
    history = benchmarks("plain_loop").train(plain, case.cell.budget, KeyedDraws(run.seed, "cuda:0"))
    last = {metric: curve.values[-1] for metric, curve in run.curves.items()}
    assert history[-1] == pytest.approx(last, rel=1e-6, abs=1e-7)


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


def test_the_page_of_a_large_folder_is_measured(benchmarks):
    reporting, said = benchmarks("reporting"), []
    (cost,) = reporting.measure(1, said.append, evaluations=30, seeds=2)
    assert cost.seconds > 0 and cost.cpu_seconds > 0 and cost.megabytes > 10 and cost.page > 0.5
    assert said == ["report: 40 runs made up", "report: round 1 of 1"]
    assert "megabytes" in reporting.table([cost, cost]) and reporting.json([cost])[0]["page"] == cost.page
