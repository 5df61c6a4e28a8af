"""Every registered plugin answers every question. A new one is asked without a line of test code."""

from dataclasses import fields, replace

import pytest

from grokbench.conformance import (
    QUESTIONS,
    Subject,
    Verdict,
    answer,
    calls,
    effects,
    layout,
    methods,
    metrics,
    purity,
    short_runs,
    small_plugins,
    training,
)
from grokbench.conformance.small_plugins import TRIAL_TASKS
from grokbench.conformance.subjects import NoTrialTask
from grokbench.plan.metrics import can_record
from grokbench.plugins import BUILTINS, KINDS, load_registry
from grokbench.regularizer import Regularizer

REGISTRY = load_registry()
ASKED = [
    pytest.param(kind, name, question, id=f"{name}-{question.name.replace(' ', '_')}")
    for kind in KINDS
    for name in getattr(REGISTRY, kind)
    for question in QUESTIONS[kind]
]

pytestmark = pytest.mark.usefixtures("tiny_data", "few_corruptions", "quick_check")


def subject(kind, name):
    """A metric that none of the usual small tasks can record is tried on all: here their data files are there."""
    found = Subject(getattr(REGISTRY, kind)[name], REGISTRY)
    try:
        if kind == "metrics":
            next(found.tasks())
    except NoTrialTask:
        return replace(found, trial_tasks=tuple(small_plugins.TASKS))
    return found


def of_two_tasks(subject, question=None):
    """The subject, and if it is a method, the first two or the last two trial tasks that it fits, in turn.

    The questions about effects need the one task that an effect shows on, and end there. That about the layout of
    matrices is asked on the first tasks alone.
    """
    if subject.plugin.kind != "regularizers" or question in effects.QUESTIONS or question in layout.QUESTIONS:
        return subject
    fitting = tuple(label for label, _ in subject.tasks())
    turn = sorted(REGISTRY.regularizers).index(subject.plugin.name) % 2
    return replace(subject, trial_tasks=fitting[-2:] if turn else fitting[:2], tried=[])


def conforms(question, subject, monkeypatch):
    # Eight steps are several epochs of every small task; training calls no metric, so one step is as good as many.
    steps = 1 if subject.plugin.kind == "metrics" else 8
    for module in (methods, purity, training):
        monkeypatch.setattr(module, "epochs_for", lambda task: short_runs.epochs_for(task, steps))
    given = answer(question, subject)
    if given.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(given.message)
    assert given.verdict is Verdict.PASSED, str(given)


@pytest.mark.parametrize(("kind", "name", "question"), ASKED)
def test_a_plugin_conforms(kind, name, question, monkeypatch):
    conforms(question, of_two_tasks(subject(kind, name), question), monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "name", "question"), [each for each in ASKED if each.values[0] == "regularizers"])
def test_a_method_conforms_on_every_trial_task(kind, name, question, monkeypatch):
    conforms(question, subject(kind, name), monkeypatch)


def test_each_trial_task_is_that_of_ten_methods():
    tried = [
        label for name in REGISTRY.regularizers for label in of_two_tasks(subject("regularizers", name)).trial_tasks
    ]
    assert all(tried.count(label) >= 10 for label in TRIAL_TASKS)


def test_every_provider_loads():
    assert BUILTINS and [str(broken) for broken in REGISTRY.broken] == []


def test_every_shipped_method_has_settings_that_show_and_every_task_a_small_form():
    assert {form.use for form in small_plugins.METHODS.values()} == set(REGISTRY.regularizers)
    assert {form.use for form in small_plugins.TASKS.values()} == set(REGISTRY.tasks)
    assert set(REGISTRY.regularizers) <= set(small_plugins.METHODS), "a method is examined in the form of its own name"


def test_methods_are_tried_on_l2_and_decoupled_decay_biases_and_batches_of_two_sizes():
    tried = dict(subject("regularizers", "baseline").tasks())
    assert {task.optimizer.decoupled for task in tried.values()} == {True, False}
    assert any("bias" in task.roles.values() for task in tried.values())
    assert any(task.batch_size and task.train_size % task.batch_size for task in tried.values())


def test_every_phase_of_a_regularizer_is_watched():
    recorded = set(calls.ARGUMENTS["regularizers"]) | set(calls.WRAPPED)
    others = {
        "optimizer",
        "every",
        "reserve",
        "needs",
        "mapped",
        "privileges",
        "neutral",
        "inert",
        "facts",
        "refuses",
        "rotates",
        "revision",
    }
    assert {field.name for field in fields(Regularizer)} == recorded | others


def test_metrics_are_measured_before_and_during_training():
    _, step = next(calls.steps(subject("metrics", "weight_norm")))
    start, one_epoch, two_epochs = metrics._measured(step, (0, 1))
    assert start != one_epoch != two_epochs


def test_metrics_are_asked_on_the_splits_they_can_be_asked_about():
    for name in REGISTRY.metrics:
        asked = subject("metrics", name)
        able = [label for label, task in subject("metrics", name).tasks() if can_record(task, asked.metric())]
        assert able and [label for label, _ in calls.steps(asked)] == able
