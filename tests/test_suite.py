"""Suites: what a good one means, and what is said about each of many wrong ones."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.errors import SuiteError
from grokbench.records import Skip, Spread, Statistics
from grokbench.seeds import format_seeds, parse_seeds
from grokbench.suite import Suite, Use, load_suite
from grokbench.suite.schema import RESERVED, json_schema

from .helpers.wrong_suites import GOOD, SHIPPED, WRONG


def load(folder: Path, text: str) -> Suite:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return load_suite(str(folder / "s.yaml"))


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        load(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(("old", "new", "place", "phrase"), WRONG)
def test_a_wrong_suite_is_told_at_its_place(tmp_path, old, new, place, phrase):
    assert old in GOOD
    said = complaint(tmp_path, GOOD.replace(old, new, 1) if old else GOOD + new)
    lines = [line for line in said.splitlines() if phrase in line]
    assert lines, said
    assert lines[0].startswith(f"s.yaml:{place}: "), said


def test_one_mistake_makes_one_line(tmp_path):
    for old, new in {(old, new) for old, new, _, _ in WRONG}:
        said = complaint(tmp_path, GOOD.replace(old, new, 1) if old else GOOD + new)
        assert len(said.splitlines()) == 1, said


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "s.yaml:1:1: the file is empty, expected a suite"),
        ("- a\n- b\n", "s.yaml:1:1: the list ['a', 'b'], expected a mapping (lines 'key: value')"),
        ("just text", "s.yaml:1:1: the text 'just text', expected a mapping"),
        ("~", "s.yaml:1:1: nothing, expected a mapping"),
    ],
)
def test_a_file_that_is_no_suite_at_all(tmp_path, text, phrase):
    assert complaint(tmp_path, text).startswith(phrase)


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path):
    text = GOOD.replace("seeds: 4", "seeds: [1, 1]").replace("100", ".inf").replace("baseline: b", "baseline: c")
    said = complaint(tmp_path, text + "skip: [{task: xr, regularizer: grokalign, why: w}]\nmetrics: 3\nplugin: []\n")
    assert [int(line.split(":")[1]) for line in said.splitlines()] == [2, 3, 4, 6, 7, 8]


def test_a_good_suite_in_full(tmp_path):
    (tmp_path / "mine.py").touch()
    suite = load(
        tmp_path,
        """
suite: s
description: All of it.
seeds: 1000-1002
baseline: baseline
tasks:
  xor:
  mnist_ce: {use: mnist, loss: mse, epochs: 60, evaluate_every: 4, stop: {sustained: 5}, grokked: {test_accuracy: "> 0.80"}}
regularizers:
  baseline: {}
  grokalign: {strength: 0.01, per_task: {xor: {strength: 1.0, norm: frobenius}}}
metrics:
  alignment: {use: centroid_alignment, split: train, every: 10}
  norm: {use: weight_norm, every: {per_decade: 3}}
  loss: {}
statistics: {correction: none, alpha: 0.01}
published:
  source: Table 1
  epochs: {xor: {baseline: {mean: 154, std: 10, seeds: 25}, grokalign: 101.5}}
  seconds: {xor: {baseline: {mean: 43.95, seeds: 3}}}
  metrics: {test_accuracy: {xor: {grokalign: 0.9}}}
plugins: [mine.py]
""",  # noqa: E501
    )
    xor, mnist = suite.tasks
    assert (suite.name, suite.seeds, suite.baseline) == ("s", (1000, 1001, 1002), "baseline")
    assert xor.use == Use("xor", {}) and (xor.epochs, xor.evaluate_every, xor.stop, xor.grokked) == (None,) * 4
    assert mnist.use == Use("mnist", {"loss": "mse"}) and mnist.grokked == {"test_accuracy": "> 0.80"}
    assert (mnist.epochs, mnist.evaluate_every, mnist.stop) == (60, 4, 5)
    grokalign = suite.regularizers[1]
    assert grokalign.uses_for("mnist_ce") == (Use("grokalign", {"strength": 0.01}),)
    assert grokalign.uses_for("xor") == (Use("grokalign", {"strength": 1.0, "norm": "frobenius"}),)
    assert suite.metrics[0].use == Use("centroid_alignment", {"split": "train"}) and suite.metrics[0].every == 10
    assert [(entry.use, entry.every) for entry in suite.metrics[1:]] == [
        (Use("weight_norm", {}), {"per_decade": 3}),
        (Use("loss", {}), None),
    ]
    assert suite.statistics == Statistics(correction="none", alpha=0.01)
    assert suite.published is not None and suite.published.epochs == {"xor": {"baseline": 154, "grokalign": 101.5}}
    assert suite.published.seconds == {"xor": {"baseline": 43.95}}
    assert suite.published.spreads == {
        "epochs": {"xor": {"baseline": Spread(10, 25)}},
        "seconds": {"xor": {"baseline": Spread(None, 3)}},
    }
    assert suite.published.metrics == {"test_accuracy": {"xor": {"grokalign": 0.9}}}
    assert suite.plugins == (str(tmp_path / "mine.py"),)
    assert suite.where(("tasks", "mnist_ce", "loss")) == f"{tmp_path}/s.yaml:8:26"
    assert suite.where(("regularizers", "grokalign", "no", "where")) == f"{tmp_path}/s.yaml:11:3"


def test_a_skip_of_lists_leaves_out_every_pair(tmp_path):
    text = GOOD.replace("regularizers: {", "regularizers: {placebo: {}, ")
    suite = load(tmp_path, text + "skip: [{task: [parity, xor], regularizer: [placebo, grokalign], why: w}]\n")
    pairs = [(task, method) for task in ("parity", "xor") for method in ("placebo", "grokalign")]
    assert suite.skip == tuple(Skip(*pair, "w") for pair in pairs)
    twice = "skip: [{task: [parity], regularizer: placebo, why: w}, {task: parity, regularizer: placebo, why: w}]\n"
    assert "skip[1]: parity / placebo is skipped already" in complaint(tmp_path, text + twice)


def test_grids_expand_and_their_labels_can_be_pointed_at(tmp_path):
    text = GOOD.replace("strength: 0.1", "strength: {grid: [0.1, 1e-3]}, exact: {grid: [true, false]}")
    text = text.replace("xor: {}", "xor: {width: {grid: [8, 16]}}")
    suite = load(
        tmp_path,
        text + "skip: [{task: 'xor[width=8]', regularizer: grokalign, why: slow}]\n"
        "published: {source: a, epochs: {xor: {'grokalign[strength=0.1,exact=true]': 3}}}\n",
    )
    assert [task.label for task in suite.tasks] == ["xor[width=8]", "xor[width=16]", "parity"]
    labels = [f"grokalign[strength={s},exact={e}]" for s in ("0.1", "0.001") for e in ("true", "false")]
    assert [entry.label for entry in suite.regularizers] == ["baseline", *labels]
    assert suite.regularizers[2].uses == (Use("grokalign", {"strength": 0.1, "exact": False}),)
    assert suite.regularizers[2].path == ("regularizers", "grokalign")
    assert suite.skip == tuple(Skip("xor[width=8]", label, "slow") for label in labels)
    assert suite.published is not None
    assert suite.published.epochs == {f"xor[width={n}]": {labels[0]: 3} for n in (8, 16)}


def test_a_grid_cannot_be_the_baseline(tmp_path):
    said = complaint(tmp_path, GOOD.replace("baseline: {}", "baseline: {a: {grid: [1]}}"))
    assert "the unknown label 'baseline', expected one of the regularizers baseline[a=1], grokalign" in said


def test_per_task_of_a_grid_of_tasks(tmp_path):
    text = GOOD.replace("xor: {}", "xor: {width: {grid: [8, 16]}}")
    suite = load(tmp_path, text.replace("0.1", "0.1, per_task: {xor: {a: 1}, 'xor[width=8]': {a: 2}}"))
    grokalign = suite.regularizers[1]
    assert [grokalign.uses_for(task.label)[0].parameters.get("a") for task in suite.tasks] == [2, 1, None]


def test_combined_methods(tmp_path):
    both = "use: [aa, bb], aa: {s: {grid: [1, 2]}}, per_task: {xor: {bb: {t: 3}}}"
    one = "one: {use: [aa], aa: {s: 1}, per_task: {xor: {aa: {s: 2}}}}"
    suite = load(tmp_path, GOOD.replace("strength: 0.1}", f"{both}}}, {one}"))
    _, first, _, single = suite.regularizers
    assert first.label == "grokalign[aa.s=1]"
    assert first.uses_for("parity") == (Use("aa", {"s": 1}), Use("bb", {}))
    assert first.uses_for("xor") == (Use("aa", {"s": 1}), Use("bb", {"t": 3}))
    assert single.uses_for("xor") == (Use("aa", {"s": 2}),)


@pytest.mark.parametrize(
    ("text", "seeds"), [("1000-1002", (1000, 1001, 1002)), ("0-2, 7", (0, 1, 2, 7)), ("5", (5,)), ("3 - 3", (3,))]
)
def test_seeds_of_a_text(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "-1", "1,", "a", "2-1", "1-1,1", "0-10000", "0-9999,10000", "1\u00b2", "9" * 99])
def test_texts_that_name_no_seeds(text):
    with pytest.raises(SuiteError, match="expected"):
        parse_seeds(text)


def test_seeds_as_a_list_keep_their_order(tmp_path):
    assert load(tmp_path, GOOD.replace("seeds: 4", "seeds: [7, 0, 3]")).seeds == (7, 0, 3)
    assert load(tmp_path, GOOD).seeds == (0, 1, 2, 3)


def test_a_leading_zero_is_decimal_as_in_yaml_1_2(tmp_path):
    assert load(tmp_path, GOOD.replace("epochs: 100", "epochs: 010")).tasks[1].epochs == 10


def test_a_schema_for_editors_names_every_key():
    schema = json_schema()
    assert {"suite", "seeds", "baseline", "tasks", "regularizers"} == set(schema["required"])
    assert "evaluate_every" in json.dumps(schema)
    assert {"use", "per_task", "grid", "epochs", "stop", "grokked"} <= RESERVED


def test_authors_find_every_reserved_word():
    page = (Path(__file__).parents[1] / "docs" / "phases.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(\w+)`", page.partition("## Names of parameters")[2])) == RESERVED


def properties(schema):
    """Every property of a JSON schema, at any depth, with its name."""
    nested = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
    for each in nested:
        yield from properties(each)


def test_a_schema_for_editors_describes_every_key():
    found = list(properties(json_schema()))
    assert {"suite", "evaluate_every", "per_task", "why", "alpha"} <= {name for name, _ in found}
    assert not [name for name, each in found if not each.get("description")]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_change_of_a_suite_breaks_the_checks(tmp_path_factory, data):
    text = SHIPPED["paper"].read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 40)))
    middle = data.draw(st.sampled_from(["", "grid: ", "[", "{grid: [1]}", "~", ".nan", "\n", "use: [a, b]", "1", ": "]))
    try:
        load(tmp_path_factory.getbasetemp(), text[:start] + middle + text[stop:])
    except SuiteError as error:
        assert "s.yaml:" in str(error)


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=40))
def test_seeds_are_written_as_they_are_read(seeds):
    assert parse_seeds(format_seeds(tuple(seeds))) == tuple(sorted(seeds))
