"""A plugin that is edited or fails: what is trained and timed again, and what is kept."""

import pytest

from grokbench.judging.note import Kind
from grokbench.judging.seconds import costs
from grokbench.records import Outcome, Run, Timing, origins_of
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import result_folders, tiny
from .helpers.performed_plans import SEEDS, left, opened, perform, trained

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def mine(tmp_path):
    return tiny.write(tmp_path, tiny.PLUGIN, "mine.py")


def edit(file, line="edited = True"):
    file.write_text(f"{file.read_text()}\n{line}\n", encoding="utf-8")


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


def test_a_plugin_with_another_comment_and_docstring_is_not_trained_again(plan, mine):
    text = tiny.with_methods("steady")
    perform(plan(text, plugins=(str(mine),)))
    edit(mine, "# edited")
    mine.write_text(mine.read_text().replace("Add nothing.", "Add 0."), encoding="utf-8")
    assert perform(plan(text, plugins=(str(mine),))) == []


def test_runs_of_an_earlier_version_know_the_whole_source_alone(plan, mine):
    text = tiny.with_methods("steady")
    perform(plan(text, plugins=(str(mine),)))
    made = plan(text, plugins=(str(mine),))
    for file in sorted(made.directory.glob("runs/*/*.json")):
        result_folders.edit(file, in_texts)
    for file in sorted(made.directory.glob("timings/*.json")):
        result_folders.edit(file, in_texts)
    assert perform(made) == []
    edit(mine, "# edited")
    made = plan(text, plugins=(str(mine),))
    assert trained(perform(made)) == [(made.cells[1].identity, seed) for seed in SEEDS]


def in_texts(data):
    """Turn the origins of a stored run or timing into the texts that earlier versions stored."""
    provenance = data.get("run", data)["provenance"]
    provenance["origins"] = {
        name: f"{origin}, sha256 {origin.digests[1]}" for name, origin in origins_of(provenance).items()
    }


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
