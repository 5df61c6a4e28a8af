"""Every mistake of a suite that only plugins reveal is told once, with its place."""

import pytest

from grokbench.errors import SuiteError
from grokbench.plan import expand
from grokbench.suite import load_suite

from .helpers import tiny
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
        "Did you mean 'sparse_parity'",
    ),
    "unknown method": (
        ("grokalign: {strength", "aligned: {use: grokaline, strength"),
        "s.yaml:5:40: regularizers.aligned: no regularizer 'grokaline'",
        "Did you mean 'grokalign'",
    ),
    "unknown parameter": (
        ("strength: 0.1", "strenght: 0.1"),
        "s.yaml:5:42: regularizers.grokalign",
        "grokalign has no parameter 'strenght'. Expected one of: strength, norm",
    ),
    "wrong type": (
        ("strength: 0.1", "strength: high"),
        "s.yaml:5:42: regularizers.grokalign.strength: ",
        "expected a number, got the text 'high'",
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
        "expected a whole number, got the text 'many'",
    ),
    "criterion": (
        ("sparse_parity}", 'sparse_parity, grokked: {tset_accuracy: "> 0.9"}}'),
        "tasks.parity.grokked: no metric 'tset_accuracy', expected one of: train_loss",
        "Did you mean 'test_accuracy'",
    ),
    "published metric": (
        ("seeds: 2", "seeds: 2\npublished: {source: a, metrics: {tset_loss: {parity: {baseline: 1}}}}"),
        "s.yaml:3:46: published.metrics.tset_loss: parity records no metric 'tset_loss', expected one of: train_loss",
        "Did you mean 'test_loss'",
    ),
    "cadence": (
        ("sparse_parity}", "sparse_parity, evaluate_every: 20000}"),
        "tasks.parity: evaluated every 20000 epochs",
        "10000 epochs",
    ),
    "unknown metric": (
        ("seeds: 2", "seeds: 2\nmetrics: {wieght_norm: {}}"),
        "metrics.wieght_norm: no metric 'wieght_norm'",
        "Did you mean 'weight_norm'",
    ),
    "a metric recorded anyway": (
        ("seeds: 2", "seeds: 2\nmetrics: {test_loss: {use: loss}}"),
        "s.yaml:3:",
        "metrics.test_loss: every task records a metric of this label",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mistake_is_told_once_with_its_place(complaints, fault):
    change, place, said = FAULTS[fault]
    (line,) = complaints(GOOD.replace(*change))
    assert place in line and said in line and line.startswith("s.yaml:")


TASK_KEYS = (
    "; every task entry also accepts these keys: use, epochs, evaluate_every, stop, grokked, weights. Did you mean "
)
METHOD_KEYS = (
    "; every regularizer entry also accepts these keys: use, per_task, optimizer, compare_to, search_space. "
    "Did you mean "
)
MISSPELT = [  # what is replaced by what in GOOD; the place and the key path; what is said at the end
    (("use: sparse_parity", "use: sparse_parity, epoch: 4000"), "4:38: tasks.parity.epoch", f"{TASK_KEYS}'epochs'?"),
    (("parity: {use: sparse_parity", "sparse_parity: {epoch: 4000"), "4:25: tasks.sparse_parity.epoch", "'epochs'?"),
    (("sparse_parity}", "sparse_parity, evaluate_evry: 2}"), "4:38: tasks.parity.evaluate_evry", "'evaluate_every'?"),
    (("sparse_parity}", "sparse_parity, stpo: budget}"), "4:38: tasks.parity.stpo", "Did you mean 'stop'?"),
    (("sparse_parity}", "sparse_parity, groked: {a: b}}"), "4:38: tasks.parity.groked", "Did you mean 'grokked'?"),
    (("sparse_parity}", "mnist, batchsize: 10}"), "4:30: tasks.parity.batchsize", f"{TASK_KEYS}'batch_size'?"),
    (("sparse_parity}", "sparse_parity, bits: {gird: [8, 9]}}"), "4:38: tasks.parity.bits", "Did you mean 'grid'?"),
    (("strength: 0.1", "pertask: {parity: {}}"), "5:42: regularizers.grokalign.pertask", f"{METHOD_KEYS}'per_task'?"),
    (("strength: 0.1", "strenght: 0.1"), "5:42: regularizers.grokalign.strenght", f"{METHOD_KEYS}'strength'?"),
    (("strength: 0.1", "usee: orthograd"), "5:42: regularizers.grokalign.usee", f"{METHOD_KEYS}'use'?"),
    (("seeds: 2", "seeds: 2\nmetrics: {weight_norm: {evry: 10}}"), "3:25: metrics.weight_norm.evry", "'every'?"),
    (("seeds: 2", "seeds: 2\nmetrics: {loss: {splt: test}}"), "3:18: metrics.loss.splt", "Did you mean 'split'?"),
]


@pytest.mark.parametrize(("change", "place", "said"), MISSPELT, ids=lambda each: str(each)[:40])
def test_a_misspelt_key_of_an_entry_is_looked_up_among_its_keys_and_its_parameters(complaints, change, place, said):
    (line,) = complaints(GOOD.replace(*change))
    assert line.startswith(f"s.yaml:{place}: ") and line.endswith(said)


def test_no_key_of_an_entry_is_suggested_where_none_may_stand(complaints):
    combined = "both: {use: [grokalign, orthograd], grokalign: {pertask: {}}}"
    for entry in ("grokalign: {per_task: {parity: {pertask: 3}}}", combined):
        (line,) = complaints(GOOD.replace("grokalign: {strength: 0.1}", entry))
        assert line.endswith(
            "grokalign has no parameter 'pertask'. Expected one of: strength, norm, estimator, projections"
        )


@pytest.mark.parametrize("used", ["grokalign", "[grokalign, orthograd]"])
def test_a_misspelt_use_is_told_and_not_that_its_label_is_no_plugin(complaints, used):
    (line,) = complaints(GOOD.replace("grokalign: {strength: 0.1}", f"mine: {{uses: {used}}}"))
    words = "use, per_task, optimizer, compare_to, search_space. Did you mean 'use'?"
    said = f"regularizers.mine.uses: an unknown key, expected one of {words}"
    assert line == f"s.yaml:5:37: {said}"
    (line,) = complaints(GOOD.replace("grokalign: {strength: 0.1}", "mine: {uses: 3}"))
    assert "regularizers.mine: no regularizer 'mine'" in line


def test_a_misspelt_key_of_an_added_method_is_looked_up_alike(tmp_path, registry):
    suite = load_suite(str(tiny.write(tmp_path)), ["grokalign: {pertask: {}, per_task: {parity: {strenght: 1}}}"])
    with pytest.raises(SuiteError) as caught:
        expand(suite, registry, "float32", 1)
    pertask, strenght = str(caught.value).splitlines()
    assert pertask.startswith("--with: regularizers.grokalign.pertask: ") and pertask.endswith(
        f"{METHOD_KEYS}'per_task'?"
    )
    assert strenght.endswith("Expected one of: strength, norm, estimator, projections. Did you mean 'strength'?")


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
    assert line.startswith("s.yaml:11:") and "expected a number" in line


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
    assert line.startswith("s.yaml:10:") and "Did you mean 'alpha'" in line


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
