"""A plugin that is edited or fails: what is trained and timed again, and what is kept."""

import pytest

from grokbench.judging.note import Kind
from grokbench.judging.seconds import costs
from grokbench.records import Outcome, Run, Timing
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import tiny
from .helpers.performed_plans import SEEDS, left, opened, perform, trained

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def mine(tmp_path):
    return tiny.write(tmp_path, tiny.PLUGIN, "mine.py")


def edit(file):
    file.write_text(file.read_text() + "\n# edited\n", encoding="utf-8")


def test_an_edited_plugin_is_trained_again_and_the_old_runs_are_kept(plan, mine):
    text = tiny.with_methods("steady")
    perform(plan(text, plugins=(str(mine),)))
    assert perform(plan(text, plugins=(str(mine),))) == []
    edit(mine)
    made = plan(text, plugins=(str(mine),))
    steady = made.cells[1]
    assert left(made, pipeline.existing_store(made)) == [("steady", SEEDS, [*SEEDS])]
    assert trained(perform(made)) == [(steady.identity, seed) for seed in SEEDS]
    kept = sorted((made.directory / "superseded").glob("*/*.json"))
    assert [(file.parent.name, file.name) for file in kept] == [(steady.identity, f"{seed}.1.json") for seed in SEEDS]
    assert perform(plan(text, plugins=(str(mine),))) == []


def test_an_edited_plugin_is_timed_again(plan, mine):
    text = tiny.with_methods("steady")
    perform(plan(text, plugins=(str(mine),)))
    edit(mine)
    made = plan(text, plugins=(str(mine),))
    assert made.cells[1].identity in {event.identity for event in perform(made) if isinstance(event, Timing)}


def test_methods_that_did_not_take_turns_are_timed_again_together(plan):
    for method in ("orthograd", "grokfast_ema"):  # each drops the other from the plan, and is timed with the baseline
        perform(plan(tiny.with_methods(method)))
    both = plan(tiny.with_methods("orthograd", "grokfast_ema"))
    store = opened(both)
    assert list(overheads(store)) == ["grokfast_ema"]
    assert apart(store) == ["orthograd"]
    assert {event.identity for event in perform(both)} == {cell.identity for cell in both.cells}
    assert list(overheads(store)) == ["orthograd", "grokfast_ema"]
    assert apart(store) == [] and perform(both) == []


def apart(store):
    """The methods whose seconds are not compared with the baseline's."""
    rows = pipeline.judge(store).rows
    return [row.regularizer for row in rows if Kind.CLOCKS_DIFFER in [note.kind for note in row.notes]]


def overheads(store):
    """What a method's epoch costs over the baseline's, where that can be said."""
    found = costs(pipeline.compare(store.manifest, store.runs(), store.timings()))
    return {cost.regularizer: cost.overhead for cost in found if cost.overhead}


def test_a_failed_replica_is_repeated_and_not_kept_as_superseded(plan, mine):
    text = tiny.with_methods("raises")
    for _ in range(2):
        runs = [event for event in perform(plan(text, plugins=(str(mine),))) if isinstance(event, Run)]
        failed = [run for run in runs if run.outcome is Outcome.FAILED]
        assert len(failed) == 3 and all("boom in training" in run.error for run in failed)
    assert not (plan(text, plugins=(str(mine),)).directory / "superseded").exists()


def test_a_method_that_fails_takes_nobody_elses_seconds(plan, mine):
    made = plan(tiny.with_methods("orthograd", "raises"), plugins=(str(mine),))
    perform(made)
    rows = {row.regularizer: row for row in pipeline.judge(Store.load(made.directory)).rows}
    assert rows["baseline"].seconds_per_epoch and rows["orthograd"].seconds_per_epoch
    assert rows["raises"].seconds_per_epoch is None and rows["raises"].failed == 3
