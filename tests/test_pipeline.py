"""The way of the data: a request in, a results folder and a leaderboard out."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokbench.errors import DataError, StoreError, SuiteError
from grokbench.events import Progress
from grokbench.launchers.local import pool
from grokbench.records import Outcome, Run, Timing
from grokbench.runner import devices as devices_module
from grokbench.runner import group_sizes, pipeline
from grokbench.store import Store
from grokbench.store.status import count_replicas

from .helpers import tiny
from .helpers.performed_plans import SEEDS, left, opened, perform, trained

pytestmark = pytest.mark.usefixtures("here")


def labels(cells):
    return [(cell.task, cell.regularizer) for cell in cells]


# ---- what is wanted


def test_everything_by_default(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = plan(out=None)
    assert labels(made.cells) == [("parity", "baseline"), ("parity", "orthograd")]
    assert (made.seeds, made.kind, made.precision) == (SEEDS, "cpu", "float32")
    assert made.directory == Path("runs/tiny")
    assert made.manifest.execution["device"] == "cpu"


def test_a_part_is_run_and_all_is_planned(plan):
    made = plan(tasks=("parity",), regularizers=("orthograd",), num_seeds=2)
    assert labels(made.cells) == [("parity", "orthograd")]
    assert labels(made.manifest.cells) == [("parity", "baseline"), ("parity", "orthograd")]
    assert made.seeds == (1000, 1001)


def test_seeds_of_the_command_line_stand_in_for_those_of_the_suite(plan):
    assert plan(seeds="0-2,7").seeds == (0, 1, 2, 7)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"tasks": ("party",)}, r"--task party: the suite has no such task, expected one of: parity.*parity"),
        ({"regularizers": ("ortho",)}, r"--regularizer ortho: the suite has no such regularizer.*baseline, orthograd"),
        ({"seeds": "0-2", "num_seeds": 2}, r"--seeds and --num-seeds exclude each other"),
        ({"num_seeds": 4}, r"--num-seeds 4: the suite has 3 seeds; name more seeds \(--seeds\)"),
        ({"seeds": "3-1"}, r"--seeds 3-1: the range 3-1 is empty"),
        ({"seeds": "many"}, r"--seeds many: 'many' is neither a seed nor a range"),
        ({"seeds": "1,1"}, r"--seeds 1,1: the seed 1 is repeated"),
        ({"device": "nonsense"}, r"--device nonsense: expected auto, cpu, cuda, or cuda:0,1"),
        ({"device": "cuda:one"}, r"--device cuda:one: expected auto, cpu, cuda, or cuda:0,1"),
        ({"device": "cuda"}, r"--device cuda: torch sees 0 CUDA devices here; use --device cpu"),
        ({"device": "cuda:0"}, r"--device cuda:0: torch sees 0 CUDA devices here"),
    ],
)
def test_a_request_that_cannot_be_run(plan, monkeypatch, request_, said):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SuiteError, match=said):
        plan(**request_)


@pytest.mark.parametrize(
    ("asked", "there", "devices"),
    [
        ("auto", 2, ("cuda:0", "cuda:1", "cuda:0", "cuda:1")),
        ("cuda", 1, ("cuda:0", "cuda:0")),
        ("cuda:1", 2, ("cuda:1",)),
        ("cuda:1,1,01", 2, ("cuda:1",) * 3),
        ("cuda:0,1", 2, ("cuda:0", "cuda:1")),
        ("auto", 0, ("cpu",) * 3),
        ("cpu", 2, ("cpu",) * 3),
    ],
)
def test_workers_are_two_per_cuda_device_or_as_often_as_named_or_one_per_core(monkeypatch, asked, there, devices):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(devices_module, "environment", lambda: {"cores": 3})
    assert devices_module.devices(asked) == devices


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (("cpu",), "the CPU, 1 worker"),
        (("cuda:0", "cuda:1", "cuda:0"), "cuda:0 (2 workers), cuda:1 (1 worker)"),
    ],
)
def test_devices_in_words(workers, words):
    assert devices_module.in_words(workers) == words


# ---- what is left


def test_a_new_folder_has_everything_left_to_do(plan):
    made = plan()
    assert pipeline.existing_store(made) is None
    assert left(made, None) == [("baseline", SEEDS, [*SEEDS]), ("orthograd", SEEDS, [*SEEDS])]


def test_a_second_run_has_nothing_to_do(plan):
    assert len(trained(perform(plan()))) == 6
    assert perform(plan()) == []


def test_only_missing_failed_and_damaged_replicas_are_trained(plan):
    perform(plan())
    made = plan()
    store, (baseline, orthograd) = opened(made), made.cells
    (store.directory / "runs" / baseline.identity / "1001.json").unlink()
    store.save(Run(orthograd.identity, 1000, Outcome.FAILED, None, None, 0, error="Traceback: boom"))
    (store.directory / "runs" / orthograd.identity / "1002.json").write_bytes(b"half a fi")
    assert left(made, store) == [("baseline", SEEDS, [1001]), ("orthograd", SEEDS, [1000, 1002])]
    kept = store.directory / "runs" / baseline.identity / "1000.json"
    before = kept.stat()
    expected = {(baseline.identity, 1001), (orthograd.identity, 1000), (orthograd.identity, 1002)}
    assert set(trained(perform(plan()))) == expected
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert count_replicas(opened(made))["failed"] == 0


def test_more_seeds_later(plan):
    perform(plan(num_seeds=2))
    made = plan()
    assert left(made, pipeline.existing_store(made))[0] == ("baseline", SEEDS, [1002])


def test_a_smaller_request_keeps_the_seeds_that_were_planned(plan):
    perform(plan())
    assert perform(plan(num_seeds=1)) == []
    assert Store.load(plan().directory).manifest.seeds == SEEDS


def test_cells_of_one_recipe_are_trained_once(plan):
    made = plan(tiny.with_methods("orthograd") + "  again: {use: orthograd}\n")
    assert len({cell.identity for cell in made.cells}) == 2
    assert len(trained(perform(made))) == 6
    assert [row.grokked + row.censored for row in pipeline.judge(Store.load(made.directory)).rows] == [3, 3, 3]


def test_two_budgets_of_one_recipe_do_not_overwrite_each_other(plan):
    long = "  long: {use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 6}\n"
    text = tiny.SUITE.replace("tasks:\n", "tasks:\n" + long)
    made = plan(text)
    perform(made)
    assert perform(plan(text)) == []
    stored = Store.load(made.directory).runs_of(made.cells[0], SEEDS)
    assert all(run.epochs == 6 or run.outcome is Outcome.GROKKED for run in stored)


def test_a_lower_budget_needs_no_training(plan):
    """A run that went on for longer says what happened until then, whether it grokked later or not."""
    perform(plan(tiny.SUITE.replace("epochs: 3", "epochs: 9, stop: budget, grokked: {train_loss: '< 0.68'}")))
    made = plan(tiny.SUITE.replace("epochs: 3", "epochs: 1, stop: budget, grokked: {train_loss: '< 0.68'}"))
    store = pipeline.existing_store(made)
    late = [run.grokked_at for cell in made.cells for run in store.runs_of(cell, SEEDS)]
    assert any(epochs and epochs > 1 for epochs in late)
    assert left(made, store) == []


# ---- doing it


def test_results_are_saved_before_they_are_reported(plan):
    made = plan()
    store = opened(made)
    for _, event in pipeline.perform(made, store):
        if isinstance(event, Run):
            assert (store.directory / "runs" / event.identity / f"{event.seed}.json").exists()
        elif isinstance(event, Timing):
            assert (store.directory / "timings" / f"{event.identity}.json").exists()
        else:
            assert isinstance(event, Progress)


def test_a_run_carries_versions_machine_and_precision(plan):
    (run, *_) = [event for event in perform(plan(precision="float64")) if isinstance(event, Run)]
    assert {"torch", "machine", "git", "device", "precision", "engine", "origins"} <= set(run.provenance)
    assert run.provenance["precision"] == "float64"


def test_another_machine_measures_its_own_seconds(plan):
    perform(plan())
    made = plan()
    store = opened(made)
    elsewhere = [replace(each, provenance={**each.provenance, "machine": "another"}) for each in store.timings()]
    for each in elsewhere:
        store.save_timing(each)
    assert {type(event) for event in perform(made)} == {Timing}


def test_missing_data_is_told_before_anything_is_trained(plan, tmp_path, monkeypatch):
    def download(*_, **__):
        raise RuntimeError("no network")

    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "empty"))
    monkeypatch.setattr("torchvision.datasets.MNIST", download)
    monkeypatch.setattr(pool, "launch", lambda *_: pytest.fail("a worker was started"))
    text = tiny.SUITE.replace(
        "regularizers:", "  digits: {use: mnist, samples: 20, width: 8, epochs: 1}\nregularizers:"
    )
    with pytest.raises(DataError, match=r"(?s)MNIST is not complete.*train-images-idx3-ubyte.*t10k-labels-idx1-ubyte"):
        perform(plan(text))


def test_missing_data_of_a_metric_are_an_error_before_training(plan, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    images, labels = np.zeros((20, 32, 32, 3), np.uint8), np.zeros(20, np.uint8)
    np.savez(tmp_path / "data" / "cifar10.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(pool, "launch", lambda *_: pytest.fail("a worker was started"))
    photos = "  photos: {use: cifar10, samples: 20, test_samples: 20, width: 1, epochs: 1}\nregularizers:"
    text = tiny.SUITE.replace("regularizers:", photos) + "metrics:\n  cifar10c_accuracy: {corruption: fog}\n"
    text += "unverified_data: [cifar10]\n"
    with pytest.raises(DataError, match=r"CIFAR-10-C is not complete in .*: labels.npy and 1 more are missing"):
        perform(plan(text))


# ---- folders


@pytest.mark.parametrize(
    ("text", "request_", "said"),
    [
        (tiny.SUITE, {"precision": "float64"}, r"precision was 'float32' and is now 'float64'.*--out"),
        (tiny.SUITE.replace("suite: tiny", "suite: other"), {}, r"suite was 'tiny' and is now 'other'.*--out"),
        (tiny.SUITE.replace("bits: 8", "bits: 9"), {}, r"no cell in common.*--out"),
    ],
)
def test_a_folder_of_something_else_is_refused(plan, text, request_, said):
    perform(plan())
    made = plan(text, **request_)
    for use in (pipeline.existing_store, opened):
        with pytest.raises(StoreError, match=said):
            use(made)


def test_the_leaderboard_has_a_row_per_cell(plan):
    made = plan()
    perform(made)
    board = pipeline.judge(Store.load(made.directory))
    assert labels(board.rows) == labels(made.cells)
    assert all(row.seconds_per_epoch > 0 for row in board.rows)
    assert json.dumps(dict(board.environment)) and os.fspath(made.directory) not in str(board.environment)


# ---- the size of groups


def test_a_group_size_that_is_asked_for_cuts_the_seeds_and_marks_the_folder(plan):
    pipeline_of = {size: plan(tiny.SUITE.replace("1000-1002", "1000-1008"), group_size=size) for size in (2, 3, None)}
    cuts = {size: [len(job.seeds) for job in pipeline.jobs(each, None)][:4] for size, each in pipeline_of.items()}
    assert cuts == {2: [2, 2, 2, 3], 3: [3, 3, 3, 3], None: [9, 9]}
    assert pipeline_of[3].manifest.execution["group_size"] == 3
    assert "group_size" not in pipeline_of[None].manifest.execution


def test_a_folder_of_another_group_size_is_refused(plan):
    perform(plan())
    with pytest.raises(StoreError, match="group_size was None and is now 2"):
        perform(plan(group_size=2))


def test_data_are_fetched_before_anything_is_tried(plan, monkeypatch):
    made, told = plan(), []
    monkeypatch.setattr(pipeline, "fetch_data", lambda plan, cells: told.append(sorted({c.task for c in cells})))
    sizes = group_sizes.sizes
    monkeypatch.setattr(group_sizes, "sizes", lambda *given: told.append("tried") or sizes(*given))
    with pipeline.open_store(made) as store:
        list(pipeline.perform(made, store))
        list(pipeline.perform(made, store))
    before = [["parity"], ["parity"], "tried"]  # by `open_store`, as the folder is new, then by `perform`
    assert told[:3] == before and told.index([]) > 3  # the second time nothing is left


# ---- profiles


def test_profiles_are_of_one_group_of_every_wanted_cell_and_nothing_is_stored(plan, monkeypatch, tmp_path):
    from grokbench.engine import profiling

    monkeypatch.setattr(profiling, "LEAST_SECONDS", 0.0)
    told = [event for _, event in pipeline.profiles(plan(regularizers=("orthograd",)))]
    assert [(profile.cell.regularizer, profile.replicas) for profile in told] == [("orthograd", 3)]
    assert not (tmp_path / "out").exists()
