"""The command `grokbench check`: a line for every question, Markdown for a pull request, and what it refuses."""

import re
import sys
from functools import partial

import click
import pytest

from grokbench import data
from grokbench.commands import check as commands_check
from grokbench.conformance import Subject, pull_request, report

from .helpers import planted
from .helpers.tiny import grokbench

pytestmark = pytest.mark.usefixtures("quick_check", "_small_networks")


@pytest.fixture
def _small_networks(monkeypatch):
    """What is printed is the same on the trial tasks without a transformer, most of what a check costs."""
    monkeypatch.setattr(report, "Subject", partial(Subject, trial_tasks=("xor", "sparse_parity")))


def test_a_shipped_method_is_asked_line_by_line():
    done = grokbench("check", "grokfast_ema", "--verbose")
    lines = done.out.splitlines()
    assert done.status == 0 and lines[0] == "grokfast_ema (regularizer, built in)"
    assert "  passed          group: a group of seeds equals each seed alone, to 1e-9 after 20 steps" in lines
    assert any(line.startswith("  not applicable  withheld data:") and "no prepare" in line for line in lines)
    assert lines[-1] == "  23 passed, 0 failed, 6 not applicable"


def test_a_hint_is_shown_with_its_fix_and_what_passed_is_counted_alone(tmp_path):
    done = grokbench("check", planted.write(tmp_path, planted.METHODS["weights of unit rows"].source))
    name, shown, at, fix, cost, totals = done.out.splitlines()
    assert done.status == 0 and name == "method (regularizer, file method.py)"
    assert shown == "  hint            layout: no phase acts on the rows of a matrix as if they were units"
    assert at == f"{18 * ' '}On xor, project acts on each row of weight1 separately, but mixes the columns."
    assert fix.startswith(f"{18 * ' '}Fix: weights are (fan_in, fan_out): ") and cost.startswith(
        "  passed          cost: "
    )
    assert totals == "  21 passed, 0 failed, 1 hint, 7 not applicable"


def test_a_terminal_sees_what_is_being_checked(monkeypatch):
    said = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(click, "echo", lambda text, nl, err: said.append((text, nl, err)))
    commands_check._progress()("clip, 3 of 28: record")
    assert said == [("\r\x1b[2Kclip, 3 of 28: record", False, True)]


def test_a_file_with_a_fault_ends_with_status_1_and_says_the_fix(tmp_path):
    fault = planted.METHODS["an in-place change"]
    done = grokbench("check", planted.write(tmp_path, fault.source))
    assert done.status == 1 and done.out.startswith("method (regularizer, file method.py)\n")
    lines = done.out.splitlines()
    (at,) = [at for at, line in enumerate(lines) if line.startswith("  failed")]
    assert lines[at].startswith("  failed          arguments: it modifies none of its arguments")
    assert lines[at + 1] == f"{18 * ' '}On xor, transform writes into grads.weight1, grads.weight2."
    assert lines[at + 2].startswith(f"{18 * ' '}Fix: make a new tensor")


def test_a_question_ends_a_sentence_by_itself_and_names_keep_their_case(tmp_path):
    source = planted.METHODS["a field that is not there"].source
    done = grokbench("check", planted.write(tmp_path, source))
    assert "\n                  Fix: Local has hidden, outputs, pullback. Did you mean 'outputs'?\n" in done.out
    lost = grokbench("check", planted.write(tmp_path, source.replace("return Regularizer", "Regularizer")))
    assert "\n                  method returns a NoneType, expected a Regularizer.\n" in lost.out


def test_waiting_questions_are_one_line_beneath_their_failure(tmp_path):
    done = grokbench("check", planted.write(tmp_path, planted.METHODS["a Python branch on a tensor"].source))
    lines = done.out.splitlines()
    assert re.fullmatch(r" {18}At method\.py, line \d+: return .+ if g\.norm\(\) > 1\.0 else .+", lines[3])
    skipped = [line for line in lines if line.startswith("  skipped")]
    assert skipped == [
        "  skipped         8 questions that depend on device: "
        "memory, precision, state, dead network, group, recording, effect, pairing"
    ]
    assert lines[-1] == "  11 passed, 1 failed, 9 not applicable, 8 skipped" and "depends on" not in done.out


def test_a_name_may_come_from_a_plugin_file(tmp_path):
    done = grokbench(
        "check", "method", "--plugin", planted.write(tmp_path, planted.METHODS["a missing docstring"].source)
    )
    assert done.status == 1 and "method has no docstring.\n" in done.out and "Fix: begin the docstring" in done.out


def test_a_provider_that_is_left_out_is_said_beside_the_answers(tmp_path):
    (tmp_path / "missing.py").write_text("import nowhere\n")
    done = grokbench("check", "weight_norm", "--plugin", tmp_path / "missing.py")
    assert done.status == 0 and done.out.endswith("0 failed, 0 not applicable\n")
    assert done.err == f"Warning: file missing.py is left out: {NOWHERE} (line 1)\n"


def test_markdown_is_a_summary_for_a_pull_request(tmp_path):
    fault = planted.METHODS["a host synchronisation in an optimizer"].source
    source = fault.replace("- self.lr * grads", "- self.lr * self.weight_decay * p - self.lr * grads").replace(
        "Clipped(optimizer.lr)", "Clipped(optimizer.lr, optimizer.weight_decay)"
    )
    done = grokbench("check", planted.write(tmp_path, source), "--format", "markdown")
    lines = [line for line in done.out.splitlines() if line]
    assert done.status == 1 and lines[0] == "### `method`: 18 passed, 1 failed, 8 not applicable, 2 skipped"
    by = r"Checked by GrokBench \S+ .*with torch \S+, Python \S+\."
    assert re.fullmatch(rf"Regularizer, file method\.py, sha256 [0-9a-f]{{12}}\. {by}", lines[1])
    assert lines[2].startswith("**Failed: device** (it neither branches on tensors")
    assert lines[3].endswith(r"it reads a tensor back from the device with \_\_float\_\_.")  # and not in bold
    assert re.fullmatch(r"`method\.py, line \d+: largest = .+`", lines[4])
    assert lines[5].startswith("**Fix:** keep every number a tensor")
    assert lines[6] == "Skipped: 2 questions that depend on device: placement, recording."
    folded = lines.index("<details><summary>18 passed, 8 not applicable</summary>")
    assert lines[folded + 1 : folded + 3] == ["| question | | answer | |", "|---|---|---|---|"] and folded == 7
    rows, (end,) = lines[folded + 3 : -1], lines[-1:]
    assert len(rows) == 26 and end == "</details>"
    assert all(line.startswith("| ") and len(re.findall(r"(?<!\\)\|", line)) == 5 for line in rows)


def test_markdown_says_in_one_line_what_waits(tmp_path):
    source = planted.METHODS["an argument of its own"].source
    done = grokbench("check", planted.write(tmp_path, source), "--format", "markdown")
    assert done.out.startswith("### `method`: 2 passed, 1 failed, 0 not applicable, 26 skipped\n")
    assert "\nSkipped: 26 questions that depend on record: defaults, shapes, " in done.out
    assert "| skipped |" not in done.out


def test_a_line_of_source_with_backticks_is_code_all_the_same():
    assert pull_request._code("a `b`") == "`` a `b` ``" and pull_request._code("a") == "`a`"


NOWHERE = "ModuleNotFoundError: No module named 'nowhere', which is not installed here: pip install nowhere"

WRONG = {  # arguments -> the message; {} is the folder
    "unknown name": (
        ["grokalig"],
        "nothing is named 'grokalig'. Did you mean 'grokalign'? `grokbench list` shows every name",
    ),
    "no such file": (
        ["{}/none.py"],
        "there is no file {}/none.py; `grokbench check` takes a plugin file or a name",
    ),
    "a file of that name": (
        ["empty"],
        "nothing is named 'empty'; empty.py is in this folder: grokbench check empty.py",
    ),
    "no plugin": (
        ["{}/empty.py"],
        "{}/empty.py yields no plugin; add a hook: @hookimpl def grokbench_regularizers(): yield your_method",
    ),
    "an import that fails": (
        ["{}/missing.py"],
        f"{{}}/missing.py, line 2, cannot be loaded: {NOWHERE}; "
        "`grokbench list --plugin {}/missing.py` shows the traceback",
    ),
    "syntax": (
        ["{}/syntax.py"],
        "{}/syntax.py, line 3, cannot be loaded: SyntaxError: invalid syntax; "
        "`grokbench list --plugin {}/syntax.py` shows the traceback",
    ),
    "a broken file beside an unknown name": (
        ["x", "--plugin", "{}/missing.py"],
        f"nothing is named 'x'. `grokbench list` shows every name. File missing.py is left out: {NOWHERE} (line 2)",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_a_target_that_cannot_be_checked_is_one_sentence_and_status_2(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "missing.py").write_text("import os\nimport nowhere\n")
    (tmp_path / "syntax.py").write_text("x = 1\n\ny = = 2\n")
    done = grokbench("check", *[argument.format(tmp_path) for argument in arguments])
    assert (done.status, done.out) == (2, "")
    assert done.err == f"Error: {message.format(tmp_path, tmp_path)}\n"


def test_a_task_without_its_data_files_is_not_blamed(monkeypatch):
    def absent(root=None):
        raise data.DataError("MNIST is not complete")

    monkeypatch.setattr(data, "mnist", absent)
    done = grokbench("check", "mnist")
    assert done.status == 2 and done.err.endswith("Error: MNIST is not complete\n")


def test_a_metric_without_its_data_files_is_not_blamed(monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    done = grokbench("check", "cifar10c_accuracy")
    assert done.status == 2 and "Error: CIFAR-10-C is not complete in" in done.err


def test_a_plugin_file_that_is_not_there_is_refused_beside_a_name():
    done = grokbench("check", "baseline", "--plugin", "nowhere.py")
    assert done.status == 2 and done.out == ""
    assert "--plugin nowhere.py: no such file, expected a Python file with a grokbench hook" in done.err
