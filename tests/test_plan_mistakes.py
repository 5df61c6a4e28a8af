"""Every mistake of a suite that only plugins reveal is told once, with its place."""

import pytest

from grokbench.errors import SuiteError

from .helpers.short_suites import FACTS, GOOD, HEAD


@pytest.fixture
def complaints(cells_of, tmp_path):
    """The lines of the SuiteError of a suite's text, from the place on."""

    def told(text):
        with pytest.raises(SuiteError) as caught:
            cells_of(text)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return told


FAULTS = {  # what is replaced by what in GOOD; the place and the key path; what is said
    "unknown task": (
        ("sparse_parity}", "sparse_party}"),
        "s.yaml:4:18: tasks.parity: no task 'sparse_party', expected one of: xor",
        "did you mean 'sparse_parity'",
    ),
    "unknown method": (
        ("grokalign: {strength", "aligned: {use: grokaline, strength"),
        "s.yaml:5:40: regularizers.aligned: no regularizer 'grokaline'",
        "did you mean 'grokalign'",
    ),
    "unknown parameter": (
        ("strength: 0.1", "strenght: 0.1"),
        "s.yaml:5:42: regularizers.grokalign",
        "grokalign has no parameter 'strenght', expected one of: strength, norm",
    ),
    "wrong type": (
        ("strength: 0.1", "strength: high"),
        "s.yaml:5:42: regularizers.grokalign.strength: ",
        "expected a valid number, got the text 'high'",
    ),
    "wrong choice": (
        ("strength: 0.1", "norm: cubed"),
        "s.yaml:5:42: regularizers.grokalign.norm: ",
        "expected 'squared' or 'frobenius', got the text 'cubed'",
    ),
    "refused by the factory": (
        ("strength: 0.1", "projections: 0"),
        "regularizers.grokalign: ",
        "grokalign (built in) refuses its parameters: projections must be at least 1, got 0",
    ),
    "task parameter": (
        ("sparse_parity}", "sparse_parity, bits: many}"),
        "s.yaml:4:38: tasks.parity.bits: ",
        "expected a valid integer, got the text 'many'",
    ),
    "criterion": (
        ("sparse_parity}", 'sparse_parity, grokked: {tset_accuracy: "> 0.9"}}'),
        "tasks.parity.grokked: no metric 'tset_accuracy', expected one of: train_loss",
        "did you mean 'test_accuracy'",
    ),
    "cadence": (
        ("sparse_parity}", "sparse_parity, evaluate_every: 20000}"),
        "tasks.parity: evaluated every 20000 epochs",
        "10000 epochs",
    ),
    "unknown metric": (
        ("seeds: 2", "seeds: 2\nmetrics: {wieght_norm: {}}"),
        "metrics.wieght_norm: no metric 'wieght_norm'",
        "did you mean 'weight_norm'",
    ),
    "a metric recorded anyway": (
        ("seeds: 2", "seeds: 2\nmetrics: {test_loss: {use: loss}}"),
        "s.yaml:3:",
        "metrics.test_loss: is always recorded",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_is_told_once_with_its_place(complaints, fault):
    change, place, said = FAULTS[fault]
    (line,) = complaints(GOOD.replace(*change))
    assert place in line and said in line and line.startswith("s.yaml:")


def test_a_parameter_of_per_task_is_told_at_its_own_place(complaints):
    text = HEAD + (
        "tasks: {parity: {use: sparse_parity}, xor: {}}\n"
        "regularizers:\n"
        "  baseline: {}\n"
        "  grokalign:\n"
        "    strength: 0.1\n"
        "    per_task:\n"
        "      xor:\n"
        "        strength: high\n"
    )
    (line,) = complaints(text)
    assert line.startswith("s.yaml:11:") and "expected a valid number" in line


def test_a_parameter_within_a_combination_is_told_at_its_own_place(complaints):
    text = HEAD + (
        "tasks: {parity: {use: sparse_parity}}\n"
        "regularizers:\n"
        "  baseline: {}\n"
        "  both:\n"
        "    use: [grokalign, grokfast_ema]\n"
        "    grokfast_ema:\n"
        "      alhpa: 0.9\n"
    )
    (line,) = complaints(text)
    assert line.startswith("s.yaml:10:") and "did you mean 'alpha'" in line


def test_every_mistake_is_told_at_once(complaints):
    text = GOOD.replace("strength: 0.1", "strenght: 0.1, norm: cubed").replace("parity}", "parity, bits: x}")
    lines = complaints(text)
    assert len(lines) == 3
    for part in ("tasks.parity", "'strenght'", "cubed"):
        assert sum(part in line for line in lines) == 1


def test_a_number_that_is_not_finite_is_a_mistake(complaints):
    (line,) = complaints(GOOD.replace("strength: 0.1", "strength: .inf"))
    assert line.startswith("s.yaml:5:") and "inf" in line


def test_a_budget_is_a_whole_number_of_evaluations(complaints):
    suite = HEAD + "tasks: {xor: {epochs: 10, evaluate_every: 4}}\nregularizers: {baseline: {}}\n"
    (line,) = complaints(suite)
    assert "tasks.xor: 10 epochs, expected a multiple of evaluate_every, 4" in line


def test_a_metric_is_measured_at_evaluations(complaints):
    suite = (
        HEAD + "tasks: {xor: {evaluate_every: 4}}\nregularizers: {baseline: {}}\nmetrics: {weight_norm: {every: 10}}\n"
    )
    (line,) = complaints(suite)
    assert "metrics.weight_norm: every 10 epochs, expected a multiple of evaluate_every, 4" in line


def test_a_method_that_asks_for_facts_is_refused_where_a_task_has_none(complaints):
    places = {"stable": "s.yaml:5:30", "both": "s.yaml:5:56"}
    assert complaints(FACTS) == [
        f"{places[method]}: regularizers.{method}: stablemax needs a task with cross_entropy, which {task} does not "
        f"have; skip the cell: skip: [{{task: {task}, regularizer: {method}, why: ...}}]"
        for task in ("xor", "mse")
        for method in ("stable", "both")
    ]


def test_a_baseline_cannot_be_skipped_and_the_way_out_is_another(complaints):
    text = "baseline: stable\ntasks: {xor: {}}\nregularizers: {stable: {use: stablemax}}\n"
    (line,) = complaints(f"suite: s\nseeds: 2\n{text}")
    assert line.endswith("stablemax needs a task with cross_entropy, which xor does not have; leave the task out")
