"""`grokbench evaluate`: kept weights give the values that were recorded, to the bit, or a clear message."""

import csv
import json
import shutil

import pytest

import grokbench
from grokbench import engine
from grokbench.errors import PluginError, StoreError, SuiteError
from grokbench.runner import stored
from grokbench.store import Store

from .helpers import tiny
from .helpers.result_folders import edit
from .helpers.tiny import grokbench as command

PLUGIN = '''\
from grokbench import Regularizer, hookimpl


def averaged() -> Regularizer:
    """Evaluate the mean of the weights now and at the start."""
    return Regularizer(
        init=lambda params: {name: p.clone() for name, p in params.items()},
        eval_params=lambda params, state: {name: (p + state[name]) / 2 for name, p in params.items()},
    )


@hookimpl
def grokbench_regularizers():
    yield averaged
'''
SUITE = """\
suite: tiny
seeds: 1000-1002
baseline: baseline
weights: {epochs: [0], final: true}
plugins: [averaged.py]
tasks:
  parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 4, grokked: {test_accuracy: "> 0.48"}}
  batches: {use: modular_addition, modulus: 7, width: 6, train_fraction: 0.45, batch_size: 8, epochs: 2}
  turned: {use: xor, dimensions: 40, width: 6, samples: 20, test_samples: 16, epsilon: 0.5, rotate: true, epochs: 2}
regularizers:
  baseline: {}
  averaged: {}
metrics:
  norm: {use: weight_norm}
  raw_norm: {use: weight_norm, weights: raw}
  jacobian: {use: jacobian_norm, split: test}
  kernel: {use: ntk_change, split: train}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Results with weights, of full batches and others, rotated, averaged, of groups that shrink; not to be written."""
    root = tmp_path_factory.mktemp("evaluated")
    (root / "averaged.py").write_text(PLUGIN)
    return tiny.trained_here(root, SUITE)


@pytest.fixture
def plugin(kept):
    return kept.parent / "averaged.py"


def test_final_weights_give_the_recorded_values_to_the_bit(kept, plugin):
    store = Store.load(kept)
    stored = [(cell, each) for cell in store.manifest.cells for each in store.runs_of(cell, store.manifest.seeds)]
    assert len({each.epochs for cell, each in stored if cell.task == "parity"}) > 1
    for label in ("train_loss", "test_loss", "test_accuracy", "norm", "raw_norm", "jacobian", "kernel"):
        rows = grokbench.evaluate(kept, label, plugins=plugin)
        assert [row["value"] for row in rows] == [each.final[label] for _, each in stored], label
        assert [(row["seed"], row["epoch"]) for row in rows] == [(each.seed, each.epochs) for _, each in stored]


def test_an_epoch_parameters_and_the_trained_weights_can_be_chosen(kept, plugin):
    chosen = {"tasks": "parity", "regularizers": "averaged", "plugins": [plugin]}
    first, seen, raw = (
        [row["value"] for row in grokbench.evaluate(kept, "norm", **chosen, **more)]
        for more in ({"epoch": 0}, {}, {"raw": True})
    )
    store = Store.load(kept)
    (cell,) = [cell for cell in store.manifest.cells if cell.key == ("parity", "averaged")]
    assert first == [each.curves["norm"].values[0] for each in store.runs_of(cell, store.manifest.seeds, curves=True)]
    assert len(seen) == len(raw) and seen != raw
    assert raw == [each.final["raw_norm"] for each in store.runs_of(cell, store.manifest.seeds)]
    train = grokbench.evaluate(kept, "jacobian", parameters={"split": "train"}, **chosen)
    assert train != grokbench.evaluate(kept, "jacobian", **chosen)


def test_the_command_prints_tables_for_people_and_programs(kept, plugin):
    arguments = ("evaluate", kept, "loss", "--param", "split=test", "--task", "batches", "--plugin", plugin)
    people, rows, data = (command(*arguments, "--format", style) for style in ("table", "csv", "json"))
    assert people.out.splitlines()[0].split() == ["task", "regularizer", "seed", "epoch", "value"]
    found = list(csv.DictReader(rows.out.splitlines()))
    assert [float(row["value"]) for row in found] == [row["value"] for row in json.loads(data.out)["rows"]]
    assert len(found) == 6 and (people.status, people.err) == (0, "")


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"metric": "nrom"}, PluginError, r"no metric 'nrom', expected a label of .*Did you mean 'norm'\?"),
        ({"parameters": {"splt": "test"}}, SuiteError, "splt.*has no parameter 'splt'.*Did you mean 'split'"),
        ({"epoch": 7}, StoreError, r"keeps no weights of epoch 7; it keeps those of epoch 0.*`weights: \[7\]`"),
        ({"epoch": "last"}, SuiteError, "epoch='last': expected 'final', or a number of epochs"),
        ({"tasks": "party"}, SuiteError, "no such task.*Did you mean 'parity'"),
        ({"plugins": ()}, PluginError, "no regularizer 'averaged'"),
        (
            {"metric": "accuracy", "parameters": {"split": "spare"}},
            PluginError,
            "is left out: .*needs a task with spare",
        ),
    ],
)
def test_mistakes_are_explained(kept, plugin, more, error, message):
    with pytest.raises(error, match=message):
        grokbench.evaluate(kept, **{"metric": "jacobian", "plugins": plugin} | more)


@pytest.mark.parametrize(("option", "value"), [("--param", "split"), ("--epoch", "-1")])
def test_options_that_cannot_be_read_are_refused(kept, option, value):
    done = command("evaluate", kept, "norm", option, value)
    assert done.status == 2 and f"{option} {value}: expected" in done.err


def test_a_changed_plugin_is_not_evaluated(kept, plugin, tmp_path):
    other = shutil.copy(plugin, tmp_path / "averaged.py")
    assert other.write_text(PLUGIN.replace("/ 2", "/ 3"))
    with pytest.raises(PluginError, match=r"averaged \(file averaged.py\) has changed since it trained parity"):
        grokbench.evaluate(kept, "norm", plugins=other)


def test_labels_of_a_folder_cannot_control_the_terminal(kept, plugin, tmp_path):
    other = shutil.copytree(kept, tmp_path / "out")
    manifest = other / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"turned"', '"tur\\u001b[31m\\nned"'))
    given = ("--plugin", plugin)
    for arguments in (
        ("evaluate", other, "kernel", "--param", "split=test", *given),
        ("evaluate", other, "norm", "--task", "unknown", *given),
        ("evaluate", other, "nothing", *given),
        ("status", other),
    ):
        done = command(*arguments)
        assert "\x1b" not in done.out + done.err, arguments
        assert arguments[2:3] == ("nothing",) or "tur\\x1b[31m\\nned" in done.out + done.err, arguments


def test_weights_of_another_engine_are_not_evaluated(kept, plugin, monkeypatch):
    monkeypatch.setattr(engine, "REVISION", engine.REVISION + 1)
    with pytest.raises(PluginError, match=r"The engine now has revision \d+, but parity / baseline was trained with"):
        grokbench.evaluate(kept, "norm", plugins=plugin)


def test_weights_of_other_data_are_not_evaluated(kept, plugin, tmp_path, monkeypatch):
    other = shutil.copytree(kept, tmp_path / "out")
    for file in other.glob("runs/*/*.json"):
        edit(file, lambda found: found["run"]["provenance"].update(data={"mnist": "a" * 64}))
    monkeypatch.setattr(stored, "current_digest", lambda name: "a" * 64)
    assert grokbench.evaluate(other, "norm", plugins=plugin, tasks="parity")
    monkeypatch.setattr(stored, "current_digest", lambda name: "b" * 64)
    with pytest.raises(PluginError, match=r"The data of parity / baseline have changed since its training \(mnist\)"):
        grokbench.evaluate(other, "norm", plugins=plugin)


def test_a_metric_that_depends_on_coordinates_is_left_out_where_they_are_rotated(kept, plugin):
    chosen = {"parameters": {"split": "test"}, "regularizers": "baseline", "plugins": plugin}
    with pytest.warns(UserWarning, match="turned / baseline is left out: .*rotated coordinates"):
        rows = grokbench.evaluate(kept, "kernel", **chosen)
    assert {row["task"] for row in rows} == {"parity", "batches"}


def test_a_folder_without_weights_says_how_to_keep_them(trained):
    done = command("evaluate", trained, "weight_norm")
    assert (
        done.status == 2
        and "keeps no weights of the end of training. Write `weights: final` into the suite" in done.err
    )
