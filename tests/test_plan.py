"""A suite becomes cells with stable identities, and says every mistake that only plugins reveal, with its place."""

import dataclasses
import functools
import json

import pytest

from grokbench.errors import PluginError, SuiteError
from grokbench.plan import cell_step, expand, identity, manifest
from grokbench.plugins import load_registry
from grokbench.records import Skip
from grokbench.suite import load_suite

HEAD = "suite: s\nseeds: 2\nbaseline: baseline\n"
GOOD = HEAD + "tasks: {parity: {use: sparse_parity}}\nregularizers: {baseline: {}, grokalign: {strength: 0.1}}\n"


@pytest.fixture
def cells_of(tmp_path, registry):
    """The cells of a suite's text, by (task, regularizer)."""

    def expanded(text, precision="float32", engine=1):
        (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
        cells = expand(load_suite(str(tmp_path / "s.yaml")), registry, precision, engine)
        return {(cell.task, cell.regularizer): cell for cell in cells}

    return expanded


@pytest.fixture
def complaints(cells_of, tmp_path):
    """The lines of the SuiteError of a suite's text, from the place on."""

    def told(text):
        with pytest.raises(SuiteError) as caught:
            cells_of(text)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return told


def only(cells, regularizer="grokalign"):
    (cell,) = [cell for (_, label), cell in cells.items() if label == regularizer]
    return cell


def test_cells_come_in_the_order_of_the_suite_with_everything_resolved(cells_of):
    cells = cells_of(
        HEAD + "tasks: {xor: {width: 8}, parity: {use: sparse_parity}}\nregularizers: {baseline: {}, grokalign: {}}\n"
    )
    tasks, methods = ("xor", "parity"), ("baseline", "grokalign")
    assert list(cells) == [(task, method) for task in tasks for method in methods]
    cell = cells["xor", "grokalign"]
    assert cell.recipe["task"]["use"] == "xor" and cell.recipe["task"]["parameters"]["width"] == 8
    assert cell.recipe["task"]["parameters"]["dimensions"] == 40_000
    (method,) = cell.recipe["regularizers"]
    assert method["parameters"] == {
        "strength": 0.01, "norm": "squared", "estimator": "projection", "projections": 1,
    }  # fmt: skip
    assert (cell.budget, cell.evaluate_every, cell.privileges) == (1000, 1, ())
    assert cell.recipe["grokked"] == {"test_accuracy": "> 0.95", "noise_accuracy": "> 0.95"}
    assert set(cell.metrics) == {f"{s}_{m}" for s in ("train", "test", "noise") for m in ("loss", "accuracy")}
    assert cell.metrics["test_loss"] == "lower" and cell.metrics["test_accuracy"] == "higher"
    assert set(cell.origins) == {"tasks.xor", "regularizers.grokalign", "metrics.loss", "metrics.accuracy"}
    assert len(cell.identity) == 16 and cell.identity == identity(cell.recipe)
    json.dumps(cell.recipe)


SAME = {
    "written out defaults": ("{strength: 0.1}", "{strength: 0.1, norm: squared, projections: 1}"),
    "order of parameters": ("{strength: 0.1}", "{projections: 1, strength: 0.1}"),
    "a number written another way": ("{strength: 0.1}", "{strength: 1e-1}"),
    "an integer for a float": ("weight_decay: 1.0", "weight_decay: 1"),
    "description": ("seeds: 2", "seeds: 2\ndescription: another"),
    "seeds": ("seeds: 2", "seeds: 5-9"),
    "budget": ("lr: 0.5", "lr: 0.5, epochs: 77"),
    "label of the task": ("parity:", "other:"),
    "label of the method": ("grokalign: {", "aligned: {use: grokalign, "),
    "order of methods": ("baseline: {}, grokalign: {strength: 0.1}", "grokalign: {strength: 0.1}, baseline: {}"),
    "metrics": ("seeds: 2", "seeds: 2\nmetrics: {weight_norm: {every: 5}}"),
    "statistics": ("seeds: 2", "seeds: 2\nstatistics: {alpha: 0.01}"),
    "the criterion written out": ("lr: 0.5", 'lr: 0.5, grokked: {test_accuracy: "> 0.90"}'),
    "the stop written out": ("lr: 0.5", "lr: 0.5, stop: grokked, evaluate_every: 1"),
    "per_task instead of above": ("{strength: 0.1}", "{per_task: {parity: {strength: 0.1}}}"),
}
OTHER = {
    "a parameter of the method": ("strength: 0.1", "strength: 0.2"),
    "a parameter of the task": ("lr: 0.5", "lr: 0.6"),
    "cadence": ("lr: 0.5", "lr: 0.5, evaluate_every: 2"),
    "criterion": ("lr: 0.5", 'lr: 0.5, grokked: {test_accuracy: "> 0.99"}'),
    "stop": ("lr: 0.5", "lr: 0.5, stop: budget"),
    "sustained": ("lr: 0.5", "lr: 0.5, stop: {sustained: 3}"),
    "a combination": ("{strength: 0.1}", "{use: [grokalign, orthograd], grokalign: {strength: 0.1}}"),
}
PLAIN = GOOD.replace("use: sparse_parity", "use: sparse_parity, lr: 0.5, weight_decay: 1.0")


@pytest.mark.parametrize("change", SAME)
def test_the_identity_does_not_depend_on(cells_of, change):
    old, new = SAME[change]
    assert old in PLAIN
    before, after = cells_of(PLAIN), cells_of(PLAIN.replace(old, new))
    assert {cell.identity for cell in before.values()} == {cell.identity for cell in after.values()}


@pytest.mark.parametrize("change", OTHER)
def test_the_identity_depends_on(cells_of, change):
    old, new = OTHER[change]
    assert old in PLAIN
    assert only(cells_of(PLAIN)).identity != only(cells_of(PLAIN.replace(old, new))).identity


def test_the_identity_depends_on_precision_and_on_every_revision(cells_of, registry):
    cell = only(cells_of(PLAIN))
    others = {only(cells_of(PLAIN, precision="float64")).identity, only(cells_of(PLAIN, engine=2)).identity}
    made = registry.regularizers["grokalign"]

    @functools.wraps(made.factory)
    def revised(**given):
        return dataclasses.replace(made.factory(**given), revision=2)

    newer = dataclasses.replace(made, factory=revised)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.regularizers, "grokalign", newer)
        others.add(only(cells_of(PLAIN)).identity)
    assert len(others | {cell.identity}) == 4


def test_an_identity_is_a_hash_of_canonical_json():
    assert identity({"a": 1, "b": [1.5, None]}) == identity({"b": [1.5, None], "a": 1})
    assert identity({"a": 1}) != identity({"a": 2})
    assert len(identity({})) == 16 and int(identity({}), 16) >= 0


def test_per_task_replaces_what_stands_above(cells_of):
    cells = cells_of(
        HEAD
        + "tasks: {parity: {use: sparse_parity}, xor: {}}\n"
        + "regularizers:\n"
        + "  baseline: {}\n"
        + "  grokalign: {strength: 0.1, per_task: {xor: {strength: 1.0, norm: frobenius}}}\n"
    )
    strengths = {task: cells[task, "grokalign"].recipe["regularizers"][0]["parameters"] for task in ("parity", "xor")}
    assert (strengths["parity"]["strength"], strengths["parity"]["norm"]) == (0.1, "squared")
    assert (strengths["xor"]["strength"], strengths["xor"]["norm"]) == (1.0, "frobenius")


def test_a_grid_is_one_cell_for_each_value(cells_of):
    grid = "{strength: {grid: [0.1, 0.01]}, norm: {grid: [squared, frobenius]}}"
    cells = cells_of(GOOD.replace("{strength: 0.1}", grid))
    labels = [label for _, label in cells if label != "baseline"]
    assert len(labels) == len(set(labels)) == 4
    assert len({cell.identity for cell in cells.values()}) == 5
    given = [cell.recipe["regularizers"][0]["parameters"] for (_, label), cell in cells.items() if label != "baseline"]
    found = {(parameters["strength"], parameters["norm"]) for parameters in given}
    assert found == {(s, n) for s in (0.1, 0.01) for n in ("squared", "frobenius")}


def test_combined_methods_keep_their_order(cells_of, registry):
    text = GOOD.replace("{strength: 0.1}", "{use: [grokfast_ema, grokalign], grokalign: {strength: 0.3}}")
    cell = only(cells_of(text))
    assert [use["use"] for use in cell.recipe["regularizers"]] == ["grokfast_ema", "grokalign"]
    assert cell.recipe["regularizers"][1]["parameters"]["strength"] == 0.3
    first, second = cell_step(cell, registry).regularizers
    assert first.transform and second.penalty
    swapped = only(cells_of(text.replace("[grokfast_ema, grokalign]", "[grokalign, grokfast_ema]")))
    assert swapped.identity != cell.identity


def test_skipped_cells_are_left_out_and_kept_in_the_manifest(cells_of, registry, tmp_path):
    text = GOOD + "skip: [{task: parity, regularizer: grokalign, why: unstable}]\n"
    cells = cells_of(text)
    assert list(cells) == [("parity", "baseline")]
    suite = load_suite(str(tmp_path / "s.yaml"))
    record = manifest(suite, tuple(cells.values()), (3, 4), {"precision": "float32"})
    assert record.skipped == (Skip("parity", "grokalign", "unstable"),)
    assert (record.suite, record.baseline, record.seeds) == ("s", "baseline", (3, 4))
    assert record.execution == {"precision": "float32"}


def test_metrics_a_task_cannot_record_are_left_out_there(cells_of):
    text = HEAD + "tasks: {parity: {use: sparse_parity}, xor: {}}\nregularizers: {baseline: {}}\n"
    cells = cells_of(text + "metrics: {noisy: {use: centroid_norm, split: noise, every: 10}, weight_norm: {}}\n")
    parity, xor = cells["parity", "baseline"], cells["xor", "baseline"]
    assert "noisy" not in parity.metrics and parity.metrics["weight_norm"] is None
    parameters = {"split": "noise", "examples": None}
    assert xor.measured["noisy"] == {"use": "centroid_norm", "parameters": parameters, "every": 10}


def test_a_cell_becomes_its_step(cells_of, registry):
    cell = only(cells_of(PLAIN + "metrics: {weight_norm: {every: 5}}\n"))
    step = cell_step(cell, registry)
    assert step.task.optimizer.lr == 0.5
    assert list(step.metrics) == list(cell.metrics) == list(cell.measured)
    assert step.required == {"test_accuracy"} and step.every == {"weight_norm": 5}


def test_a_cell_whose_plugin_is_gone_says_so(cells_of, registry):
    cell = only(cells_of(PLAIN))
    gone = dataclasses.replace(cell, recipe=cell.recipe | {"task": {"use": "sparse_party", "parameters": {}}})
    with pytest.raises(PluginError, match="no task 'sparse_party'.*did you mean 'sparse_parity'"):
        cell_step(gone, registry)


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


@pytest.mark.parametrize(
    "name", ["smoke", "quick", "paper", "transformer", "transformer-small", "cifar10", "cifar10-small"]
)
def test_the_shipped_suites_expand(registry, name):
    suite = load_suite(name)
    cells = expand(suite, registry, "float32", 1)
    assert len(cells) == len(suite.tasks) * len(suite.regularizers) - len(suite.skip)
    assert len({cell.identity for cell in cells}) == len(cells)


def test_a_criterion_is_known_by_what_it_measures(cells_of):
    suite = HEAD + "tasks: {xor: {width: 8, grokked: {robust: '> 0.9'}}}\nregularizers: {baseline: {}}\n"
    on = {
        s: only(cells_of(suite + f"metrics: {{robust: {{use: accuracy, split: {s}}}}}\n"), "baseline")
        for s in ("test", "noise")
    }
    assert on["test"].identity != on["noise"].identity


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


ROTATED = """\
suite: s
seeds: 2
baseline: baseline
tasks: {xor: {rotate: true}}
regularizers: {baseline: {}, placebo: {}, both: {use: [grokalign, placebo]}, turns: {use: grokalign}}
"""


def test_methods_that_do_not_rotate_train_a_rotated_task_in_full_coordinates(cells_of):
    """The very cells of the suite that does not rotate, beside a baseline that does."""
    rotated, full = cells_of(ROTATED), cells_of(ROTATED.replace("true", "false"))
    trained = {method: cell.recipe["task"]["parameters"]["rotate"] for (_, method), cell in rotated.items()}
    assert trained == {"baseline": True, "placebo": False, "both": False, "turns": True}
    same = {method for task, method in rotated if rotated[task, method].identity == full[task, method].identity}
    assert same == {"placebo", "both"}


def test_a_rotated_task_refuses_metrics_that_look_at_coordinates(complaints, tmp_path, registry):
    mine = tmp_path / "mine.py"
    mine.write_text(
        'from grokbench import Metric, hookimpl\n\n\ndef largest() -> Metric:\n    """Largest input."""\n'
        '    return Metric(measure=lambda probe: probe.splits["train"].inputs.max(), splits=("train",))\n\n\n'
        "@hookimpl\ndef grokbench_metrics():\n    yield largest\n"
    )
    suite = tmp_path / "s.yaml"
    suite.write_text(
        HEAD + "tasks: {xor: {rotate: true}}\nregularizers: {baseline: {}}\nmetrics: {weight_norm: {}, largest: {}}\n"
    )
    with pytest.raises(SuiteError) as caught:
        expand(load_suite(str(suite)), load_registry([mine]), "float32", 1)
    (line,) = str(caught.value).splitlines()
    assert line.endswith(
        "s.yaml:6:28: metrics.largest: largest does not declare that it is the same in rotated coordinates, in which "
        "xor is trained; set rotate: false there"
    )


FACTS = """\
suite: s
seeds: 2
baseline: baseline
tasks: {xor: {}, parity: {use: sparse_parity}, mse: {use: modular_addition, loss: mse}}
regularizers: {baseline: {}, stable: {use: stablemax}, both: {use: [grokalign, stablemax]}}
"""


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


def test_a_method_that_asks_for_facts_is_planned_where_they_are(cells_of):
    left_out = [(task, method) for task in ("xor", "mse") for method in ("stable", "both")]
    skip = ", ".join(f"{{task: {task}, regularizer: {method}, why: w}}" for task, method in left_out)
    cells = cells_of(f"{FACTS}skip: [{skip}]\n")
    assert [method for task, method in cells if task == "parity"] == ["baseline", "stable", "both"]
    assert not set(left_out) & set(cells)
    assert cells["parity", "stable"].privileges == ("loss",)


def test_what_a_task_does_not_record_is_not_asked_of_its_cells(cells_of):
    """Neither rotated coordinates nor a cadence of its own keep a suite from measuring something on another task."""
    xor = "xor: {dimensions: 4000, width: 64, epsilon: 0.158, rotate: true, epochs: 100, evaluate_every: 50}"
    sums = "sums: {use: modular_transformer, modulus: 11, epochs: 100, evaluate_every: 20}"
    tasks = f"tasks: {{{xor}, {sums}}}\nmetrics: {{restricted_loss: {{every: 20}}}}"
    cells = cells_of(f"suite: s\nseeds: 2\nbaseline: baseline\n{tasks}\nregularizers: {{baseline: {{}}}}\n")
    assert [("restricted_loss" in cell.metrics) for cell in cells.values()] == [False, True]


def test_a_metric_by_the_decade_reaches_its_step(cells_of, registry):
    cell = only(cells_of(PLAIN + "metrics: {weight_norm: {every: {per_decade: 3}}}\n"))
    assert cell.measured["weight_norm"]["every"] == {"per_decade": 3}
    assert cell_step(cell, registry).every == {"weight_norm": {"per_decade": 3}}
    json.dumps(cell.measured)
