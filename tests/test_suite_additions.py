"""Methods that a command adds to a suite: `--with`."""

import re

import pytest

from grokbench.errors import PluginError, SuiteError
from grokbench.runner.request import Request, resolve, unused
from grokbench.suite import Use, load_suite

from .helpers import tiny

OTHER = "expected another label, such as 'orthograd_2: {use: orthograd}'"
EXPECTED = "expected a regularizer's name, or an entry of a suite such as 'half: {use: grokalign, strength: 0.5}'"


@pytest.fixture
def suite(tmp_path):
    return str(tiny.write(tmp_path))


def added(suite, *methods):
    return [entry for entry in load_suite(suite, methods).regularizers if entry.label not in ("baseline", "orthograd")]


def test_a_name_is_a_method_with_its_defaults(suite):
    (entry,) = added(suite, "grokalign")
    assert (entry.label, entry.uses) == ("grokalign", (Use("grokalign", {}),))


def test_an_entry_is_what_it_would_be_in_the_file(suite):
    """A grid, a value for a task, two methods at once: whatever a suite says of a regularizer."""
    grid = added(suite, "half: {use: grokalign, strength: {grid: [1, 2]}}")
    assert [entry.label for entry in grid] == ["half[strength=1]", "half[strength=2]"]
    (entry,) = added(suite, "{half: {use: grokalign, per_task: {parity: {strength: 3}}}}")
    assert entry.uses_for("parity") == (Use("grokalign", {"strength": 3}),)
    assert len(added(suite, "a: {use: orthograd}", "b: {use: [orthograd, grokalign]}")) == 2


def test_the_planned_comparisons_grow(suite):
    assert [load_suite(suite, methods).comparisons for methods in ([], ["grokalign"])] == [1, 2]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("orthograd", f"--with orthograd: a label that the suite has already, {OTHER}"),
        ("", f"--with '': {EXPECTED}"),
        ("7", f"--with 7: {EXPECTED}"),
        ("[grokalign]", f"--with '[grokalign]': {EXPECTED}"),
        ("{}", f"--with '{{}}': {EXPECTED}"),
        ("a: {}\na: {}", f"--with 'a: {{}}\\na: {{}}': {EXPECTED}"),
        ("orthograd: {use: grokalign}", "--with orthograd: a label that the suite has already, expected "),
        ("a: {use b}", "--with: regularizers.a.\"use b\": a key without a value. Did you mean 'use: b'?"),
        ("a: {use:b}", "--with: regularizers.a.\"use:b\": a key without a value. Did you mean 'use: b'?"),
        ("[1", "--with:1:3: the list or mapping neither goes on nor ends here, expected a comma or a closing ]"),
        ("grokalig", "--with: regularizers.grokalig: no regularizer 'grokalig', expected one of: "),
        ("a: {use: grokalign, norm: 1}", "--with: regularizers.a.norm: "),
        ("a: {use: grokalign, strength: [1]}", "--with: regularizers.a.strength: "),
        ("a: {use: grokalign, per_task: {b: {}}}", "--with: regularizers.a.per_task.b: the unknown label 'b', "),
    ],
)
def test_a_mistake_in_an_added_method_names_the_option(suite, method, message):
    with pytest.raises(SuiteError) as caught:
        resolve(Request(suite, device="cpu", methods=(method,)))
    assert str(caught.value).startswith(message)


def test_another_label_is_suggested_for_the_same_method(suite):
    with pytest.raises(SuiteError, match=r"such as 'orthograd_2: \{use: grokalign\}'$"):
        load_suite(suite, ["orthograd: {use: grokalign}"])


def test_a_plugin_whose_name_is_taken_is_told_before_its_label(tmp_path, suite):
    file = tiny.write(tmp_path, tiny.PLUGIN.replace("steady", "orthograd"), "mine.py")
    with pytest.raises(PluginError) as caught:
        resolve(Request(suite, device="cpu", plugins=(str(file),), methods=("orthograd",)))
    assert str(caught.value) == (
        "two regularizers are named 'orthograd': one built in, one from file mine.py; rename that of file mine.py"
    )


def test_a_plugin_file_of_which_nothing_is_used_is_told(tmp_path, suite):
    file = str(tiny.write(tmp_path, tiny.PLUGIN, "mine.py"))
    assert tiny.grokbench("validate", suite, "--plugin", file).err == (
        f"Warning: nothing of --plugin {file} is used: add --with steady or add --with raises or add --with dies\n"
    )
    assert tiny.grokbench("validate", suite, "--plugin", file, "--with", "a: {use: dies}").err == ""
    plan = resolve(Request(suite, device="cpu", plugins=(file,), methods=("a: {use: [orthograd, steady]}",)))
    assert list(unused(plan)) == []


def test_an_unused_file_is_reported_among_files_of_one_name(tmp_path, suite):
    files = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        plugin = tiny.PLUGIN.replace("steady", f"{folder}_steady").replace("raises", f"{folder}_raises")
        files.append(str(tiny.write(tmp_path / folder, plugin.replace("dies", f"{folder}_dies"), "mine.py")))
    plan = resolve(Request(suite, device="cpu", plugins=tuple(files), methods=("one_steady",)))
    assert list(unused(plan)) == [
        f"nothing of --plugin {files[1]} is used: add --with two_steady or add --with two_raises or add --with two_dies"
    ]


def test_mistakes_of_the_suite_are_told_of_the_suite(tmp_path):
    for text in ("suite: s\n", "- a list\n", "suite: s\nregularizers: nothing\n"):
        (tmp_path / "s.yaml").write_text(text)
        with pytest.raises(SuiteError, match=r"^\S+s\.yaml:1:1: ") as caught:
            load_suite(str(tmp_path / "s.yaml"), ["grokalign"])
        assert "--with" not in str(caught.value)


SHAPED = """\
suite: s
seeds: 2
baseline: baseline
tasks: {xor: {}, parity: {use: sparse_parity}}
regularizers: {baseline: {}}
"""


def test_a_task_that_lacks_what_an_added_method_asks_for_is_skipped_with_the_reason(tmp_path):
    (tmp_path / "s.yaml").write_text(SHAPED)
    plan = resolve(Request(str(tmp_path / "s.yaml"), device="cpu", methods=("stablemax",)))
    assert [(skip.task, skip.regularizer, skip.why) for skip in plan.manifest.skipped] == [
        ("xor", "stablemax", "needs a task with cross_entropy")
    ]
    assert [cell.task for cell in plan.cells if cell.regularizer == "stablemax"] == ["parity"]


def test_an_added_method_joins_the_leaderboard_and_nothing_is_trained_again(tmp_path, here):
    suite, out = tiny.write(tmp_path), tmp_path / "out"
    half = ("--with", "half: {use: grokalign, strength: 0.5}")
    assert tiny.run(suite, out).status == 0
    assert "3 replicas left to train" in tiny.run(suite, out, *half, "--dry-run").out
    said = tiny.run(suite, out, *half)
    again = tiny.run(suite, out)
    assert "Not shown" not in said.out
    assert f"\nNot shown: 3 replicas in {out} of cells that are not planned now: " in again.out
    assert said.status == 0 and len(re.findall(r"^(?:baseline|orthograd|half) +\d/3", said.out, re.M)) == 3


def test_shipped_suites_take_every_shipped_method():
    methods = ["placebo", "gaussian_noise", "clip_gradients", "stablemax", "norm_sphere", "jacobian_level"]
    plan = resolve(Request("quick", device="cpu", methods=tuple(methods)))
    assert {skip.regularizer for skip in plan.manifest.skipped} <= {"stablemax"}
