"""A suite becomes cells in its order, with everything resolved, and each cell becomes its step."""

import dataclasses
import json

import pytest

from grokbench.errors import PluginError
from grokbench.plan import cell_step, expand, identity, manifest
from grokbench.records import Skip, Use
from grokbench.suite import load_suite
from grokbench.suite_files import shipped_suites

from .helpers.short_suites import FACTS, GOOD, HEAD, PLAIN, only


def test_cells_come_in_the_order_of_the_suite_with_everything_resolved(cells_of, registry):
    cells = cells_of(
        HEAD + "tasks: {xor: {width: 8}, parity: {use: sparse_parity}}\nregularizers: {baseline: {}, grokalign: {}}\n"
    )
    tasks, methods = ("xor", "parity"), ("baseline", "grokalign")
    assert list(cells) == [(task, method) for task in tasks for method in methods]
    cell = cells["xor", "grokalign"]
    assert cell.recipe.task.name == "xor" and cell.recipe.task.parameters["width"] == 8
    assert cell.recipe.task.parameters["dimensions"] == 40_000
    (method,) = cell.recipe.regularizers
    assert method.parameters == {
        "strength": 0.01, "norm": "squared", "estimator": "projection", "projections": 1,
    }  # fmt: skip
    assert (cell.budget, cell.evaluate_every, cell.privileges) == (1000, 1, ())
    assert cell.recipe.grokked == {"test_accuracy": "> 0.95", "noise_accuracy": "> 0.95"}
    assert set(cell.metrics) == {f"{s}_{m}" for s in ("train", "test", "noise") for m in ("loss", "accuracy")}
    assert cell.metrics["test_loss"] == "lower" and cell.metrics["test_accuracy"] == "higher"
    assert set(cell.origins) == {"tasks.xor", "regularizers.grokalign", "metrics.loss", "metrics.accuracy"}
    assert len(cell.identity) == 16 and cell.identity == identity(cell.recipe.data())
    assert all(origin == registry.get(*name.split(".")).origin for name, origin in cell.origins.items())


def test_per_task_replaces_what_stands_above(cells_of):
    cells = cells_of(
        HEAD
        + "tasks: {parity: {use: sparse_parity}, xor: {}}\n"
        + "regularizers:\n"
        + "  baseline: {}\n"
        + "  grokalign: {strength: 0.1, per_task: {xor: {strength: 1.0, norm: frobenius}}}\n"
    )
    strengths = {task: cells[task, "grokalign"].recipe.regularizers[0].parameters for task in ("parity", "xor")}
    assert (strengths["parity"]["strength"], strengths["parity"]["norm"]) == (0.1, "squared")
    assert (strengths["xor"]["strength"], strengths["xor"]["norm"]) == (1.0, "frobenius")


def test_a_grid_is_one_cell_for_each_value(cells_of):
    grid = "{strength: {grid: [0.1, 0.01]}, norm: {grid: [squared, frobenius]}}"
    cells = cells_of(GOOD.replace("{strength: 0.1}", grid))
    labels = [label for _, label in cells if label != "baseline"]
    assert len(labels) == len(set(labels)) == 4
    assert len({cell.identity for cell in cells.values()}) == 5
    given = [cell.recipe.regularizers[0].parameters for (_, label), cell in cells.items() if label != "baseline"]
    found = {(parameters["strength"], parameters["norm"]) for parameters in given}
    assert found == {(s, n) for s in (0.1, 0.01) for n in ("squared", "frobenius")}


def test_combined_methods_keep_their_order(cells_of, registry):
    text = GOOD.replace("{strength: 0.1}", "{use: [grokfast_ema, grokalign], grokalign: {strength: 0.3}}")
    cell = only(cells_of(text))
    assert [use.name for use in cell.recipe.regularizers] == ["grokfast_ema", "grokalign"]
    assert cell.recipe.regularizers[1].parameters["strength"] == 0.3
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


def test_metrics_that_a_task_cannot_record_are_left_out_of_its_cells(cells_of):
    """Neither rotated coordinates nor a cadence of its own keep a suite from measuring something on another task."""
    xor = "xor: {dimensions: 4000, width: 64, epsilon: 0.158, rotate: true, epochs: 100, evaluate_every: 50}"
    sums = "sums: {use: modular_transformer, modulus: 11, epochs: 100, evaluate_every: 20}"
    tasks = f"tasks: {{{xor}, {sums}}}\nmetrics: {{restricted_loss: {{every: 20}}}}"
    cells = cells_of(f"suite: s\nseeds: 2\nbaseline: baseline\n{tasks}\nregularizers: {{baseline: {{}}}}\n")
    assert [("restricted_loss" in cell.metrics) for cell in cells.values()] == [False, True]


def test_a_method_that_asks_for_facts_is_planned_where_they_are(cells_of):
    left_out = [(task, method) for task in ("xor", "mse") for method in ("stable", "both")]
    skip = ", ".join(f"{{task: {task}, regularizer: {method}, why: w}}" for task, method in left_out)
    cells = cells_of(f"{FACTS}skip: [{skip}]\n")
    assert [method for task, method in cells if task == "parity"] == ["baseline", "stable", "both"]
    assert not set(left_out) & set(cells)
    assert cells["parity", "stable"].privileges == ("loss",)


def test_a_cell_becomes_its_step(cells_of, registry):
    cell = only(cells_of(PLAIN + "metrics: {weight_norm: {every: 5}}\n"))
    step = cell_step(cell, registry)
    assert step.task.optimizer.lr == 0.5
    assert list(step.metrics) == list(cell.metrics) == list(cell.measured)
    assert step.required == {"test_accuracy"} and step.every == {"weight_norm": 5}


def test_a_metric_by_the_decade_reaches_its_step(cells_of, registry):
    cell = only(cells_of(PLAIN + "metrics: {weight_norm: {every: {per_decade: 3}}}\n"))
    assert cell.measured["weight_norm"]["every"] == {"per_decade": 3}
    assert cell_step(cell, registry).every == {"weight_norm": {"per_decade": 3}}
    json.dumps(cell.measured)


def test_a_metric_at_the_trained_weights_reaches_its_step_as_a_criterion_too(cells_of, registry):
    metrics = "metrics: {raw_accuracy: {use: accuracy, split: test, weights: raw}, norm: {use: weight_norm}}\n"
    plain = PLAIN + "metrics: {norm: {use: weight_norm, weights: evaluated}}\n"
    judged = PLAIN.replace("lr: 0.5", 'lr: 0.5, grokked: {raw_accuracy: "> 0.9"}') + metrics
    cell, other = only(cells_of(judged)), only(cells_of(plain))
    step = cell_step(cell, registry)
    assert step.raw == {"raw_accuracy"} == step.required
    assert cell.recipe.judged_by["raw_accuracy"]["weights"] == "raw"
    assert "weights" not in cell.measured["norm"] and other.measured["norm"] == cell.measured["norm"]


def test_a_cell_whose_plugin_is_gone_says_so(cells_of, registry):
    cell = only(cells_of(PLAIN))
    gone = dataclasses.replace(cell, recipe=dataclasses.replace(cell.recipe, task=Use("sparse_party", {})))
    with pytest.raises(PluginError, match="no task 'sparse_party'.*Did you mean 'sparse_parity'"):
        cell_step(gone, registry)


@pytest.mark.parametrize("name", shipped_suites())
def test_the_shipped_suites_expand(registry, name):
    suite = load_suite(name)
    cells = expand(suite, registry, "float32", 1)
    assert len(cells) == len(suite.tasks) * len(suite.regularizers) - len(suite.skip)
    assert len({cell.identity for cell in cells}) == len(cells)
