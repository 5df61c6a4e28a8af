"""Planted faults are each found with their fix, a sound plugin passes, and the command says all this in lines."""

import re
import warnings
from pathlib import Path

import pytest
import torch

from grokbench import data, timing
from grokbench.conformance import QUESTIONS, Subject, Verdict, answer, examine, origins, pull_request, watch
from grokbench.conformance.fixes import translate
from grokbench.errors import PluginError
from grokbench.plugins import load_registry

from . import (
    planted,
    planted_habits,
    planted_metrics,
    planted_observers,
    planted_phases,
    planted_records,
    planted_tasks,
)
from .tiny import grokbench


@pytest.fixture(autouse=True)
def _quick_clock(monkeypatch):
    """Costs are printed, and nothing here depends on how precise they are."""
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)


def subject(folder, source, like=planted):
    """The one plugin of a file, under examination."""
    registry = load_registry([planted.write(folder, source, like.HEAD, like.HOOK)])
    assert not registry.broken, registry.broken[0].traceback
    kinds = (registry.tasks, registry.regularizers, registry.metrics, registry.observers)
    (plugin,) = [plugin for kind in kinds for plugin in kind.values() if plugin.origin == "file method.py"]
    return Subject(plugin, registry)


def examined(folder, source, like=planted):
    """Every answer, by question."""
    return {question.name: given for question, given in examine(subject(folder, source, like))}


def asked(folder, source, name, like=planted):
    """The answer to one question."""
    examinee = subject(folder, source, like)
    (question,) = [question for question in QUESTIONS[examinee.plugin.kind] if question.name == name]
    return answer(question, examinee)


def failures(answers):
    return {name: given for name, given in answers.items() if given.verdict is Verdict.FAILED}


METHODS = planted.FAULTS | planted_phases.FAULTS | planted_records.FAULTS | planted_habits.FAULTS


@pytest.mark.parametrize("fault", METHODS.values(), ids=METHODS)
def test_a_planted_fault_is_found_with_its_fix(tmp_path, fault):
    given = asked(tmp_path, fault.source, fault.question)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix
    if fault.question == "device":
        assert re.fullmatch(r"method\.py, line \d+: .+", given.place)


def test_a_sound_plugin_beside_them_passes_everything(tmp_path):
    answers = examined(tmp_path, planted.SOUND)
    assert failures(answers) == {}
    others = [name for name, given in answers.items() if given.verdict is not Verdict.PASSED]
    assert others == ["withheld data", "rotation"]  # it has no prepare, and its noise does not rotate
    assert re.fullmatch(r"[+-]\d+\.\d\d ms per step: .+ms \(sparse_parity\)", answers["cost"].message)


def test_a_sound_plugin_with_the_other_phases_passes_everything(tmp_path):
    answers = examined(tmp_path, planted_phases.SOUND)
    assert failures(answers) == {}
    others = [name for name, given in answers.items() if given.verdict is not Verdict.PASSED]
    assert others == ["withheld data", "rotation"]


def test_a_method_is_tried_where_the_facts_are_that_it_asks_for(tmp_path):
    source = planted_phases.SOUND.replace("privileges=", 'facts=("cross_entropy",), privileges=')
    examinee = subject(tmp_path, source)
    labels = [label for label, _ in examinee.tasks()]
    assert labels == ["sparse_parity", "modular_addition", "modular_transformer_frozen"]
    assert failures(examined(tmp_path, source)) == {}


def test_a_method_that_fits_no_small_task_says_so_in_place_of_passing(tmp_path):
    source = planted_phases.SOUND.replace("privileges=", 'facts=("spin",), privileges=')
    answers = examined(tmp_path, source)
    said = "no small task has the facts spin, which it asks for"
    untried = [given for given in answers.values() if given.message == said]
    assert failures(answers) == {} and len(untried) == 12
    assert answers["cost"].message == "sparse_parity, on which steps are timed, lacks the facts it asks for"


def test_a_declared_privilege_covers_withheld_data(tmp_path):
    source = planted.FAULTS["withheld data taken together"].source
    declared = source.replace("prepare=prepare)", 'prepare=prepare, privileges=frozenset({"extra_labels"}))')
    given = asked(tmp_path, declared, "withheld data")
    assert given.verdict is Verdict.NOT_APPLICABLE and given.message == "it declares extra_labels"


def test_what_stops_training_is_complained_of_once(tmp_path):
    answers = examined(tmp_path, planted.FAULTS["a Python branch on a tensor"].source)
    assert list(failures(answers)) == ["device"]
    waiting = [name for name, given in answers.items() if given.verdict is Verdict.WAITING]
    assert "group" in waiting and {answers[name].after for name in waiting} == {"device"}


@pytest.mark.parametrize(
    ("habit", "waiting"), [("gradients without the state", 9), ("a count in Python", 8), ("a float64 literal", 3)]
)
def test_where_the_engine_stumbles_over_what_was_returned_the_rest_waits(tmp_path, habit, waiting):
    answers = examined(tmp_path, planted_habits.FAULTS[habit].source)
    assert list(failures(answers)) == ["shapes"] or habit == "a float64 literal"
    assert sum(given.after == "shapes" for given in answers.values()) == waiting


def test_one_draw_from_a_global_generator_is_one_failure(tmp_path):
    answers = examined(tmp_path, planted.FAULTS["global randomness"].source)
    assert list(failures(answers)) == ["device"] and answers["memory"].after == "device"


def test_a_missing_docstring_keeps_nothing_else_from_being_said(tmp_path):
    habit = planted_habits.FAULTS["a parameter of another task"]
    source = habit.source.replace("Do what a newcomer does.", "Too short")
    assert list(failures(examined(tmp_path, source))) == ["description", "shapes"]


def test_who_asks_is_not_blamed_though_it_stands_in_the_plugins_folder():
    one, here = torch.ones(()), Path(__file__)
    assert watch.watched(one.item, here) == []
    ((what, place, _),) = watch.watched(lambda: one.item(), here)
    assert what == "it reads a tensor back from the device with item" and place.startswith("test_check.py, line ")


def test_what_torch_warns_of_is_not_laid_to_who_watches(tmp_path):
    source = """
def transform(grads, state, at):
    return {name: g.clone().clamp_(-1.0, 1.0) for name, g in grads.items()}, state


def method() -> Regularizer:
    \"\"\"Clip every element, by an operation that torch maps slowly, and says so.\"\"\"
    return Regularizer(transform=transform)
"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given = asked(tmp_path, source, "device")
    assert given.verdict is Verdict.PASSED
    assert {Path(warning.filename).name for warning in caught} <= {"method.py"}


# ---- where what is not finite began

LINES = {  # planted fault -> the line that makes it, whether it runs forwards or is differentiated
    "a nan gradient on a dead network": ".square().sum(-1).sqrt().mean()",
    "a logarithm of nothing in a sure network": "return 0.1 * (p * p.log()).sum(-1).mean()",
    "an exponential in a sure network": "outputs.exp().mean().log()",
    "a penalty without a value": "return 0.1 * (local.outputs.square().mean() - 1e9).log()",
    "a norm of zero divided by": "factor = {name: 1.0 + gain",
}


@pytest.mark.parametrize("fault", LINES)
def test_the_line_is_named_that_makes_what_is_not_finite(tmp_path, fault):
    given = asked(tmp_path, METHODS[fault].source, METHODS[fault].question)
    assert re.match(r"method\.py, line \d+: ", given.place) and LINES[fault] in given.place


def test_an_infinity_that_is_put_aside_is_not_blamed(tmp_path):
    source = """
def penalty(local, state, at):
    aside = local.outputs.masked_fill(local.outputs < 0.0, -torch.inf).exp().mean()
    return 0.01 * aside + (local.outputs - local.outputs).sum().sqrt()


def method() -> Regularizer:
    \"\"\"Set some outputs aside.\"\"\"
    return Regularizer(penalty=penalty)
"""
    given = asked(tmp_path, source, "precision")
    assert given.verdict is Verdict.FAILED and given.place.endswith("(local.outputs - local.outputs).sum().sqrt()")


def test_what_the_task_itself_makes_is_not_laid_to_a_method():
    one, here = torch.ones(()), Path(__file__)
    assert origins.origin(lambda: [one.log()], here) == ""  # zero
    assert origins.origin(lambda: [(one - one).log()], here).startswith("test_check.py, line ")
    assert origins.origin(lambda: [(one - one).log()], here.parent / "elsewhere" / "method.py") == ""


# ---- tasks and metrics of a user


@pytest.mark.parametrize("fault", planted_tasks.FAULTS.values(), ids=planted_tasks.FAULTS)
def test_a_fault_of_a_task_is_found_with_its_fix(tmp_path, fault):
    given = asked(tmp_path, fault.applied(planted_tasks.SOUND), fault.question, planted_tasks)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix


def test_a_sound_task_passes_everything(tmp_path):
    answers = examined(tmp_path, planted_tasks.SOUND, planted_tasks)
    assert {given.verdict for given in answers.values()} == {Verdict.PASSED}, failures(answers)


@pytest.mark.parametrize("fault", planted_metrics.FAULTS.values(), ids=planted_metrics.FAULTS)
def test_a_fault_of_a_metric_is_found_with_its_fix(tmp_path, fault):
    given = asked(tmp_path, fault.applied(planted_metrics.SOUND), fault.question, planted_metrics)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix


def test_a_sound_metric_passes_everything(tmp_path):
    answers = examined(tmp_path, planted_metrics.SOUND, planted_metrics)
    assert {given.verdict for given in answers.values()} == {Verdict.PASSED}, failures(answers)
    said = r"\d+\.\d\d ms per replica, the accuracy on test data \d+\.\d\d ms \(sparse_parity\)"
    assert re.fullmatch(said, answers["cost"].message)


def test_a_metric_that_does_not_rotate_is_not_asked_to(tmp_path):
    given = asked(tmp_path, planted_metrics.SOUND.replace(", rotates=True", ""), "rotation", planted_metrics)
    assert given.verdict is Verdict.NOT_APPLICABLE and "rotated tasks refuse it" in given.message


def test_a_metric_of_facts_is_asked_where_there_are_some(tmp_path):
    source = planted_metrics.SOUND.replace("rotates=True", 'facts=("preactivations",)')
    answers = examined(tmp_path, source, planted_metrics)
    assert answers["number"].verdict is Verdict.PASSED
    nowhere = examined(tmp_path, source.replace("preactivations", "nothing"), planted_metrics)
    assert nowhere["number"].message == "no small task has the splits test and the facts nothing, which it asks for"
    untried = [given for given in nowhere.values() if given.verdict is Verdict.NOT_APPLICABLE]
    assert len(untried) >= 8 and not any(given.verdict is Verdict.FAILED for given in nowhere.values())


def test_a_metric_of_a_split_that_no_small_task_has_is_not_asked(tmp_path):
    answers = examined(tmp_path, planted_metrics.SOUND.replace('"test"', '"held"'), planted_metrics)
    assert answers["number"].message == "no small task has the splits held, which it asks for"


@pytest.mark.parametrize("fault", planted_observers.FAULTS.values(), ids=planted_observers.FAULTS)
def test_a_fault_of_an_observer_is_found_with_its_fix(tmp_path, fault):
    given = asked(tmp_path, fault.applied(planted_observers.SOUND), fault.question, planted_observers)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix
    if fault.question == "events":
        assert re.fullmatch(r"method\.py, line \d+: .+", given.place)


def test_a_sound_observer_passes_everything_and_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    answers = examined(tmp_path, planted_observers.SOUND, planted_observers)
    assert {given.verdict for given in answers.values()} == {Verdict.PASSED}, failures(answers)
    assert re.fullmatch(r"\d+\.\d ms for a replica of 1,000 evaluations of 4 metrics", answers["cost"].message)
    assert list((tmp_path / "here").iterdir()) == []


def test_what_an_observer_raises_is_told_once(tmp_path):
    fault = planted_observers.FAULTS["what a failed replica lacks"]
    answers = examined(tmp_path, fault.applied(planted_observers.SOUND), planted_observers)
    assert list(failures(answers)) == ["events"]
    assert {name for name, given in answers.items() if given.after} == {"interruption", "results"}


# ---- what exceptions mean


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (RuntimeError("expected m1 and m2 to have the same dtype, but got: double != float"), "two precisions meet"),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (2)"), "shapes do not fit together"),
        (KeyError("weight3"), "KeyError: 'weight3'"),
        (PluginError("method needs the parameter 'lr'"), "method needs the parameter 'lr'"),
    ],
)
def test_an_exception_is_said_in_words(tmp_path, error, what):
    message, fix, place = translate(error, tmp_path / "method.py")
    assert message.startswith(what) and fix and place == ""


def test_without_a_record_nothing_else_is_asked(tmp_path):
    answers = examined(tmp_path, planted.FAULTS["no record"].source)
    assert list(failures(answers)) == ["record"]
    others = [given for given in answers.values() if given.after == "record"]
    assert len(others) == 17 and {given.verdict for given in others} == {Verdict.WAITING}


def test_the_global_generators_are_put_back(tmp_path):
    before = torch.random.get_rng_state()
    asked(tmp_path, planted.FAULTS["global randomness"].source, "memory")
    assert torch.equal(torch.random.get_rng_state(), before)


# ---- grokbench check


def test_a_shipped_method_is_asked_line_by_line():
    done = grokbench("check", "grokfast_ema")
    lines = done.out.splitlines()
    assert done.status == 0 and lines[0] == "grokfast_ema (regularizer, built in)"
    assert "  passed          group: a group of seeds equals each seed alone, to 1e-9 after 20 steps" in lines
    assert any(line.startswith("  not applicable  withheld data:") and "no prepare" in line for line in lines)
    assert lines[-1] == "  19 passed, 0 failed, 1 not applicable"


def test_a_file_with_a_fault_ends_with_status_1_and_says_the_fix(tmp_path):
    fault = planted.FAULTS["an in-place change"]
    done = grokbench("check", planted.write(tmp_path, fault.source))
    assert done.status == 1 and done.out.startswith("method (regularizer, file method.py)\n")
    lines = done.out.splitlines()
    (at,) = [at for at, line in enumerate(lines) if line.startswith("  failed")]
    assert lines[at].startswith("  failed          arguments: it writes into nothing it is given")
    assert lines[at + 1] == f"{18 * ' '}On xor, transform writes into grads.weight1, grads.weight2."
    assert lines[at + 2].startswith(f"{18 * ' '}Fix: make a new tensor")


def test_a_question_ends_a_sentence_by_itself_and_names_keep_their_case(tmp_path):
    source = planted_habits.FAULTS["a field that is not there"].source
    done = grokbench("check", planted.write(tmp_path, source))
    assert "\n                  Fix: Local has outputs, pullback, did you mean 'outputs'?\n" in done.out
    lost = grokbench("check", planted.write(tmp_path, source.replace("return Regularizer", "Regularizer")))
    assert "\n                  method returns a NoneType, expected a Regularizer.\n" in lost.out


def test_a_vector_in_place_of_a_penalty_is_told_once(tmp_path):
    assert list(failures(examined(tmp_path, planted.FAULTS["a wrong shape"].source))) == ["shapes"]


def test_what_waits_is_one_line_beneath_the_failure_it_waits_for(tmp_path):
    done = grokbench("check", planted.write(tmp_path, planted.FAULTS["a Python branch on a tensor"].source))
    lines = done.out.splitlines()
    assert re.fullmatch(r" {18}At method\.py, line \d+: return .+ if g\.norm\(\) > 1\.0 else .+", lines[8])
    waiting = [line for line in lines if line.startswith("  waiting")]
    assert waiting == [
        "  waiting         6 questions wait for device: memory, precision, state, dead network, group, pairing"
    ]
    assert lines[-1] == "  9 passed, 1 failed, 4 not applicable, 6 waiting" and "cannot be asked" not in done.out


def test_a_name_may_come_from_a_plugin_file(tmp_path):
    done = grokbench(
        "check", "method", "--plugin", planted.write(tmp_path, planted.FAULTS["a missing docstring"].source)
    )
    assert done.status == 1 and "method has no docstring.\n" in done.out and "Fix: begin the docstring" in done.out


def test_a_provider_that_is_left_out_is_said_beside_the_answers(tmp_path):
    (tmp_path / "missing.py").write_text("import nowhere\n")
    done = grokbench("check", "weight_norm", "--plugin", tmp_path / "missing.py")
    assert done.status == 0 and done.out.endswith("0 failed, 0 not applicable\n")
    assert done.err == "Warning: file missing.py is left out: ModuleNotFoundError: No module named 'nowhere' (line 1)\n"


def test_markdown_is_a_summary_for_a_pull_request(tmp_path):
    source = planted.FAULTS["a host synchronisation in an optimizer"].source
    done = grokbench("check", planted.write(tmp_path, source), "--format", "markdown")
    lines = [line for line in done.out.splitlines() if line]
    assert done.status == 1 and lines[0] == "### `method`: 16 passed, 1 failed, 3 not applicable"
    made = r"Regularizer, file method\.py, sha256 [0-9a-f]{12}\. Asked by GrokBench \S+ .*with torch \S+, Python \S+\."
    assert re.fullmatch(made, lines[1])
    assert lines[2].startswith("**Failed: device** (it neither branches on tensors")
    assert lines[3].endswith(r"it reads a tensor back from the device with \_\_float\_\_.")  # and not in bold
    assert re.fullmatch(r"`method\.py, line \d+: largest = .+`", lines[4])
    assert lines[5].startswith("**Fix:** keep every number a tensor")
    folded = lines.index("<details><summary>16 passed, 3 not applicable</summary>")
    assert lines[folded + 1 : folded + 3] == ["| question | | answer | |", "|---|---|---|---|"] and folded == 6
    rows, (end,) = lines[folded + 3 : -1], lines[-1:]
    assert len(rows) == 19 and end == "</details>"
    assert all(line.startswith("| ") and len(re.findall(r"(?<!\\)\|", line)) == 5 for line in rows)


def test_markdown_says_in_one_line_what_waits(tmp_path):
    source = planted_records.FAULTS["an argument of its own"].source
    done = grokbench("check", planted.write(tmp_path, source), "--format", "markdown")
    assert done.out.startswith("### `method`: 2 passed, 1 failed, 0 not applicable, 17 waiting\n")
    assert "\n17 questions wait for record: defaults, shapes, " in done.out and "| waiting |" not in done.out


def test_a_line_of_source_with_backticks_is_code_all_the_same():
    assert pull_request._code("a `b`") == "`` a `b` ``" and pull_request._code("a") == "`a`"


LOST = "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"
WRONG = {  # arguments -> the message; {} is the folder
    "unknown name": (
        ["grokalig"],
        "nothing is named 'grokalig', did you mean 'grokalign'?; `grokbench list` shows every name",
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
        f"{{}}/missing.py, line 2, {LOST}; `grokbench list --plugin {{}}/missing.py` shows the traceback",
    ),
    "syntax": (
        ["{}/syntax.py"],
        "{}/syntax.py, line 3, cannot be loaded: SyntaxError: invalid syntax; "
        "`grokbench list --plugin {}/syntax.py` shows the traceback",
    ),
    "a broken file beside an unknown name": (
        ["x", "--plugin", "{}/missing.py"],
        "nothing is named 'x'; `grokbench list` shows every name; "
        "file missing.py is left out: ModuleNotFoundError: No module named 'nowhere' (line 2)",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_checked_is_one_sentence_and_status_2(tmp_path, monkeypatch, arguments, message):
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


def test_a_gradient_that_is_left_out_is_named(tmp_path):
    source = """
def transform(grads, state, at):
    return {name: g for name, g in grads.items() if name != "bias1"}, state


def method() -> Regularizer:
    \"\"\"Forget a bias.\"\"\"
    return Regularizer(transform=transform)
"""
    given = asked(tmp_path, source, "shapes")
    assert given.message == "on sparse_parity, transform returns no gradient of bias1"


def test_where_an_exception_was_raised_the_task_is_named(tmp_path):
    source = """
def gap(probe):
    return probe.outputs("train").topk(2).values.diff(dim=-1).abs().mean()


def method() -> Metric:
    \"\"\"The gap between the two largest outputs, which a network with one output does not have.\"\"\"
    return Metric(measure=gap, splits=("train",))
"""
    given = asked(tmp_path, source, "shapes", planted_metrics)
    assert given.verdict is Verdict.FAILED and given.message.startswith("on xor, ")
