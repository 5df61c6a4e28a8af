"""Suites: what a good one means, and what is said about each of many wrong ones."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench import suite_files
from grokbench.errors import SuiteError
from grokbench.records import Skip, Statistics
from grokbench.seeds import parse_seeds, written
from grokbench.suite import Suite, Use, load_suite
from grokbench.suite.schema import RESERVED, json_schema

GOOD = """\
suite: s
seeds: 4
baseline: baseline
tasks: {xor: {}, parity: {use: sparse_parity, epochs: 100}}
regularizers: {baseline: {}, grokalign: {strength: 0.1}}
"""
SHIPPED = {file.stem: file for file in sorted((Path(__file__).parent.parent / "suites").glob("*.yaml"))}


def load(folder: Path, text: str) -> Suite:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return load_suite(str(folder / "s.yaml"))


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(SuiteError) as caught:
        load(folder, text)
    return str(caught.value).replace(f"{folder}/", "")


# Each row replaces the first text by the second in GOOD (or adds the second at its end, from line 6), and gives the
# place and a phrase of the only complaint.
WRONG = [
    # keys of the suite
    ("suite: s", "suit: s", "1:1", "suit: an unknown key, expected one of suite, description"),
    ("suite: s", "suit: s", "1:1", "did you mean 'suite'?"),
    ("suite: s", "suite: 3", "1:8", "suite: the number 3, expected text"),
    ("suite: s", "suite: a/b", "1:8", "expected letters, digits, '.', '_' and '-' only: it names a folder"),
    ("suite: s", "suite: ''", "1:8", "suite: the text '', expected letters"),
    ("suite: s", "suite:", "1:7", "suite: nothing, expected text"),
    ("suite: s", f"suite: {'x' * 61}", "1:8", "expected at most 60 characters"),
    ("", "description: [a]", "6:14", "description: a list, expected text"),
    ("", "t\N{CYRILLIC SMALL LETTER A}sks: {}", "6:1", "CYRILLIC SMALL LETTER A"),
    ("seeds: 4\n", "", "1:1", "seeds: is missing, expected a range such as 1000-1024, a list or a count"),
    ("baseline: baseline\n", "", "1:1", "baseline: is missing, expected the label of the regularizer"),
    ("suite: s\n", "", "1:1", "suite: is missing, expected the name of the suite"),
    # seeds
    ("seeds: 4", "seeds: 0", "2:8", "seeds: 0 seeds, expected between 1 and 10000"),
    ("seeds: 4", "seeds: -3", "2:8", "seeds: -3 seeds, expected between 1 and 10000"),
    ("seeds: 4", "seeds: 10001", "2:8", "seeds: 10001 seeds"),
    ("seeds: 4", "seeds: 4.0", "2:8", "seeds: the number 4.0, expected a range such as 1000-1024, a list or a count"),
    ("seeds: 4", "seeds: true", "2:8", "seeds: true, expected a range"),
    ("seeds: 4", "seeds: []", "2:8", "seeds: no seeds, expected a range"),
    ("seeds: 4", "seeds: {a: 1}", "2:8", "seeds: a mapping, expected a range"),
    ("seeds: 4", "seeds: [3, 1, 3]", "2:15", "seeds[2]: the seed 3 is repeated, expected every seed once"),
    ("seeds: 4", "seeds: [0, -1]", "2:12", "seeds[1]: the seed -1, expected a number from 0 to 2147483647"),
    ("seeds: 4", "seeds: [0, '1']", "2:12", "seeds[1]: the text '1', expected a whole number"),
    ("seeds: 4", "seeds: 0-4,3", "2:8", "seeds: the seed 3 is repeated"),
    ("seeds: 4", "seeds: 9-1", "2:8", "seeds: the range 9-1 is empty, expected 1-9"),
    ("seeds: 4", "seeds: 0-999999999", "2:8", "seeds: more than 10000 seeds"),
    ("seeds: 4", "seeds: 1:30", "2:8", "seeds: '1:30' is neither a seed nor a range, expected seeds such as"),
    # tasks
    ("{xor: {}, parity: {use: sparse_parity, epochs: 100}}", "{}", "4:8", "tasks: a mapping, expected at least one"),
    ("{xor: {}, parity: {use: sparse_parity, epochs: 100}}", "[xor]", "4:8", "tasks: a list, expected a mapping"),
    ("xor: {}", "xor: 5", "4:14", "tasks.xor: the number 5, expected a mapping (lines 'key: value')"),
    ("xor: {}", "xor: {use: 5}", "4:20", "tasks.xor.use: the number 5, expected text"),
    ("xor: {}", "xor: {use: [a, b]}", "4:20", "tasks.xor.use: a list, expected text"),
    ("xor: {}", "12: {}", "4:9", 'tasks: the key 12 is not text, expected it in quotes: "12"'),
    ("xor: {}", "' xor': {}", "4:9", "expected visible characters and no spaces around them"),
    ("xor: {}", '"x\\u200bor": {}', "4:9", "expected visible characters"),
    ("xor: {}", "'': {}", "4:9", "the text '', expected text that is not empty"),
    ("xor: {}", f"{'x' * 61}: {{}}", "4:9", "expected at most 60 characters"),
    ("xor: {}", "grid: {}", "4:9", "tasks.grid: the reserved word 'grid', expected another label"),
    ("xor: {}", "Parity: {}", "4:21", "the label 'parity' looks like 'Parity', expected labels that differ"),
    ("xor: {}", "\uff50arity: {}", "4:21", "looks like '\uff50arity'"),
    ("xor: {}", "parity: {}", "4:21", "a second 'parity', the first is in line 4"),
    ("epochs: 100", "epochs: 0", "4:55", "tasks.parity.epochs: the number 0, expected at least 1"),
    ("epochs: 100", "epochs: -5", "4:55", "expected at least 1"),
    ("epochs: 100", "epochs: 1e9", "4:55", "the number 1000000000.0, expected a whole number"),
    ("epochs: 100", "epochs: 100000000", "4:55", "expected at most 10000000"),
    ("epochs: 100", "epochs: .inf", "4:55", "the number inf, expected a whole number"),
    ("epochs: 100", "epochs: yes", "4:55", "the text 'yes', expected a whole number"),
    ("epochs: 100", "epochs: true", "4:55", "true, expected a whole number"),
    ("epochs: 100", "epochs: '100'", "4:55", "the text '100', expected a whole number"),
    ("epochs: 100", "epochs: 1_000", "4:55", "the text '1_000', expected a whole number"),
    ("epochs: 100", "epochs: {grid: [1, 2]}", "4:55", "a mapping, expected a whole number"),
    ("epochs: 100", "epochs: 100, evaluate_every: 200", "4:76", "expected at most the budget of 100 epochs"),
    ("epochs: 100", "stop: groked", "4:53", "expected grokked, budget or {sustained: k} with k of at least 1"),
    ("epochs: 100", "stop: groked", "4:53", "did you mean 'grokked'?"),
    ("epochs: 100", "stop: {sustained: 0}", "4:53", "stop: a mapping, expected grokked, budget or {sustained: k}"),
    ("epochs: 100", "stop: {sustained: true}", "4:53", "stop: a mapping, expected grokked, budget"),
    ("epochs: 100", "grokked: {}", "4:56", "grokked: a mapping, expected at least one entry"),
    ("epochs: 100", "grokked: {a: 0.8}", "4:60", 'the number 0.8, expected a condition such as "> 0.80"'),
    ("epochs: 100", "grokked: {a: '= 0.8'}", "4:60", "the text '= 0.8', expected a condition"),
    ("epochs: 100", "grokked: {a: '> 1e999'}", "4:60", "and a finite number"),
    ("epochs: 100", "grokked: {test_accuracy: '> 95'}", "4:72", "can never hold or always holds"),
    ("epochs: 100", "per_task: {xor: {}}", "4:47", "a reserved word, which no entry of tasks takes"),
    ("epochs: 100", "lr: .nan", "4:51", "tasks.parity.lr: the number nan, expected a finite number"),
    ("epochs: 100", "betas: [0.9, .inf]", "4:60", "tasks.parity.betas[1]: the number inf, expected a finite number"),
    # regularizers and grids
    ("grokalign: {strength", "grokalign: {epochs: 3, strength", "5:42", "a reserved word, which no entry of"),
    ("strength: 0.1", "strength: {grid: []}", "5:52", "an empty grid, expected {grid: [...]}"),
    ("strength: 0.1", "strength: {grid: 3}", "5:52", "not a grid, expected {grid: [...]}"),
    ("strength: 0.1", "strength: {grid: [1], a: 2}", "5:52", "not a grid, expected {grid: [...]}"),
    ("strength: 0.1", "strength: {grid: [1, 2, 1.0]}", "5:66", "strength.grid[2]: the number 1.0 is repeated"),
    ("strength: 0.1", "strength: {grid: [[1]]}", "5:60", "a list, expected a finite number, true, false or a short"),
    ("strength: 0.1", "a: {b: {grid: [1]}}", "5:49", "a grid, expected it as the value of one parameter"),
    ("strength: 0.1", "grid: [1]", "5:42", "a reserved word"),
    ("strength: 0.1", f"a: {{grid: {[*range(40)]}}}, b: {{grid: {[*range(40)]}}}", "5:30", "grids that make 1601"),
    ("strength: 0.1", "per_task: {xr: {strength: 1}}", "5:53", "the unknown label 'xr', expected one of the tasks xor"),
    ("strength: 0.1", "per_task: {xor: 1.0}", "5:58", "per_task.xor: the number 1.0, expected a mapping"),
    ("strength: 0.1", "per_task: {xor: {a: {grid: [1]}}}", "5:62", "a grid, expected it as the value of one parameter"),
    ("strength: 0.1", "a: {grid: [1]}, per_task: {xor: {a: 2}}", "5:75", "a parameter that is a grid"),
    ("strength: 0.1", "use: []", "5:47", "use: a list, expected the name of a plugin, or a list of names"),
    ("strength: 0.1", "use: [a, a]", "5:47", "use: a list, expected every plugin once in a combination"),
    ("strength: 0.1", "use: [aa, bb], ab: 3", "5:57", "parameters of no method, expected one of the combined"),
    ("strength: 0.1", "use: [aa, bb], aa: 3", "5:61", "the number 3, expected a mapping: the parameters of aa"),
    ("baseline: baseline", "baseline: basline", "3:11", "the unknown label 'basline', expected one of the"),
    ("baseline: baseline", "baseline: basline", "3:11", "did you mean 'baseline'?"),
    ("baseline: baseline", "baseline: [baseline]", "3:11", "baseline: a list, expected text"),
    # skip, metrics, statistics, published, plugins
    ("", "skip: [{task: xr, regularizer: grokalign, why: w}]", "6:15", "skip[0].task: the unknown label 'xr'"),
    ("", "skip: [{task: xor, regularizer: align, why: w}]", "6:33", "the unknown label 'align'"),
    ("", "skip: [{task: xor, regularizer: grokalign}]", "6:8", "skip[0].why: is missing, expected the reason"),
    ("", "skip: [{task: xor, regularizer: baseline, why: w}]", "6:33", "the baseline is skipped"),
    ("", "skip: {task: xor}", "6:7", "skip: a mapping, expected a list (lines '- item')"),
    ("", "skip:\n- &a {task: xor, regularizer: grokalign, why: w}", "7:3", "the anchor '&a'"),
    ("", "metrics: {a: {every: 0}}", "6:22", "metrics.a.every: the number 0, expected at least 1"),
    ("", "metrics: {a: {every: often}}", "6:22", "the text 'often', expected a number of epochs, or {per_decade: k}"),
    ("", "metrics: {a: {every: 2.5}}", "6:22", "metrics.a.every: the number 2.5, expected a whole number"),
    ("", "metrics: {a: {every: {}}}", "6:22", "every: a mapping, expected a number of epochs, or {per_decade: k}"),
    ("", "metrics: {a: {every: {per_century: 3}}}", "6:22", "expected a number of epochs, or {per_decade: k} with k"),
    ("", "metrics: {a: {every: {per_decade: 0}}}", "6:22", "expected a number of epochs, or {per_decade: k}"),
    ("", "metrics: {a: {every: {per_decade: 2.5}}}", "6:22", "{per_decade: k} with k of at least 1"),
    ("", "metrics: {a: {every: {per_decade: 3, k: 1}}}", "6:22", "{per_decade: k} with k of at least 1"),
    ("", "metrics: {a: {every: {per_decade: {grid: [1]}}}}", "6:22", "{per_decade: k} with k of at least 1"),
    ("", "metrics: {a: {b: {grid: [1]}}}", "6:18", "metrics.a.b: a grid, expected it as the value"),
    ("", "metrics: {a: {}, A: {}}", "6:18", "the label 'A' looks like 'a'"),
    ("", "statistics: {primary: signflip}", "6:23", "expected 'sign_flip', 'paired_t', 'wilcoxon' or 'logrank'"),
    ("", "statistics: {primary: signflip}", "6:23", "did you mean 'sign_flip'?"),
    ("", "statistics: {alpha: 5}", "6:21", "the number 5, expected less than 1"),
    ("", "statistics: {alpha: .nan}", "6:21", "the number nan, expected a"),
    ("", "statistics: {alpha: off}", "6:21", "the text 'off', expected a number"),
    ("", "statistics: {confidence: true}", "6:26", "true, expected a number"),
    ("", "statistics: {alhpa: 0.05}", "6:14", "did you mean 'alpha'?"),
    ("", "published: {epochs: {}}", "6:12", "published.source: is missing, expected where the numbers were"),
    ("", "published: {source: a, epochs: {xr: {}}}", "6:33", "published.epochs.xr: the unknown label 'xr'"),
    ("", "published: {source: a, epochs: {xor: {b: 1}}}", "6:39", "published.epochs.xor.b: the unknown label 'b'"),
    ("", "published: {source: a, epochs: {xor: {baseline: -}}}", "6:49", "the text '-', expected a number"),
    ("", "published: {source: a, epochs: {xor: {baseline: 0}}}", "6:49", "the number 0, expected more than 0"),
    ("", "published: {source: a, epochs: {}, seconds: {xr: {}}}", "6:46", "published.seconds.xr: the unknown label"),
    ("", "published: {source: a, epochs: {}, seconds: {xor: {b: 1}}}", "6:52", "seconds.xor.b: the unknown label 'b'"),
    ("", "published: {source: a, epochs: {}, seconds: {xor: 0}}", "6:51", "the number 0, expected a mapping"),
    ("", "plugins: [mine.txt]", "6:11", "plugins[0]: the text 'mine.txt', expected a Python file, ending in .py"),
    ("", "plugins: [mine.py]", "6:11", "no file 'mine.py', expected its path relative to the suite's folder"),
    # YAML
    ("xor: {}", "xor: !!map {}", "4:14", "the tag '!!map', expected data without tags"),
    ("xor: {}", "<<: {}", "4:9", "tasks: the merge key '<<', expected the keys themselves"),
    ("seeds: 4", "seeds: 4\nseeds: 5", "3:1", "seeds: a second 'seeds', the first is in line 2"),
    ("", "skip:\n\t- a", "7:1", "a tab, expected spaces: YAML is indented with spaces only"),
    ("", "skip: [", "6:8", "a value is missing here, expected one, or a comma or a closing bracket"),
    ("", "---\na: 1", "6:1", "a second document, expected one suite in one file"),
    ("", "metrics: {a: {b: " + "[" * 20, "6:35", "more than 20 levels of nesting"),
]  # fmt: skip


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
        ("- a\n- b\n", "s.yaml:1:1: a list, expected a mapping (lines 'key: value')"),
        ("just text", "s.yaml:1:1: the text 'just text', expected a mapping"),
        ("~", "s.yaml:1:1: nothing, expected a mapping"),
    ],
)
def test_a_file_that_is_no_suite_at_all(tmp_path, text, phrase):
    assert complaint(tmp_path, text).startswith(phrase)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path):
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
published: {source: Table 1, epochs: {xor: {baseline: 154, grokalign: 101.5}}, seconds: {xor: {baseline: 43.95}}}
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
    assert suite.plugins == (str(tmp_path / "mine.py"),)
    assert suite.where(("tasks", "mnist_ce", "loss")) == f"{tmp_path}/s.yaml:8:26"
    assert suite.where(("regularizers", "grokalign", "no", "where")) == f"{tmp_path}/s.yaml:11:3"


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


@pytest.fixture
def shipped(monkeypatch):
    monkeypatch.setattr(suite_files, "shipped_suites", lambda: SHIPPED)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_suites_load(name):
    suite = load_suite(name)
    assert suite.name == name and suite.baseline == "baseline"
    figures, table1 = ["baseline", "grokalign"], ["baseline", "grokfast", "orthograd", "grokalign"]
    expected = figures if name.startswith(("transformer", "cifar10")) else table1
    assert [entry.label.partition("[")[0] for entry in suite.regularizers][: len(expected)] == expected


@pytest.mark.usefixtures("shipped")
def test_the_paper_suite_is_table_1():
    suite = load_suite("paper")
    assert suite.seeds == tuple(range(1000, 1025)) and suite.published is not None
    assert [list(row.values()) for row in suite.published.epochs.values()] == [
        [154, 154, 37, 101], [2128, 1888, 256, 110], [2508, 2364, 2676, 328], [7496, 7200, 1154], [268, 254, 200],
    ]  # fmt: skip
    assert [task.epochs for task in suite.tasks] == [1000, 10000, 6000, 12000, 1000]


@pytest.mark.usefixtures("shipped")
def test_quick_keeps_the_noise_of_xor():
    xor = next(task.use.parameters for task in load_suite("quick").tasks if task.label == "xor")
    assert xor["epsilon"] * xor["dimensions"] ** 0.5 == pytest.approx(10, rel=1e-6)
    assert "noise_sd" not in xor  # what it adds to a hidden unit does not depend on the number of dimensions


@pytest.mark.usefixtures("shipped")
def test_an_unknown_name_lists_the_shipped_suites():
    names = ", ".join(SHIPPED)
    with pytest.raises(SuiteError, match=rf"no suite 'quik', expected one of {names}, .* mean 'quick'\?"):
        load_suite("quik")


@pytest.mark.usefixtures("shipped")
def test_a_missing_file_names_its_neighbour(tmp_path):
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(SuiteError, match=re.escape("no such file, expected a path to a suite, did you mean")):
        load_suite(str(tmp_path / "mien.yaml"))
    names = ", ".join(SHIPPED)
    with pytest.raises(SuiteError, match=f"no such file, expected a path to a suite or one of {names}"):
        load_suite(str(tmp_path / "nowhere" / "a.yaml"))


def test_a_schema_for_editors_names_every_key():
    schema = json_schema()
    assert {"suite", "seeds", "baseline", "tasks", "regularizers"} == set(schema["required"])
    assert "evaluate_every" in json.dumps(schema)
    assert {"use", "per_task", "grid", "epochs", "stop", "grokked"} <= RESERVED


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
    assert parse_seeds(written(tuple(seeds))) == tuple(sorted(seeds))
