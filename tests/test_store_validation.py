"""A manifest or a ledger that was edited is refused with one sentence, before anything is judged by it."""

import json
import os
from dataclasses import replace

import pytest

from grokbench.errors import StoreError, SuiteError
from grokbench.plan import manifest as plan_manifest
from grokbench.records import MOST_REPLICAS, Recipe, Use, identity
from grokbench.store import Store, manifests
from grokbench.store.status import count_replicas
from grokbench.suite import load_suite

from .helpers.result_folders import SEEDS, make
from .helpers.tiny import grokbench

NAN = float("nan")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return make(tmp_path_factory.mktemp("sound") / "runs")


@pytest.fixture
def folder(sound):
    """A folder whose manifest and ledger are put back after the test."""
    kept = {name: (sound / name).read_bytes() for name in ("manifest.json", "ledger.jsonl")}
    yield sound
    for name, content in kept.items():
        (sound / name).unlink(missing_ok=True)
        (sound / name).write_bytes(content)


def edited(folder, edit):
    """Edit the data of the manifest in place."""
    file = folder / "manifest.json"
    data = json.loads(file.read_text())
    edit(data["manifest"])
    file.write_text(json.dumps(data))


def refusal(folder):
    with pytest.raises(StoreError) as refused:
        Store.load(folder)
    message = str(refused.value)
    assert "\n" not in message and message.startswith(f"{folder / 'manifest.json'} cannot be read (")
    assert message.endswith("or choose another folder.") and len(message) < 600
    return message


def put(*path):
    """Set the value, the last of `path`, at the keys before it."""
    *keys, last, value = path

    def edit(data):
        for key in keys:
            data = data[key]
        data[last] = value

    return edit


CELL, RECIPE = ("cells", 1), ("cells", 1, "recipe")
LOSS = {"use": "loss", "parameters": {}, "every": None}
EDITS = {
    "an unknown test": (
        put("statistics", "primary", "luck"),
        "primary must be one of sign_flip, paired_t, wilcoxon, logrank, got 'luck'",
    ),
    "an unknown correction": (
        put("statistics", "correction", "nonsense"),
        "correction must be one of holm, none, got 'nonsense'",
    ),
    "an unknown ranking": (put("statistics", "rank_by", "hope"), "rank_by must be one of first, lasting, got 'hope'"),
    "alpha NaN": (
        put("statistics", "alpha", NAN),
        "alpha, confidence and equivalence must lie strictly between 0 and 1, got nan, 0.95",
    ),
    "alpha below": (put("statistics", "alpha", -0.05), "lie strictly between 0 and 1"),
    "alpha above": (put("statistics", "alpha", 5), "lie strictly between 0 and 1"),
    "alpha of another type": (put("statistics", "alpha", [0.05]), "statistics.alpha: Input should be a valid number"),
    "confidence -1": (put("statistics", "confidence", -1), "lie strictly between 0 and 1"),
    "confidence 0": (put("statistics", "confidence", 0), "lie strictly between 0 and 1"),
    "confidence 2": (put("statistics", "confidence", 2), "lie strictly between 0 and 1"),
    "confidence NaN": (put("statistics", "confidence", "NaN"), "lie strictly between 0 and 1"),
    "equivalence 0": (put("statistics", "equivalence", 0), "lie strictly between 0 and 1"),
    "negative looks": (put("statistics", "interim_looks", [-3, 8]), "interim_looks.0: Input should be greater than"),
    "looks that descend": (
        put("statistics", "interim_looks", [8, 4]),
        "strictly ascending numbers of seeds, got [8, 4]",
    ),
    "a comparison with nobody": (
        put(*CELL, "compare_to", ["nobody"]),
        "names 'nobody', expected a regularizer that is planned or skipped for this task",
    ),
    "looks without end": (put("statistics", "interim_looks", list(range(101))), "at most 100 items"),
    "a negative seed": (put("seeds", [-1, 5]), "seeds.0: Input should be greater than or equal to 0"),
    "a huge seed": (put("seeds", [2**31]), "seeds.0: Input should be less than or equal to 2147483647"),
    "a seed of another type": (put("seeds", ["1000"]), "seeds.0: Input should be a valid integer"),
    "a seed twice": (put("seeds", [1000, 1000]), "a seed or a cell is planned twice"),
    "a declared seed twice": (put("declared_seeds", [1000, 1000]), "a seed is declared twice"),
    "seeds without end": (put("seeds", list(range(100_001))), "seeds: Tuple should have at most 100000 items"),
    "a label twice": (put(*CELL, "regularizer", "baseline"), "a seed or a cell is planned twice"),
    "budget -1": (put(*CELL, "budget", -1), "cells.1.budget: Input should be greater than or equal to 1"),
    "budget true": (put(*CELL, "budget", True), "cells.1.budget: Input should be a valid integer"),
    "a huge budget": (put(*CELL, "budget", 10**400), "cells.1.budget: Input should be less than or equal to"),
    "evaluate_every 0": (put(*CELL, "evaluate_every", 0), "cells.1.evaluate_every: Input should be greater than"),
    "evaluate_every 0.5": (put(*CELL, "evaluate_every", 0.5), "cells.1.evaluate_every: Input should be a valid"),
    "a better that is none": (put(*CELL, "metrics", {"a": "sideways"}), "cells.1.metrics.a: String should match"),
    "a metric without a plugin": (put(*CELL, "measured", {"a": {}}), "the metric a must have a plugin"),
    "a metric of a list": (put(*CELL, "measured", {"a": LOSS | {"use": ["loss"]}}), "the metric a must have"),
    "a metric every 0": (put(*CELL, "measured", {"a": LOSS | {"every": 0}}), "the metric a must have"),
    "a metric every so often": (put(*CELL, "measured", {"a": LOSS | {"every": {"decade": 3}}}), "the metric a must"),
    "metrics in a list": (put(*CELL, "measured", [LOSS]), "cells.1.measured: Input should be an object"),
    "no condition": (put(*RECIPE, "grokked", {"a": "high"}), "'high', expected a condition such as"),
    "a long condition": (put(*RECIPE, "grokked", {"a": "> " + "1" * 99_000}), "expected a condition such as"),
    "a condition on infinity": (put(*RECIPE, "grokked", {"a": "> 1e999"}), "expected a condition such as"),
    "a stop that is none": (put(*RECIPE, "stop", "never"), "or a number of evaluations of at least 1, got 'never'"),
    "a stop of 0": (put(*RECIPE, "stop", 0), "of at least 1, got 0"),
    "a stop that holds for ever": (put(*RECIPE, "stop", {"hold": -1}), "of at least 1, got {'hold': -1}"),
    "a precision that is none": (
        put(*RECIPE, "precision", "float8"),
        "precision must be 'float32' or 'float64', got 'float8'",
    ),
    "a task of another type": (put(*RECIPE, "task", "parity"), "cells.1.recipe.task: Input should be an object"),
    "parameters in a list": (put(*RECIPE, "task", "parameters", [8]), "recipe.task.parameters: Input should be a"),
    "an infinite parameter": (put(*RECIPE, "task", "parameters", {"lr": [NAN]}), "a number is not finite"),
    "an infinite execution": (put("execution", {"threads": float("inf")}), "execution: a number is not finite"),
    "methods of another type": (put(*RECIPE, "regularizers", {}), "cells.1.recipe.regularizers: Input should be a"),
    "an unknown key": (put(*RECIPE, "later", 1), "cells.1.recipe.later: Unexpected keyword argument"),
    "published without a mean": (
        put("published", {"source": "x", "epochs": {"parity": {"a": 0}}}),
        "published means and speed-ups must be positive and finite",
    ),
    "a mark of no kind": (put(*CELL, "marks", [{"kind": "magic"}]), "cells.1.marks.0.kind: Input should be"),
    "a mark that is no number": (put(*CELL, "marks", [{"kind": "rate", "after": NAN}]), "a finite number, and 1 more"),
    "weights before the start": (put(*CELL, "weights", {"epochs": [-5]}), "cells.1.weights.epochs.0: Input should"),
    "no cells": (lambda data: data.pop("cells"), "cells: Field required"),
    "a word for a control character": (put("statistics", "primary", "\x1b]0;x\x07"), "got '\\x1b]0;x\\x07'"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_manifest_is_refused_with_a_sentence(folder, edit):
    change, found = EDITS[edit]
    edited(folder, change)
    assert found in refusal(folder)


@pytest.mark.parametrize("command", ["leaderboard", "status", "compare", "report", "export", "plot"])
def test_every_command_prints_the_sentence_and_writes_nothing(folder, command):
    edited(folder, put("statistics", "alpha", 5))
    before = sorted(folder.rglob("*"))
    others = {"compare": [folder], "plot": ["all"]}.get(command, [])
    done = grokbench(command, folder, *others)
    assert done.status == 2 and done.out == "" and done.err.count("\n") == 1 and "between 0 and 1" in done.err
    assert sorted(folder.rglob("*")) == before


def hashed(**changes):
    """Give the second cell another recipe, and the identity that belongs to the first one."""

    def edit(data):
        for cell in data["cells"]:
            cell["recipe"]["evaluate_every"] = cell["evaluate_every"]
            cell["identity"] = identity(cell["recipe"])
        data["cells"][1]["recipe"].update(changes)

    return edit


@pytest.mark.parametrize(
    "changes",
    [
        {"engine": 7},
        {"precision": "float64"},
        {"evaluate_every": 3},
        {"stop": "budget"},
        {"optimizer": {"lr": 0.5}},
        {"regularizers": [{"use": "faster", "parameters": {"strength": 2.0}, "revision": None}]},
    ],
)
def test_a_recipe_that_does_not_match_its_identity_is_refused(folder, changes):
    edited(folder, hashed(**changes))
    assert "(the cell parity / faster: its recipe was edited" in refusal(folder)


def test_the_sentence_names_the_cell_also_of_one_that_was_withdrawn(folder):
    edited(folder, hashed(engine=7))
    assert "(the cell parity / faster: its recipe was edited: the recipe has the identity " in refusal(folder)

    def withdraw(data):
        data["withdrawn"] = [data["cells"].pop(1)]

    edited(folder, withdraw)
    assert "(the cell parity / faster: its recipe was edited: the recipe has the identity " in refusal(folder)


@pytest.mark.parametrize("edit", [put(*CELL, "optimizer", {"lr": NAN}), put(*RECIPE, "optimizer", {"lr": NAN})])
def test_settings_that_are_not_finite_are_refused(folder, edit):
    edited(folder, hashed())
    edited(folder, edit)
    assert "optimizer: a number is not finite)" in refusal(folder)


def test_an_identity_that_is_no_hash_is_refused(folder, _identities_by_hand, monkeypatch):
    monkeypatch.setattr(manifests, "recipe_fault", _identities_by_hand)
    assert "(the cell parity / baseline: its recipe was edited" in refusal(folder)


def test_a_cadence_or_a_budget_that_contradicts_the_recipe_is_refused(folder):
    edited(folder, hashed())
    Store.load(folder)
    edited(folder, put(*CELL, "evaluate_every", 3))
    assert "(the cell parity / faster: its evaluate_every is 3, but its recipe has 2)" in refusal(folder)
    edited(folder, put(*CELL, "evaluate_every", 2))
    edited(folder, put(*RECIPE, "budget", 100))
    edited(folder, hashed())
    assert "(the cell parity / faster: its budget is 200, but its recipe has 100)" in refusal(folder)


def test_fields_that_a_recipe_lacks_do_not_change_its_identity():
    recipe = Recipe(task=Use("xor", {"lr": 1e-5}), grokked={"a": "> 0.5"})
    stored = json.loads(json.dumps(recipe.data()))
    assert "contract" not in stored and identity(stored) == identity(recipe.data())


def ledger(folder, text):
    (folder / "ledger.jsonl").write_text(text)
    with pytest.raises(StoreError, match="ledger.jsonl.* cannot be read") as refused:
        Store.load(folder).history()
    return str(refused.value)


CELLS = '"cells":[{"task":"parity","regularizer":"faster","identity":"c","budget":0}]'


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"look","seeds":-1}',
        '{"event":"look","seeds":1,"finished":{"a":-1}}',
        '{"event":"look","seeds":1e300}',
        '{"event":"later"}',
        '{"event":"declaration","baseline":"baseline","cells":[],"seeds":[-1]}',
        '{"event":"declaration","baseline":"baseline","cells":[],"seeds":[1],"statistics":{"alpha":2}}',
        f'{{"event":"declaration","baseline":"baseline",{CELLS},"seeds":[1]}}',
        "[" * 100_000,
    ],
)
def test_an_edited_ledger_is_refused(folder, line):
    assert "ledger.jsonl:1 cannot be read" in ledger(folder, f"{line}\n")


def test_a_ledger_without_end_is_refused(folder):
    os.truncate(folder / "ledger.jsonl", 10**10)
    with pytest.raises(StoreError, match="ledger.jsonl cannot be read"):
        Store.load(folder).history()
    assert "more than 100000 lines" in ledger(folder, '{"event":"look","seeds":1}\n' * 100_001)


@pytest.mark.parametrize("name", ["manifest.json", "ledger.jsonl"])
def test_what_is_no_file_is_not_read(folder, name, tmp_path):
    (folder / name).rename(tmp_path / "elsewhere")
    for make_it in (os.mkfifo, os.mkdir, lambda path: os.symlink(tmp_path / "elsewhere", path)):
        make_it(folder / name)
        done = grokbench("leaderboard", folder)
        assert done.status == 2 and "expected a file" in done.err and done.err.count("\n") == 1
        (folder / name).rmdir() if (folder / name).is_dir() else (folder / name).unlink()


def test_a_manifest_without_end_is_refused_before_it_is_read(folder):
    os.truncate(folder / "manifest.json", 5 * 10**9)
    assert "(it has 5000000000 bytes, expected at most 67108864" in refusal(folder)
    many = '{"format":1,"manifest":{"seeds":[' + "7," * 10_000_000 + "7]}}"
    (folder / "manifest.json").write_text(many)
    assert "it holds more than 8388608 values" in refusal(folder)


def test_more_replicas_than_a_folder_may_hold_are_refused(folder):
    edited(folder, lambda data: data.update(seeds=list(range(100_000)), withdrawn=data["cells"]))
    assert f"it plans 600000 replicas, expected at most {MOST_REPLICAS}" in refusal(folder)
    suite = load_suite("smoke")
    with pytest.raises(SuiteError, match=f"expected at most {MOST_REPLICAS} in a folder: plan fewer seeds"):
        plan_manifest(suite, (None,) * 100, tuple(range(10_000)), {})


def test_seeds_that_no_replica_has_cost_next_to_nothing(folder):
    edited(folder, lambda data: data.update(seeds=list(range(1000, 100_000)), declared_seeds=[]))
    assert count_replicas(Store.load(folder))["grokked"] == 2 * len(SEEDS) + 6
    planned = replace(Store.load(folder).manifest, seeds=tuple(range(250_000)))
    others = replace(planned, cells=(planned.cells[0], replace(planned.cells[1], identity="cother")))
    with pytest.raises(StoreError, match="would hold 1000000 replicas, expected at most 500000. Choose another"):
        manifests.merge(planned, others, folder)
