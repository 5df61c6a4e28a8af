"""Every planted fault is found, with its fix, by the question it is planted for; a sound plugin passes all."""

import re

import pytest
import torch

from grokbench.conformance import QUESTIONS, Verdict, answer, effects, placement

from .helpers import planted
from .helpers.check_answers import answer_of, examined, failures, subject
from .helpers.planted import metrics, observers, phases, sound, tasks

pytestmark = pytest.mark.usefixtures("quick_check", "_short_runs")


@pytest.fixture
def _short_runs(monkeypatch):
    """What shows at all here shows within few steps."""
    monkeypatch.setattr(effects, "RUNS", ((2, 1), (7, 2)))


@pytest.mark.parametrize("fault", planted.METHODS.values(), ids=planted.METHODS)
def test_a_planted_fault_is_found_with_its_fix(tmp_path, fault):
    given = answer_of(tmp_path, fault.source, fault.question)
    assert given.verdict == fault.verdict, str(given)
    assert fault.message in given.message and fault.fix in given.fix
    if fault.question == "device":
        assert re.fullmatch(r"method\.py, line \d+: .+", given.place)


def test_the_pretend_device_works_after_a_backward_pass(tmp_path):  # which starts the threads of all devices known
    torch.ones(1, requires_grad=True).sum().backward()
    given = answer_of(tmp_path, planted.METHODS["a projection on the CPU"].source, "placement")
    assert given.verdict is Verdict.FAILED and given.place.startswith("method.py, line ")


def test_an_older_torch_has_a_device_without_values(tmp_path, monkeypatch):
    monkeypatch.setattr(placement, "has_pretend_device", lambda: False)
    given = answer_of(tmp_path, planted.METHODS["a tensor on the CPU"].source, "placement")
    assert given.verdict is Verdict.FAILED and given.place.startswith("method.py, line ")


NAN_LINES = {  # fault -> the line of the forward operation whose gradient is nan
    "a nan gradient on a dead network": ".square().sum(-1).sqrt().mean()",
    "an exponential in a sure network": "outputs.exp().mean().log()",
}


@pytest.mark.parametrize("fault", NAN_LINES)
def test_the_line_with_a_nan_gradient_is_named(tmp_path, fault):
    given = answer_of(tmp_path, planted.METHODS[fault].source, planted.METHODS[fault].question)
    assert re.match(r"method\.py, line \d+: ", given.place) and NAN_LINES[fault] in given.place


# Sound methods are examined on two trial tasks each: test_conformance examines the shipped ones on all.
UNDECLARED = ["declared", "claims", "periods"]  # questions about what the sound methods do not have


def test_a_sound_plugin_beside_them_passes_everything(tmp_path):
    answers = examined(tmp_path, planted.SOUND, trial_tasks=("sparse_parity", "modular_addition"))
    assert failures(answers) == {}
    others = [name for name, given in answers.items() if given.verdict is not Verdict.PASSED]
    assert others == ["settings", "project", *UNDECLARED, "withheld data", "rotation"]  # and its noise does not rotate
    assert re.fullmatch(r"[+-]\d+\.\d\d ms per step: .+ms \(sparse_parity\)", answers["cost"].message)


def test_a_sound_plugin_with_the_other_phases_passes_everything(tmp_path):
    answers = examined(tmp_path, phases.SOUND, trial_tasks=("xor", "modular_transformer_frozen"))
    assert failures(answers) == {}
    others = [name for name, given in answers.items() if given.verdict is not Verdict.PASSED]
    assert others == ["settings", *UNDECLARED, "withheld data", "rotation"]


SILENT = ("effect", "sensitivity", "settings", "project", "layout", "declared", "claims", "periods")


@pytest.mark.parametrize("source", sound.METHODS.values(), ids=sound.METHODS)
def test_a_sound_method_near_to_a_fault_gets_no_hint(tmp_path, source):
    examinee = subject(tmp_path, source)
    given = {
        each.name: answer(each, examinee) for each in QUESTIONS["regularizers"] if each.name in ("shapes", *SILENT)
    }
    assert not {name: str(each) for name, each in given.items() if each.verdict in (Verdict.FAILED, Verdict.HINT)}


def test_an_optimizer_of_torch_may_read_numbers_and_keep_them_where_it_likes(tmp_path):
    examinee = subject(tmp_path, sound.OF_TORCH)
    names = ("device", "state", "placement", "settings", "recording")
    given = {each.name: answer(each, examinee) for each in QUESTIONS["regularizers"] if each.name in names}
    assert failures(given) == {}
    assert all(given[name].message.startswith("mapped=False: ") for name in ("device", "recording"))


def test_a_number_that_is_read_is_the_reason_of_a_slower_method(tmp_path):
    given = answer_of(tmp_path, planted.METHODS["a host synchronisation in an optimizer"].source, "recording")
    assert given.verdict is Verdict.HINT and given.message.endswith("slower on a CPU: it reads a number from a tensor")


def test_a_metric_that_overwrites_its_own_tensor_cannot_be_recorded(tmp_path):
    source = "KEPT = torch.ones(())\n" + metrics.SOUND.replace("return probe", "return KEPT.fill_(1.0) * probe")
    given = answer_of(tmp_path, source, "recording", metrics)
    assert given.verdict is Verdict.HINT and "it overwrites a tensor that it keeps between calls" in given.message


@pytest.mark.parametrize("fault", tasks.FAULTS.values(), ids=tasks.FAULTS)
def test_a_fault_of_a_task_is_found_with_its_fix(tmp_path, fault):
    given = answer_of(tmp_path, fault.applied(tasks.SOUND), fault.question, tasks)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix


def test_a_sound_task_passes_everything(tmp_path):
    answers = examined(tmp_path, tasks.SOUND, tasks)
    assert {given.verdict for given in answers.values()} == {Verdict.PASSED}, failures(answers)


@pytest.mark.parametrize("fault", metrics.FAULTS.values(), ids=metrics.FAULTS)
def test_a_fault_of_a_metric_is_found_with_its_fix(tmp_path, fault):
    given = answer_of(tmp_path, fault.applied(metrics.SOUND), fault.question, metrics)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix


def test_a_sound_metric_passes_everything(tmp_path):
    answers = examined(tmp_path, metrics.SOUND, metrics)
    assert {given.verdict for given in answers.values()} == {Verdict.PASSED}, failures(answers)
    said = r"\d+\.\d\d ms per replica, the accuracy on test data \d+\.\d\d ms \(sparse_parity\)"
    assert re.fullmatch(said, answers["cost"].message)


@pytest.mark.parametrize("fault", observers.FAULTS.values(), ids=observers.FAULTS)
def test_a_fault_of_an_observer_is_found_with_its_fix(tmp_path, fault):
    given = answer_of(tmp_path, fault.applied(observers.SOUND), fault.question, observers)
    assert given.verdict is Verdict.FAILED
    assert fault.message in given.message and fault.fix in given.fix
    if fault.question == "events":
        assert re.fullmatch(r"method\.py, line \d+: .+", given.place)


def test_a_sound_observer_passes_everything_and_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    answers = examined(tmp_path, observers.SOUND, observers)
    assert {given.verdict for given in answers.values()} == {Verdict.PASSED}, failures(answers)
    assert re.fullmatch(r"\d+\.\d ms for a replica of 1,000 evaluations of 4 metrics", answers["cost"].message)
    assert list((tmp_path / "here").iterdir()) == []
