"""The default of H: from the baseline's median in calibration, the same for all methods, known before training."""

from pathlib import Path

import pytest

from grokbench.judging.ranking import compare
from grokbench.plan import expand
from grokbench.plan.holds import MEDIANS, hold_of, short_holds
from grokbench.plugins import load_registry
from grokbench.seeds import FIRST_REPORTED
from grokbench.store import Store
from grokbench.suite import load_suite

from .helpers import tiny

READINGS = Path(__file__).parents[1] / "results" / "readings"
SUITE = """\
suite: held
seeds: 3
baseline: baseline
tasks:
  parity: {use: sparse_parity, bits: 43, evaluate_every: 10, stop: hold}
regularizers: {baseline: {}, orthograd: {}}
statistics: {rank_by: lasting}
"""


@pytest.fixture(scope="module")
def registry():
    return load_registry(())


def cells_of(folder, text, registry):
    return expand(load_suite(str(tiny.write(folder, text))), registry, "float32", 2)


def of(plugin, given):
    return {name: value for name, value in plugin.resolve(given).items() if name != "rotate"}


@pytest.mark.parametrize(("median", "every", "hold"), [(2126, 1, 426), (2126, 4, 428), (264, 1, 100), (160, 5, 500)])
def test_a_fifth_of_the_median_and_at_least_a_hundred_evaluations(median, every, hold):
    assert hold_of(median, every) == hold and hold % every == 0


def test_a_plan_holds_the_number_for_every_method(tmp_path, registry):
    cells = cells_of(tmp_path, SUITE, registry)
    assert {cell.recipe.hold for cell in cells} == {1000}  # 100 evaluations, more than 2126 / 5
    given = cells_of(tmp_path, SUITE.replace("stop: hold", "stop: {hold: 1000}"), registry)
    assert [cell.identity for cell in cells] == [cell.identity for cell in given]


@pytest.mark.parametrize(
    ("old", "new"), [("bits: 43", "bits: 30"), ("stop: hold", "grokked: {test_accuracy: '> 0.8'}, stop: hold")]
)
def test_settings_without_a_known_median_are_refused_with_the_rule(tmp_path, old, new):
    refused = tiny.grokbench("validate", tiny.write(tmp_path, SUITE.replace(old, new)))
    assert refused.status == 2 and "rank_by" not in refused.err
    assert "tasks.parity: stop: hold, but the baseline's median epochs on sparse_parity are not known" in refused.err
    assert "a fifth of that median on seeds below 1000, and at least 1000, which are 100 evaluations" in refused.err


def test_a_short_hold_is_warned_of(tmp_path):
    done = tiny.grokbench("validate", tiny.write(tmp_path, SUITE.replace("stop: hold", "stop: {hold: 990}")))
    assert done.status == 0
    assert "Warning: parity: only 99 evaluations decide whether grokking lasts, fewer than 100" in done.err


def test_a_default_hold_is_not_short(tmp_path, registry):
    assert not list(short_holds(cells_of(tmp_path, SUITE, registry)))


def test_show_gives_the_medians_that_are_known():
    assert "bits: 43: 2126 / 5" in tiny.grokbench("show", "sparse_parity").out
    assert "stop: hold" not in tiny.grokbench("show", "cifar10").out


def test_every_median_was_measured_on_seeds_below_those_that_are_reported(registry):
    measured = []
    for folder in (path.parent for path in READINGS.glob("*/manifest.json")):
        store = Store.load(folder)
        if max(store.manifest.seeds) < FIRST_REPORTED:
            measured += [each.measured for each in compare(store.manifest, store.runs()).cells if each.is_baseline]
    for name, given, median in MEDIANS:
        plugin = registry.get("tasks", name)
        task, wanted = plugin.make(given), of(plugin, given)
        same = [
            each
            for each in measured
            if each.cell.recipe.task.name == name
            and of(plugin, each.cell.recipe.task.parameters) == wanted
            and (each.cell.recipe.grokked, each.cell.recipe.task.revision) == (task.grokked, task.revision)
        ]
        assert median in [each.median() for each in same], (name, given)
