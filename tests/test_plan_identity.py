"""What the identity of a cell depends on, and what it does not."""

import dataclasses
import functools
import json
from pathlib import Path

import pytest

from grokbench.engine import REVISION
from grokbench.plan import expand, identity
from grokbench.records import Recipe, Use
from grokbench.store.manifests import manifest_line, read_manifest
from grokbench.suite import load_suite

from .helpers.short_suites import HEAD, PLAIN, only

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


RESULTS = Path(__file__).parents[1] / "results"
FOLDERS = sorted(file.parent for file in RESULTS.rglob("manifest.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_identities_of_stored_results_are_those_of_their_recipes(folder):
    """Their recipes are written again as they are, byte for byte."""
    manifest = read_manifest(folder)
    stored, written = (
        [cell["recipe"] for cell in json.loads(text)["manifest"]["cells"]]
        for text in ((folder / "manifest.json").read_bytes(), manifest_line(manifest))
    )
    assert json.dumps(written) == json.dumps(stored)
    assert all(cell.identity == identity(cell.recipe.data()) for cell in manifest.cells)
    assert all(len(origin.digest) == 16 for cell in manifest.cells for origin in cell.origins.values())


def test_the_folder_of_the_paper_is_among_them():
    assert len(read_manifest(RESULTS / "paper").cells) == 24 and RESULTS / "paper" in FOLDERS


def test_the_paper_suite_plans_the_cells_of_the_stored_results(registry):
    """Parameters that plugins got since then change no identity."""
    planned, stored = expand(load_suite("paper"), registry, "float32", REVISION), read_manifest(RESULTS / "paper").cells
    assert {c.key: (c.identity, c.measured) for c in planned} == {c.key: (c.identity, c.measured) for c in stored}


def test_a_later_parameter_is_part_of_an_identity_only_where_it_is_set(cells_of):
    suite = HEAD + "tasks: {mnist: {MORE}}\nregularizers: {baseline: {}}\n"
    plain, same, other = (
        only(cells_of(suite.replace("MORE", more)), "baseline") for more in ("", "hidden_layers: 3", "hidden_layers: 2")
    )
    assert plain.identity == same.identity != other.identity
    assert other.recipe.task.parameters["hidden_layers"] == 2 and "hidden_layers" not in same.recipe.task.parameters


def test_an_optional_part_is_in_a_recipe_only_where_it_is_given():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Later(Recipe):
        optimizer: dict | None = None

    plain, task = Recipe(task=Use("xor", {}, 1)), Use("xor", {}, 1)
    assert Later(task=task).data() == plain.data() and "optimizer" not in plain.data()
    assert Later(task=task, optimizer={"lr": 0.1}).data() == {**plain.data(), "optimizer": {"lr": 0.1}}


def test_a_recipe_is_plain_data():
    recipe = Recipe(task=Use("xor", {"sizes": (1, 2), "none": None}, 1), regularizers=(Use("baseline", {}, 1),))
    assert (
        recipe.data()
        == json.loads(json.dumps(recipe.data()))
        == {
            "format": 1,
            "precision": "float32",
            "engine": 0,
            "task": {"use": "xor", "parameters": {"sizes": [1, 2], "none": None}, "revision": 1},
            "regularizers": [{"use": "baseline", "parameters": {}, "revision": 1}],
            "evaluate_every": 1,
            "grokked": {},
            "judged_by": {},
            "stop": "grokked",
        }
    )


def test_a_criterion_is_known_by_what_it_measures(cells_of):
    suite = HEAD + "tasks: {xor: {width: 8, grokked: {robust: '> 0.9'}}}\nregularizers: {baseline: {}}\n"
    on = {
        s: only(cells_of(suite + f"metrics: {{robust: {{use: accuracy, split: {s}}}}}\n"), "baseline")
        for s in ("test", "noise")
    }
    assert on["test"].identity != on["noise"].identity


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
    trained = {method: cell.recipe.task.parameters["rotate"] for (_, method), cell in rotated.items()}
    assert trained == {"baseline": True, "placebo": False, "both": False, "turns": True}
    same = {method for task, method in rotated if rotated[task, method].identity == full[task, method].identity}
    assert same == {"placebo", "both"}
