"""What an examination says beside passed and failed: what waits, what does not apply, whom it blames."""

import warnings
from pathlib import Path

import pytest
import torch

import grokbench
from grokbench.conformance import Verdict, device_reads
from grokbench.conformance.advice import RECORD_MODULES, translate
from grokbench.engine import timing
from grokbench.errors import PluginError

from .helpers import planted
from .helpers.check_answers import answer_of, examined, failures, subject
from .helpers.planted import metrics, observers, phases

pytestmark = pytest.mark.usefixtures("quick_check")


def test_a_method_is_tried_where_the_facts_are_that_it_asks_for(tmp_path):
    source = phases.SOUND.replace("privileges=", 'facts=("cross_entropy",), privileges=')
    examinee = subject(tmp_path, source)
    labels = [label for label, _ in examinee.tasks()]
    assert labels == ["sparse_parity", "modular_addition", "modular_transformer_frozen"]
    assert failures(examined(tmp_path, source, trial_tasks=("xor", "sparse_parity"))) == {}  # and xor has no such fact


def test_a_method_that_fits_no_small_task_says_so_in_place_of_passing(tmp_path):
    source = phases.SOUND.replace("privileges=", 'facts=("spin",), privileges=')
    answers = examined(tmp_path, source)
    said = "no small task has the facts spin, which it needs"
    untried = [given for given in answers.values() if given.message == said]
    assert failures(answers) == {} and len(untried) == 17
    assert answers["cost"].message == "sparse_parity, on which steps are timed, lacks the facts that it needs"


def test_a_misspelt_field_is_looked_up_in_every_record_that_functions_receive():
    records = ("About", "At", "Batch", "Local", "Probe", "Task")
    assert {getattr(grokbench, name).__module__ for name in records} <= set(RECORD_MODULES)


def test_a_declared_privilege_covers_withheld_data(tmp_path):
    source = planted.METHODS["withheld data taken together"].source
    declared = source.replace("prepare=prepare)", 'prepare=prepare, privileges=frozenset({"extra_labels"}))')
    given = answer_of(tmp_path, declared, "withheld data")
    assert given.verdict is Verdict.NOT_APPLICABLE and given.message == "it declares extra_labels"


def test_a_fault_that_stops_training_is_reported_once(tmp_path):
    answers = examined(tmp_path, planted.METHODS["a Python branch on a tensor"].source)
    assert list(failures(answers)) == ["device"]
    waiting = [name for name, given in answers.items() if given.verdict is Verdict.SKIPPED]
    assert "group" in waiting and {answers[name].cause for name in waiting} == {"device"}


@pytest.mark.parametrize(
    ("habit", "waiting"), [("gradients without the state", 12), ("a count in Python", 10), ("a float64 literal", 4)]
)
def test_questions_wait_for_a_return_value_that_the_engine_cannot_use(tmp_path, habit, waiting):
    answers = examined(tmp_path, planted.METHODS[habit].source)
    assert list(failures(answers)) == ["shapes"] or habit == "a float64 literal"
    assert sum(given.cause == "shapes" for given in answers.values()) == waiting


def test_one_draw_from_a_global_generator_is_one_failure(tmp_path):
    answers = examined(tmp_path, planted.METHODS["global randomness"].source)
    assert list(failures(answers)) == ["device"] and answers["memory"].cause == "device"


def test_a_missing_docstring_keeps_nothing_else_from_being_said(tmp_path):
    habit = planted.METHODS["a parameter of another task"]
    source = habit.source.replace("Do what a newcomer does.", "Too short")
    assert list(failures(examined(tmp_path, source))) == ["description", "shapes"]


def test_a_test_in_the_folder_of_the_plugin_is_not_blamed():
    one, here = torch.ones(()), Path(__file__)
    assert device_reads.find_device_reads(one.item, here) == []
    ((what, place, _),) = device_reads.find_device_reads(lambda: one.item(), here)
    assert what == "it reads a tensor back from the device with item"
    assert place.startswith("test_check_answers.py, line ")


def test_warnings_of_torch_name_the_plugin(tmp_path):
    source = """
def transform(grads, state, at):
    return {name: g.clone().clamp_(-1.0, 1.0) for name, g in grads.items()}, state


def method() -> Regularizer:
    \"\"\"Clip every element, by an operation that torch maps slowly, and says so.\"\"\"
    return Regularizer(transform=transform)
"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given = answer_of(tmp_path, source, "device")
    assert given.verdict is Verdict.PASSED
    assert {Path(warning.filename).name for warning in caught} <= {"method.py"}


def test_a_metric_that_does_not_rotate_is_not_asked_to(tmp_path):
    given = answer_of(tmp_path, metrics.SOUND.replace(", rotates=True", ""), "rotation", metrics)
    assert given.verdict is Verdict.NOT_APPLICABLE and "rotated tasks refuse it" in given.message


def test_a_metric_of_facts_is_asked_where_there_are_some(tmp_path):
    source = metrics.SOUND.replace("rotates=True", 'facts=("preactivations",)')
    answers = examined(tmp_path, source, metrics)
    assert answers["number"].verdict is Verdict.PASSED
    nowhere = examined(tmp_path, source.replace("preactivations", "nothing"), metrics)
    assert nowhere["number"].message == "no small task has the splits test and the facts nothing, which it needs"
    untried = [given for given in nowhere.values() if given.verdict is Verdict.NOT_APPLICABLE]
    assert len(untried) >= 8 and not any(given.verdict is Verdict.FAILED for given in nowhere.values())


def test_a_metric_of_a_split_that_no_small_task_has_is_not_asked(tmp_path):
    answers = examined(tmp_path, metrics.SOUND.replace('"test"', '"held"'), metrics)
    assert answers["number"].message == "no small task has the splits held, which it needs"


def test_an_exception_of_an_observer_is_reported_once(tmp_path):
    fault = observers.FAULTS["what a failed replica lacks"]
    answers = examined(tmp_path, fault.applied(observers.SOUND), observers)
    assert list(failures(answers)) == ["events"]
    assert {name for name, given in answers.items() if given.cause} == {"interruption", "results"}


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (RuntimeError("expected m1 and m2 to have the same dtype, but got: double != float"), "it combines tensors"),
        (RuntimeError("The size of tensor a (3) must match the size of tensor b (2)"), "shapes do not fit together"),
        (KeyError("weight3"), "KeyError: 'weight3'"),
        (PluginError("method needs the parameter 'lr'"), "method needs the parameter 'lr'"),
    ],
)
def test_an_exception_is_said_in_words(tmp_path, error, what):
    message, fix, place = translate(error, tmp_path / "method.py")
    assert message.startswith(what) and fix and place == ""


def test_every_question_waits_for_a_record(tmp_path):
    answers = examined(tmp_path, planted.METHODS["no record"].source)
    assert list(failures(answers)) == ["record"]
    others = [given for given in answers.values() if given.cause == "record"]
    assert len(others) == 26 and {given.verdict for given in others} == {Verdict.SKIPPED}


def test_the_global_generators_are_put_back(tmp_path):
    before = torch.random.get_rng_state()
    answer_of(tmp_path, planted.METHODS["global randomness"].source, "memory")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_vector_in_place_of_a_penalty_is_reported_once(tmp_path):
    assert list(failures(examined(tmp_path, planted.METHODS["a wrong shape"].source))) == ["shapes"]


def test_a_gradient_that_is_left_out_is_named(tmp_path):
    source = """
def transform(grads, state, at):
    return {name: g for name, g in grads.items() if name != "bias1"}, state


def method() -> Regularizer:
    \"\"\"Forget a bias.\"\"\"
    return Regularizer(transform=transform)
"""
    given = answer_of(tmp_path, source, "shapes")
    assert given.message == "on sparse_parity, transform returns no gradient named bias1"


def test_an_exception_names_the_task(tmp_path):
    source = """
def gap(probe):
    return probe.outputs("train").topk(2).values.diff(dim=-1).abs().mean()


def method() -> Metric:
    \"\"\"The gap between the two largest outputs, which a network with one output does not have.\"\"\"
    return Metric(measure=gap, splits=("train",))
"""
    given = answer_of(tmp_path, source, "shapes", metrics)
    assert given.verdict is Verdict.FAILED and given.message.startswith("on xor, ")


def test_a_machine_that_is_too_busy_does_not_fail_a_method(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "CLOCKS_AGREE", -1.0)
    given = answer_of(tmp_path, planted.SOUND, "cost")
    assert given.verdict is Verdict.NOT_APPLICABLE and "too busy now" in given.message
