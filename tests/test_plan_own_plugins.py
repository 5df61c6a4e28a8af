"""What a plugin of the user's own makes wrong with a plan is told with its place, as for the built-in ones."""

import pytest

from grokbench.errors import SuiteError
from grokbench.plan import expand
from grokbench.plugins import load_registry
from grokbench.suite import load_suite

from .helpers.planted import tasks
from .helpers.short_suites import HEAD


@pytest.fixture
def complaints_with(tmp_path):
    """The lines of the SuiteError of a suite's text with a plugin file of that text."""

    def told(plugin, text):
        mine, suite = tmp_path / "mine.py", tmp_path / "s.yaml"
        mine.write_text(plugin)
        suite.write_text(text)
        with pytest.raises(SuiteError) as caught:
            expand(load_suite(str(suite)), load_registry([mine]), "float32", 1)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return told


def test_a_rotated_task_refuses_metrics_that_look_at_coordinates(complaints_with):
    largest = (
        'from grokbench import Metric, hookimpl\n\n\ndef largest() -> Metric:\n    """Largest input."""\n'
        '    return Metric(measure=lambda probe: probe.splits["train"].inputs.max(), splits=("train",))\n\n\n'
        "@hookimpl\ndef grokbench_metrics():\n    yield largest\n"
    )
    text = "tasks: {xor: {rotate: true}}\nregularizers: {baseline: {}}\nmetrics: {weight_norm: {}, largest: {}}\n"
    assert complaints_with(largest, HEAD + text) == [
        "s.yaml:6:28: metrics.largest: largest does not declare that it is the same in rotated coordinates, in which "
        "xor is trained; set rotate: false in this task"
    ]


def test_a_task_with_a_cadence_of_0_is_refused_in_words(complaints_with):
    plugin = f"{tasks.HEAD}{tasks.SOUND.replace('epochs=10', 'epochs=10, evaluate_every=0')}{tasks.HOOK}"
    assert complaints_with(plugin, HEAD + "tasks: {method: {}}\nregularizers: {baseline: {}}\n") == [
        "s.yaml:4:9: tasks.method: method (file mine.py) refuses its parameters: evaluate_every must be a whole number "
        "of at least 1, got 0"
    ]


APART = f"""{tasks.HEAD}
from dataclasses import replace

from grokbench import Metric
{tasks.SOUND}

def with_facts() -> Task:
    \"""It has the facts.\"""
    return replace(method(), facts={{"modulus": 7}})


def with_split() -> Task:
    \"""It has the split.\"""
    return replace(method(), split_names=("train", "test", "noise"))


def scaled() -> Metric:
    \"""It asks for both.\"""
    return Metric(measure=lambda probe: probe.outputs("noise").mean(), splits=("noise",), facts=("modulus",))


def both_splits() -> Metric:
    \"""It asks for two splits.\"""
    return Metric(measure=lambda probe: probe.outputs("noise").mean(), splits=("noise", "validation"))


@hookimpl
def grokbench_tasks():
    yield with_facts
    yield with_split


@hookimpl
def grokbench_metrics():
    yield scaled
    yield both_splits
"""


MODULUS = 'facts={"modulus": 7}'


@pytest.mark.parametrize(
    ("metric", "in_place", "needs"),
    [
        ("scaled", MODULUS, "modulus and the split noise"),
        ("both_splits", 'split_names=("train", "test", "validation")', "the splits noise and validation"),
    ],
)
def test_a_metric_whose_needs_are_met_by_different_tasks_is_told(complaints_with, metric, in_place, needs):
    text = "tasks: {with_facts: {}, with_split: {}}\nregularizers: {baseline: {}}\n" + f"metrics: {{{metric}: {{}}}}\n"
    assert complaints_with(APART.replace(MODULUS, in_place), HEAD + text) == [
        f"s.yaml:6:11: metrics.{metric}: {metric} needs a task with {needs}; no task here has all of them"
    ]
