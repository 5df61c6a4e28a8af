"""`grokbench tune`: a search that can be interrupted, what it writes, and what it refuses."""

import json
import math
import os
import shutil
import sys
from functools import partial
from types import SimpleNamespace

import pytest
import yaml

from grokbench import plugins
from grokbench.errors import StoreError
from grokbench.launchers.local import pool
from grokbench.records import Outcome, Run
from grokbench.runner import group_sizes
from grokbench.runner.request import Request
from grokbench.suite import load_suite
from grokbench.suite.yaml_text import write_yaml
from grokbench.tune.folder import check_folder
from grokbench.tune.preparation import prepare
from grokbench.tune.suites import chosen_entries, suite_data

from .helpers import tiny
from .helpers.tiny import grokbench

SUITE = """\
suite: tiny
seeds: 1000-1002
baseline: baseline
tasks:
  parity: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 3, grokked: {test_accuracy: "> 0.6"}}
  other: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 2, weight_decay: 0}
regularizers:
  baseline: {}
  align:
    use: grokalign
    strength: 0.1
    search_space: {strength: {low: 1e-3, high: 1, log: true}, norm: {choices: [squared, frobenius]}}
  both: {use: [orthograd, grokfast_ema], search_space: {grokfast_ema.lamb: {low: 0.5, high: 2}}, compare_to: [align]}
skip: [{task: other, regularizer: both, why: as an example}]
tune: {n_trials: 3}
"""


def made_up(jobs=math.inf):
    """A launcher that trains nothing: a replica's end follows from its cell and seed; interrupted after some jobs."""
    left = jobs

    def launch(stages, workers, limits):
        nonlocal left
        for stage in stages:
            for job in stage.jobs:
                if not left:
                    raise KeyboardInterrupt
                left -= 1
                yield from ((job, end_of(job.cell, seed, workers[0].provenance)) for seed in sorted(job.missing))

    return launch


def end_of(cell, seed, provenance):
    chance = int(cell.identity, 16) + seed
    epochs = 1 + chance % 3
    outcome = Outcome.GROKKED if epochs <= cell.budget else Outcome.CENSORED
    grokked_at, epochs = (epochs, epochs) if outcome is Outcome.GROKKED else (None, cell.budget)
    final = dict.fromkeys(cell.metrics, 0.5)
    return Run(
        cell.identity,
        seed,
        outcome,
        grokked_at,
        None,
        epochs,
        final,
        provenance={**provenance, "measured": cell.measured},
    )


def tune(suite, folder, *options):
    return grokbench("tune", suite, "--out", folder, "--device", "cpu", *options)


def record(folder):
    return json.loads((folder / "tuning.json").read_text())


def without_training(patched, registry, jobs=math.inf):
    """Nothing is trained, plugins are loaded once, and no group is sized."""
    patched.setattr(pool, "launch", made_up(jobs))
    patched.setattr(plugins, "load_registry", lambda files=(): registry)
    patched.setattr(group_sizes, "sizes", lambda plan, cells, workers: {cell.identity: 8 for cell in cells})


@pytest.fixture
def fast(monkeypatch, registry):
    """A function that lets nothing be trained, and interrupts after some jobs."""
    without_training(monkeypatch, registry)
    return partial(without_training, monkeypatch, registry)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, registry):
    """The folder of an undisturbed search, and what it printed."""
    root = tmp_path_factory.mktemp("tuned")
    with pytest.MonkeyPatch.context() as patched:
        without_training(patched, registry)
        done = tune(tiny.write(root, SUITE), root / "out")
    assert done.status == 0, done.err
    return root / "out", done.out


# ---- a search


def test_every_method_has_the_same_trials_and_the_first_is_the_suites_own(tuned):
    found = record(tuned[0])
    searches = {(each["task"], each["method"]): each for each in found["searches"]}
    assert list(searches) == [
        ("parity", "baseline"), ("parity", "align"), ("parity", "both"), ("other", "baseline"), ("other", "align"),
    ]  # fmt: skip
    values = {key: [trial["values"] for trial in each["trials"]] for key, each in searches.items()}
    assert values["parity", "align"][0] == {"lr": 0.01, "weight_decay": 0.1, "strength": 0.1, "norm": "squared"}
    assert values["other", "baseline"][0] == {"lr": 0.01, "weight_decay": 0.0}
    recipes = {key: [(each["lr"], each["weight_decay"]) for each in trials] for key, trials in values.items()}
    assert recipes["parity", "baseline"] == recipes["parity", "align"] == recipes["parity", "both"]
    assert [lr for lr, _ in recipes["other", "align"]] == [lr for lr, _ in recipes["parity", "align"]]
    assert len(set(recipes["parity", "align"])) == 3
    assert {cost["trials_per_task"] for cost in found["compute"]} == {3}
    assert [trial["replicas"] for each in searches.values() for trial in each["trials"]] == [3] * 15
    assert all(each["confirmation"][0]["trial"] == 0 for each in searches.values())


def test_the_choice_is_the_best_on_the_other_seeds(tuned):
    for each in record(tuned[0])["searches"]:
        again = each["confirmation"]
        assert all(one["seeds"] == one["replicas"] == 5 for one in again)
        best = min(again, key=lambda one: (-one["grokked"], one["epochs"], one["trial"]))
        assert each["chosen"] == best["trial"]


def test_the_chosen_suite_is_sound_and_has_the_chosen_settings(tuned):
    folder, _ = tuned
    text = (folder / "chosen.yaml").read_text()
    assert text.startswith("# The suite tiny with settings chosen by grokbench tune, version ")
    assert "Tuned: 3 trials of every method (qmc) on seeds 0-2, the best again on seeds 100-104." in text
    done = grokbench("validate", folder / "chosen.yaml")
    assert done.status == 0 and "5 cells, 3 seeds" in done.out, done.err
    suite = load_suite(str(folder / "chosen.yaml"))
    methods = {method.label: method for method in suite.regularizers}
    assert suite.seeds == (1000, 1001, 1002) and methods["both"].compare_to == ("align",)
    for each in record(folder)["searches"]:
        chosen, method = each["trials"][each["chosen"]], methods[each["method"]]
        settings = method.optimizer_for(each["task"])
        own = {name: value for use in method.uses_for(each["task"]) for name, value in use.parameters.items()}
        if each["chosen"]:
            for name, value in chosen["values"].items():
                assert {**settings, **own}[name.removeprefix("grokfast_ema.")] == value
        else:
            assert settings == {}


def test_the_text_names_the_choice_its_cost_and_its_edges(tuned):
    folder, out = tuned
    assert "default, again" in out and "k=1" in out and "k=2" in out and "trials per task" in out
    edges = [(each, one) for each in record(folder)["searches"] for one in each["edges"]]
    for each, one in edges:
        said = f"{each['method']} on {each['task']}: the best {one['dimension']} lies at the {one['end']} edge"
        assert said in out
    assert str(folder / "chosen.yaml") in out


@pytest.mark.parametrize("sampler", ["qmc", "tpe"])
def test_an_interrupted_search_ends_like_an_undisturbed_one(tuned, tmp_path, fast, sampler):
    text = SUITE.replace("n_trials: 3", "n_trials: 3" if sampler == "qmc" else "n_trials: 6, sampler: tpe")
    suite = tiny.write(tmp_path, text)
    expected = tuned[0]
    if sampler == "tpe":
        assert tune(suite, expected := tmp_path / "undisturbed").status == 0
    for jobs in (4, 24):  # among the trials, and in the second round or among the finalists
        fast(jobs)
        done = tune(suite, tmp_path / "out")
        assert done.status == 130 and "the same command goes on from there" in done.err
        assert not (tmp_path / "out" / "chosen.yaml").exists()
    fast()
    assert tune(suite, tmp_path / "out").status == 0
    for name in ("tuning.json", "chosen.yaml"):
        assert (tmp_path / "out" / name).read_text() == (expected / name).read_text()
    fast(0)
    assert tune(suite, tmp_path / "out").status == 0  # nothing is left to train


def test_more_trials_extend_a_search(tuned, tmp_path, fast):
    folder = shutil.copytree(tuned[0], tmp_path / "out")
    assert tune(tiny.write(tmp_path, SUITE), folder, "--n-trials", "5").status == 0
    before, after = record(tuned[0])["searches"], record(folder)["searches"]
    assert [each["trials"][:3] for each in after] == [each["trials"] for each in before]
    assert {len(each["trials"]) for each in after} == {5}


def test_trials_that_do_not_fit_into_one_suite_make_several(tuned, tmp_path, monkeypatch, fast):
    from grokbench.tune import search

    monkeypatch.setattr(search, "rows_of_a_suite", lambda tuning: 2)
    folder = tmp_path / "out"
    assert tune(tiny.write(tmp_path, SUITE), folder).status == 0
    assert {file.name for file in folder.glob("*.yaml")} == {
        "trials-1.yaml", "trials-2.yaml", "confirmation-1.yaml", "confirmation-2.yaml", "chosen.yaml",
    }  # fmt: skip
    assert [each["trials"] for each in record(folder)["searches"]] == [
        each["trials"] for each in record(tuned[0])["searches"]
    ]


def test_a_dry_run_counts_and_writes_nothing(tmp_path):
    done = tune(tiny.write(tmp_path, SUITE), tmp_path / "out", "--dry-run")
    assert "5 cells x 3 trials (qmc) x 3 seeds (0-2): 45 replicas" in done.out
    assert "5 cells x at most 4 finalists x 5 seeds (100-104): at most 100 replicas" in done.out
    assert not (tmp_path / "out").exists()


def test_weights_are_kept_by_the_chosen_suite_and_by_no_trial(tmp_path):
    text = SUITE.replace("tasks:", "weights: final\ntasks:").replace("epochs: 3,", "epochs: 3, weights: [1],")
    tuning = prepare(Request(str(tiny.write(tmp_path, text))), 2)
    trials = suite_data(tuning, "trials", (0,), {"0": tuning.defaults})
    assert "weights" not in trials and not any("weights" in entry for entry in trials["tasks"].values())
    assert chosen_entries(tuning, tuning.defaults)["weights"] == "final"


def test_the_watch_beyond_the_budget_counts_in_a_dry_run(tmp_path):
    suite = tiny.write(tmp_path, SUITE.replace("epochs: 3,", "epochs: 3, stop: {hold: 2},"))
    done = tune(suite, tmp_path / "out", "--dry-run")
    replicas = 3 * 3 + 4 * 5  # of each cell: trials and finalists
    assert f"At most {(3 * (3 + 2) + 2 * 2) * replicas} epochs" in done.out


def test_a_failed_replica_is_a_miss_and_the_exit_status(tmp_path, here):
    (tmp_path / "methods.py").write_text(tiny.PLUGIN)
    text = tiny.SUITE.replace("orthograd", "raises") + "plugins: [methods.py]\n"
    text += "tune: {n_trials: 2, confirm_seeds: 100-102}\n"
    done = tune(tiny.write(tmp_path, text), tmp_path / "out")
    assert done.status == 1 and "boom in training" in done.err
    assert "raises on parity: 12 replicas failed, and count as seeds that did not grok." in done.out
    assert grokbench("validate", tmp_path / "out" / "chosen.yaml").status == 0  # it finds the plugin from its folder


# ---- refusals


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("n_trials: 3", "n_trials: 3, seeds: 0-3", "holds the trials of another search: seeds differ. Choose"),
        (
            "high: 1,",
            "high: 2,",
            "holds the trials of another search: regularizers differ. Choose another folder (--out)",
        ),
        ("width: 8", "width: 9", "holds the trials of another search: tasks differ"),
    ],
)
def test_another_search_in_the_folder_is_refused(tuned, tmp_path, old, new, said):
    done = tune(tiny.write(tmp_path, SUITE.replace(old, new)), tuned[0])
    assert done.status == 2 and said in done.err


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"{" * 10**5])
def test_what_is_no_record_of_a_search_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "search.json").write_bytes(content)
    done = tune(tiny.write(tmp_path, SUITE), tmp_path, "--dry-run")
    assert done.err == f"Error: {tmp_path}/search.json is no record of a search: choose another folder (--out).\n"


def test_a_pipe_is_no_record_of_a_search(tmp_path):
    os.mkfifo(tmp_path / "search.json")
    tuning = SimpleNamespace(directory=tmp_path)
    with pytest.raises(StoreError, match="is no record of a search"):
        check_folder(tuning)


def test_a_results_folder_is_refused(folder, tmp_path):
    done = tune(tiny.write(tmp_path, SUITE), folder)
    assert done.status == 2 and "is a results folder: choose another folder (--out)" in done.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "{strength: {low",
            "{strenth: {low",
            "search_space.strenth: grokalign has no parameter 'strenth'. Expected one of",
        ),
        ("[squared, frobenius]", "[squared, euclid]", "search_space.norm: expected 'squared' or 'frobenius', got"),
        ("high: 1, log: true", "high: 9, integer: true, log: true", "expected whole numbers, since integer is true"),
        ("ema.lamb: {low", "ema.alpha: {low", "alpha must be at least 0 and below 1, got 2.0"),
    ],
)
def test_a_search_space_that_a_method_cannot_take_is_told_with_its_place(tmp_path, old, new, said):
    done = grokbench("validate", tiny.write(tmp_path, SUITE.replace(old, new)))
    assert done.status == 2 and said in done.err and "tiny.yaml:1" in done.err


def test_a_label_that_cannot_be_numbered_is_refused(tmp_path):
    text = SUITE.replace("  align:", f"  {'a' * 58}:").replace(", compare_to: [align]", "")
    done = tune(tiny.write(tmp_path, text), tmp_path / "out")
    assert done.status == 2 and "expected at most 52 characters to be tuned" in done.err


def test_tpe_without_optuna_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = tune(tiny.write(tmp_path, SUITE.replace("n_trials: 3", "sampler: tpe")), tmp_path / "out")
    assert done.status == 2 and "tpe needs Optuna: pip install 'grokbench[tune]'" in done.err


def test_yaml_is_read_as_it_was_written(tmp_path):
    from grokbench.suite.yaml12 import parse

    texts = ["a", "1e3", "no", "1:30", "> 0.8", "a#3", "", "x: y", "é", "null", "a[b=1]", "0x1", "- a", "y", "a b"]
    data = {"texts": texts, "numbers": [1, 1.0, 1e-05, 12345.678], "none": None, "same": [["a"], ["a"]]}
    assert parse(write_yaml(data), "f").data == data
    assert yaml.safe_load(write_yaml(data)) == data
