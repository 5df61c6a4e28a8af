"""The benchmarks compare like with like: the plain loop trains what the engine trains. No times are asserted."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from grokbench import engine, random
from grokbench.errors import SuiteError
from grokbench.plan import expand
from grokbench.suite import load_suite

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
  xor: {dimensions: 12, width: 6, samples: 20, test_samples: 16, epsilon: 0.5}
regularizers:
  baseline: {}
  orthograd: {}
  grokalign: {strength: 0.1, norm: frobenius, projections: 2, per_task: {xor: {norm: squared}}}
"""
TASKS = ("sparse_parity", "modular_addition", "mnist_ce", "mnist_mse", "xor")

pytestmark = pytest.mark.usefixtures("tiny_mnist")


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
    made = [benchmarks("cases").case(cell, registry, SEEDS, "float64") for cell in _cells(suite, registry)]
    return {(case.cell.task, case.cell.regularizer): case.lasting(EPOCHS) for case in made}


def _cells(suite, registry):
    return expand(suite, registry, "float64", engine.REVISION)


class KeyedDraws:
    """The engine's random numbers."""

    def __init__(self, seed):
        self.key = random.key(seed)

    def order(self, epoch, n):
        return random.permutation(random.fold(self.key, "batches", epoch), n)

    def directions(self, epoch, batch, projection, outputs):
        key = random.fold(self.key, "regularizer", epoch, batch, "method", 0, projection)
        return random.normal(key, tuple(outputs.shape), outputs.dtype)


@pytest.mark.parametrize("method", ["baseline", "grokalign"])
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
    with pytest.raises(ValueError, match="sparse_parity orthograd: .* knows baseline and grokalign, not orthograd"):
        benchmarks("plain_loop").start(cases["sparse_parity", "orthograd"], 1000)


def test_the_loop_refuses_the_exact_jacobian(benchmarks):
    outputs = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="by projection, not exactly"):
        benchmarks("plain_loop").jacobian_norm(
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
    assert [case.name for case in cases] == ["mnist_ce baseline", "mnist_ce grokalign", "xor baseline", "xor grokalign"]
    assert {case.seeds for case in cases} == {tuple(range(1000, 1025))}
    assert cases[0].cell.evaluate_every == load_suite("paper").tasks[2].evaluate_every
    assert cases[2].cell.recipe["task"]["parameters"]["dimensions"] == 2_000
    assert next(shipped(("xor",), 25, True, registry)).cell.recipe["task"]["parameters"]["dimensions"] == 40_000


def test_a_task_without_data_is_left_out_with_the_way_to_get_them(benchmarks, registry, monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    done = CliRunner().invoke(benchmarks("__main__").main, ["--quick", "--task", "mnist_ce"])
    assert done.exit_code == 1
    assert "mnist_ce baseline is left out: its data are not here: grokbench data fetch mnist" in done.output
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
    assert "3000.00" in printed and "3.00 (2.00-6.00)" in printed and "slow / fast" in printed
    plain = json.loads(json.dumps(result.json()))
    assert plain["ratio"] == {"fast": 3.0} and plain["seed_epochs_per_second"]["fast"] == 1.0


def test_the_table_names_the_machine(benchmarks):
    facts = benchmarks("__main__")._facts()
    assert facts["machine"] in benchmarks("tables").machine(facts)
