"""Another recipe in a suite: settings of the task's optimizer, for a method or for the baseline."""

import math
import re
from dataclasses import replace

import pytest
import torch

from grokbench import SGD, AdamW
from grokbench.conformance.short_runs import trained
from grokbench.errors import SuiteError
from grokbench.judging.comparison import compare
from grokbench.judging.effects import effect
from grokbench.judging.marks import mark_text
from grokbench.judging.note import Kind
from grokbench.judging.ranking import rank
from grokbench.plan import cell_step, manifest
from grokbench.plan.marks import marks
from grokbench.records import Curve
from grokbench.regularizer import Regularizer
from grokbench.report.methods import paragraphs
from grokbench.report.text import render
from grokbench.stats import holm
from grokbench.step.recipes import schedule
from grokbench.store import Store
from grokbench.suite import load_suite

from .helpers import noted_folders
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
    ("betas: [0.9, 0.98]", "xor", "SGD has no 'betas', expected one of: lr, weight_decay, momentum, schedule, warmup"),
    ("lr: fast", "optimizer.lr: ", "expected a number, got the text 'fast'"),
    ("lr: -1", "optimizer.lr: ", "lr must not be negative, got -1.0"),
    ("betas: [0.9, 2]", "optimizer.betas: ", "0.9/2.0, expected at least 0 and less than 1"),
    ("betas: [0.9]", "optimizer.betas: ", "expected one more entry"),
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


def test_the_marks_of_shipped_methods(cells_of):
    decay = "{use: baseline, optimizer: {weight_decay: 1, betas: [0.9, 0.98], schedule: cosine, warmup: 2}}"
    rows = (f"decay: {decay}", "stablemax: {}", "orthograd: {}", "free: {use: orthograd, project_decay: true}")
    cells = cells_of(suite(*rows).replace(", xor: {}", ""))
    texts = {label: [mark_text(mark) for mark in cell.marks] for (_, label), cell in cells.items()}
    changes = ["weight_decay 0.1 -> 1", "betas 0.9/0.999 -> 0.9/0.98", "cosine schedule", "warm-up of 2 epochs"]
    assert texts == {
        "baseline": [],
        "decay": changes,
        "stablemax": ["own loss"],
        "orthograd": [],
        "free": ["weight_decay 0.1 -> 0"],
    }


def averages(params, state):
    """The parameters as they are."""
    del state
    return params


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ({"optimizer": lambda optimizer: SGD(optimizer.lr)}, ["optimizer AdamW -> SGD", "weight_decay 0.1 -> 0"]),
        ({"optimizer": lambda optimizer: 1 / 0}, []),
        ({"rate": lambda at: 1.0}, ["own schedule of the learning rate"]),
        ({"eval_params": averages, "reserve": 0.01}, ["averaged weights are evaluated", "1% of the training set kept"]),
        ({"hidden_always": lambda h, site: h, "mapped": False}, ["own architecture", "one replica at a time"]),
    ],
)
def test_the_marks_of_phases(phases, said):
    found = [mark_text(mark) for mark in marks(small("sparse_parity"), [Regularizer(**phases)], {})]
    assert len(found) == len(said) and all(text.startswith(start) for text, start in zip(found, said, strict=True))


@pytest.mark.parametrize(
    ("roles", "said"),
    [(("input",), "input matrices"), (("bias",), "biases"), (("input", "hidden", "readout", "bias"), "all parameters")],
)
def test_an_own_optimizer_is_marked_with_the_parameters_it_is_for(roles, said):
    def claims(names, shapes):
        return [name for name, role in names.items() if role in roles]

    method = Regularizer(claims=claims, update=lambda params, grads, state, at: (params, state))
    (mark,) = marks(small("sparse_parity"), [method], {})
    assert mark_text(mark) == f"own optimizer for {said}"


def test_rows_are_compared_with_other_rows_within_the_declared_family(registry, tmp_path, cells_of):
    text = suite(
        "d: {use: baseline, optimizer: {lr: {grid: [0.1, 0.2]}}}",
        "o: {use: orthograd, optimizer: {lr: {grid: [0.1, 0.2]}}, compare_to: [d]}",
        "g: {use: grokfast_ema, compare_to: [d, 'o[lr=0.1]']}",
    )
    text += "skip: [{task: xor, regularizer: 'd[lr=0.2]', why: w}, {task: parity, regularizer: g, why: w}]\n"
    cells = cells_of(text)
    compared = {(task, label): cell.compare_to for (task, label), cell in cells.items() if cell.compare_to}
    assert compared == {
        ("parity", "o[lr=0.1]"): ("d[lr=0.1]",),
        ("parity", "o[lr=0.2]"): ("d[lr=0.2]",),
        ("xor", "o[lr=0.1]"): ("d[lr=0.1]",),
        ("xor", "g"): ("d[lr=0.1]", "o[lr=0.1]"),
    }
    (tmp_path / "family.yaml").write_text(text, encoding="utf-8")
    loaded = load_suite(str(tmp_path / "family.yaml"))
    assert loaded.comparisons == manifest(loaded, tuple(cells.values()), (0, 1), {}).comparisons == 8 + 5


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """A folder in which `decayed` is compared with other rows, and `idle` has the curves of the baseline."""
    return Store.load(noted_folders.make(tmp_path_factory.mktemp("recipes") / "noted"))


def test_a_comparison_with_another_row_is_that_with_a_baseline(noted):
    found = compare(noted.manifest, noted.runs())
    cells = {each.measured.cell.key: each for each in found.cells}
    decayed, faster = cells["parity", "decayed"], cells["parity", "faster"]
    assert decayed.others[0].effect == effect(faster.measured, decayed.measured)
    row = next(row for row in rank(found).rows if row.regularizer == "decayed")
    first, incomplete, absent = row.comparisons
    assert first.speedup == decayed.others[0].effect.speedup and first.as_dict()["with"] == "faster"
    tested = [each.effect for each in found.cells if not each.is_baseline] + [decayed.others[0].effect, None, None]
    assert first.p_holm == holm([each.p["sign_flip"] if each else None for each in tested])[-3]
    assert incomplete.speedup is None and "incomplete is incomplete, run its missing" in incomplete.note.text
    assert absent.note.text == "against sam: no comparison: the suite plans no sam for task parity"


def test_marks_and_comparisons_are_shown(noted):
    text = " ".join(render(rank(compare(noted.manifest, noted.runs())), "table").split())
    assert "decayed (weight_decay 0.1 -> 1, own optimizer for hidden matrices)" in text
    assert re.search(r"decayed faster [\d.]+x", text) and re.search(r"decayed \* 4/4", text)
    assert "*: another recipe than the task's own" in text


def test_the_methods_text_has_recipes_and_comparisons(noted):
    text = " ".join(paragraphs(compare(noted.manifest, noted.runs())))
    assert "differ from the task's own: decayed: weight_decay 0.1 -> 1, own optimizer for hidden matrices." in text
    assert "Compared in the same way: decayed with faster, incomplete and sam." in text


def test_only_a_method_whose_curves_are_the_baselines_is_noted_as_doing_nothing(noted):
    def idle(curves):
        rows = rank(compare(noted.manifest, noted.runs(), (), curves)).rows
        return [row.regularizer for row in rows if any(note.kind is Kind.IDENTICAL for note in row.notes)]

    read = []

    def counted(cell, seed):
        read.append((cell.regularizer, seed))
        return noted.run_of(cell, seed)

    def changed(cell, seed):
        run = noted.run_of(cell, seed)
        other = Curve(run.curves["test_accuracy"].epochs, (0.5, 0.8)) if run.curves else None
        return replace(run, curves={"test_accuracy": other}) if (cell.regularizer, seed) == ("idle", 1003) else run

    assert (idle(counted), idle(changed), idle(None)) == (["idle"], [], [])
    assert {label for label, _ in read} == {"baseline", "idle", "never"}
    assert [seed for label, seed in read if label == "never"] == [1000]


def test_a_method_equals_the_baseline_on_every_planned_seed_and_recorded_evaluation_only(noted):
    def notes(runs):
        rows = rank(compare(noted.manifest, runs, (), noted.run_of)).rows
        return [note.text for row in rows for note in row.notes if note.kind is Kind.IDENTICAL]

    runs = list(noted.runs())
    idle = next(cell.identity for cell in noted.manifest.cells if cell.regularizer == "idle")
    assert notes([run for run in runs if (run.identity, run.seed) != (idle, 1003)]) == []
    (text,) = notes(runs)
    assert text.startswith("equals the baseline at every evaluation of every seed")
    (text,) = notes([replace(run, provenance={**run.provenance, "curves": "thinned"}) for run in runs])
    assert text.startswith("equals the baseline at every recorded evaluation of every seed")


def test_settings_that_change_nothing_are_noted_beside_the_same_method(noted):
    faster = next(cell for cell in noted.manifest.cells if cell.key == ("parity", "faster"))
    recipe = replace(faster.recipe, optimizer={"lr": 1.0})
    retuned = replace(faster, regularizer="retuned", identity="cretuned", recipe=recipe, optimizer={"lr": 1.0})
    again = replace(retuned, regularizer="again", identity="cagain")
    manifest = replace(noted.manifest, cells=(*noted.manifest.cells, retuned, again))
    curve = {"test_accuracy": Curve((0, 50), (0.5, 0.9))}
    runs = [replace(run, curves=curve) if run.identity == faster.identity else run for run in noted.runs()]
    twins = [
        replace(run, identity=name)
        for name in ("cagain", "cretuned")
        for run in runs
        if run.identity == faster.identity
    ]

    def texts(runs):
        rows = {row.regularizer: row for row in rank(compare(manifest, runs)).rows if row.task == "parity"}
        return [note.text for note in rows["retuned"].notes if note.kind is Kind.IDENTICAL]

    said = "equals faster at every evaluation of every seed: its settings of the optimizer change nothing"
    assert texts([*runs, *twins]) == [said]
    moved = {"test_accuracy": Curve((0, 50), (0.5, 0.8))}
    assert texts([*runs, *twins[:-1], replace(twins[-1], curves=moved)]) == []
    apart = [replace(run, curves=moved) if run.identity == faster.identity else run for run in runs]
    assert texts([*apart, *twins]) == []  # equal settings under two labels are no discovery
