"""Another recipe in a suite: settings of the task's optimizer, for a method or for the baseline."""

import math

import pytest
import torch

from grokbench import SGD, AdamW
from grokbench.conformance.short_runs import trained
from grokbench.errors import SuiteError
from grokbench.plan import cell_step
from grokbench.step.recipes import schedule

from .helpers.short_suites import HEAD
from .helpers.small_cells import make_step, small, train_runs

TASKS = "tasks: {parity: {use: sparse_parity, epochs: 8}, xor: {}}\n"


def suite(*methods):
    """A suite of two tasks whose regularizers, beside the baseline, are these."""
    return HEAD + TASKS + "regularizers:\n  baseline: {}\n" + "".join(f"  {method}\n" for method in methods)


def test_settings_are_merged_for_each_task_and_belong_to_the_identity(cells_of):
    other = "{use: baseline, optimizer: {weight_decay: 1, lr: 1e-2}, per_task: {xor: {optimizer: {lr: 0.5}}}}"
    cells = cells_of(suite(f"decay: {other}", "same: {use: baseline, optimizer: {schedule: constant, warmup: 0}}"))
    assert cells["parity", "decay"].recipe.optimizer == {"weight_decay": 1.0, "lr": 0.01}
    assert cells["xor", "decay"].recipe.optimizer == {"weight_decay": 1.0, "lr": 0.5}
    assert cells["parity", "decay"].identity != cells["parity", "baseline"].identity
    assert cells["parity", "same"].identity == cells["parity", "baseline"].identity
    assert "optimizer" not in cells["parity", "baseline"].recipe.data()


def test_grids_of_settings_make_rows_and_a_name_that_occurs_twice_says_whose_it_is(cells_of):
    lists = "{betas: {grid: [[0.9, 0.98], [0.8, 0.9]]}}"
    skip = "skip: [{task: xor, regularizer: a, why: SGD}]\n"
    cells = cells_of(
        suite(
            f"a: {{use: baseline, optimizer: {lists}}}",
            "b: {use: grokfast_ema, lamb: {grid: [1.0]}, optimizer: {lr: {grid: [0.1]}}}",
        )
        .replace("a: {", "a: {")
        .replace("xor: {}", "other: {use: sparse_parity, bits: 30}")
        + skip.replace("xor", "other")
    )
    labels = [label for task, label in cells if task == "parity"]
    assert labels == ["baseline", "a[betas=0.9/0.98]", "a[betas=0.8/0.9]", "b[lamb=1.0,lr=0.1]"]
    assert cells["parity", "a[betas=0.8/0.9]"].recipe.optimizer == {"betas": [0.8, 0.9]}


def test_only_a_schedule_that_ends_with_the_budget_makes_it_part_of_the_recipe(cells_of):
    rows = [f"{name}: {{use: baseline, optimizer: {{{given}}}}}" for name, given in SCHEDULES.items()]
    cells = cells_of(suite(*rows))
    assert [cells["parity", name].recipe.budget for name in SCHEDULES] == [8, None]


SCHEDULES = {"cosine": "schedule: cosine", "warm": "warmup: 2"}


def test_a_step_has_the_settings_before_a_method_changes_them(cells_of, registry):
    cells = cells_of(suite("og: {use: orthograd, project_decay: true, optimizer: {lr: 0.5, weight_decay: 3}}"))
    step = cell_step(cells["parity", "og"], registry)
    assert (step.task.optimizer, step.optimizer) == (AdamW(0.5, 3.0), AdamW(0.5, 0.0))


def test_the_rotation_of_xor_stays_and_its_full_computation_has_the_settings_too(cells_of, registry):
    text = suite("decay: {use: baseline, optimizer: {weight_decay: 1, schedule: cosine}}")
    text = text.replace("xor: {}", "xor: {rotate: true}")
    cell = cells_of(text)["xor", "decay"]
    task = cell_step(cell, registry).task
    assert cell.recipe.task.parameters["rotate"] and task.full.optimizer == task.optimizer == SGD(0.1, 1.0)


def test_training_with_a_setting_is_training_a_task_that_has_it():
    runs = [
        train_runs(task, [], [0, 1], 4, step=make_step(task, settings=given))
        for task, given in (
            (small("sparse_parity"), {"weight_decay": 2.0}),
            (small("sparse_parity", weight_decay=2.0), None),
        )
    ]
    assert [run.curves for run in runs[0]] == [run.curves for run in runs[1]]
    assert runs[0][0].curves != train_runs(small("sparse_parity"), [], [0], 4)[0].curves


def test_a_schedule_follows_its_formula():
    found = [factor({"schedule": "cosine", "warmup": 2}, step) for step in range(12)]
    warm = [(step + 1) / 4 for step in range(4)]
    assert found == pytest.approx([*warm, *(0.5 * (1 + math.cos(math.pi * k / 8)) for k in range(8))])
    assert [factor({"warmup": 2}, step) for step in (0, 3, 11)] == [0.25, 1.0, 1.0]
    assert schedule({"lr": 0.1}) is None


def factor(given, step):
    """The factor of the learning rate in a step of 6 epochs of 2 steps each."""
    from types import SimpleNamespace

    at = SimpleNamespace(step=torch.tensor(step), steps_per_epoch=2, budget=6)
    return float(schedule(given).rate(at))


def test_a_schedule_scales_the_update():
    start, full, half = (
        trained(make_step(small("xor"), settings=settings), [3], epochs, torch.float64).params
        for epochs, settings in ((0, None), (1, None), (1, {"warmup": 2}))
    )
    for name in start:
        torch.testing.assert_close(half[name] - start[name], (full[name] - start[name]) / 2)


FAULTS = [
    ("weight_decy: 1", "5:", "AdamW has no 'weight_decy', expected one of: lr, weight_decay, betas, eps, schedule, "),
    ("weight_decy: 1", "5:", "Did you mean 'weight_decay'?"),
    ("betas: [0.9, 0.98]", "xor", "SGD has no 'betas', expected one of: lr, weight_decay, schedule, warmup"),
    ("lr: fast", "optimizer.lr: ", "expected a number, got the text 'fast'"),
    ("lr: -1", "optimizer.lr: ", "lr must not be negative, got -1.0"),
    ("betas: [0.9, 2]", "optimizer.betas: ", "0.9/2.0, expected at least 0 and less than 1"),
    ("betas: [0.9]", "optimizer.betas: ", "expected one entry more"),
    ("warmup: 8", "optimizer.warmup: ", "a warm-up of 8 epochs, expected fewer than the budget, 8"),
]


@pytest.mark.parametrize(("given", "place", "said"), FAULTS)
def test_a_setting_that_the_task_cannot_take_is_told_with_its_place(cells_of, given, place, said):
    one_task = TASKS if place == "xor" else "tasks: {parity: {use: sparse_parity, epochs: 8}}\n"
    text = suite(f"other: {{use: baseline, optimizer: {{{given}}}}}").replace(TASKS, one_task)
    with pytest.raises(SuiteError) as caught:
        cells_of(text)
    (line,) = str(caught.value).splitlines()
    assert ":7:" in line and "regularizers.other.optimizer." in line and said in line


def test_a_setting_of_one_task_is_told_where_it_stands(cells_of):
    text = suite("other: {use: baseline, per_task: {xor: {optimizer: {betas: [0.9, 0.98]}}}}")
    with pytest.raises(
        SuiteError, match=r":7:\d+: regularizers.other.per_task.xor.optimizer.betas: SGD has no 'betas'"
    ):
        cells_of(text)
