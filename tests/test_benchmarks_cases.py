"""The cases that are measured: those of the paper, each as long as a round is to last."""

import pytest

from grokbench.errors import SuiteError
from grokbench.suite import load_suite

from .helpers import benchmark_cases
from .helpers.benchmark_cases import EPOCHS

pytestmark = pytest.mark.usefixtures("tiny_data")


@pytest.fixture
def suite(tmp_path):
    return benchmark_cases.suite(tmp_path)


def test_the_shipped_cases_are_those_of_the_paper(benchmarks, registry):
    shipped = benchmarks("cases").shipped_cases
    cases = list(shipped(("mnist_ce", "xor"), 25, False, registry))
    assert [case.name for case in cases] == [
        *("mnist_ce baseline", "mnist_ce grokalign"),
        *("xor baseline", "xor rotated baseline", "xor grokalign", "xor rotated grokalign"),
    ]
    assert [case.cell.recipe.task.parameters.get("rotate") for case in cases[1:4]] == [None, False, True]
    assert [bool(case.step.task.full) for case in cases[2:4]] == [False, True] and not cases[3].full.task.full
    assert cases[4].cell.recipe.regularizers[0].parameters["norm"] == "frobenius"
    assert {case.seeds for case in cases} == {tuple(range(1000, 1025))}
    assert cases[0].cell.evaluate_every == load_suite("paper").tasks[2].evaluate_every
    assert cases[2].cell.recipe.task.parameters["dimensions"] == 2_000
    small = next(shipped(("cifar10",), 2, False, registry))
    assert small.cell.recipe.task.parameters["samples"] == 2_000 and list(small.step.metrics) == [
        *("train_loss", "train_accuracy", "test_loss", "test_accuracy")
    ]
    assert next(shipped(("xor",), 25, True, registry)).cell.recipe.task.parameters["dimensions"] == 40_000


def test_what_is_rotated_can_be_measured_alone(benchmarks):
    parts = benchmarks("parts")
    found = parts.cases(parts.Options(("sparse_parity", "xor"), rotated=True), pytest.fail)
    assert [case.name for case in found] == ["xor rotated baseline", "xor rotated grokalign"]


def test_a_suite_without_a_benchmarked_task_is_refused(benchmarks, suite):
    with pytest.raises(SuiteError, match="tiny.yaml: the benchmarks need a task 'parity'"):
        benchmarks("cases").chosen(suite, "parity")


def test_a_case_ends_with_an_evaluation_and_never_early(cases):
    case = cases["sparse_parity", "baseline"]
    assert [case.lasting(epochs).cell.budget for epochs in (0, 2, 3)] == [2, 2, 4]
    assert case.cell.recipe.stop == "budget"
    assert case.seed_epochs == 2 * EPOCHS


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
