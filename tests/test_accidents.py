"""Suites and plugin files that are deleted or edited during a run, or between two."""

import pytest

from grokbench.records import Outcome
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.store.status import count_replicas

from .helpers import tiny
from .helpers.command_messages import status
from .helpers.tiny import outcomes, run


def test_the_suite_may_be_deleted_during_a_run(suite, tmp_path, monkeypatch, here):
    real = pipeline.perform

    def deleted(plan, store):
        suite.unlink()
        yield from real(plan, store)

    monkeypatch.setattr(pipeline, "perform", deleted)
    assert run(suite, tmp_path / "out").status == 0 and len(outcomes(tmp_path / "out")) == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.unlink(), "cannot be loaded any more (file mine.py is left out: FileNotFoundError"),
        (
            lambda file: file.write_text(tiny.PLUGIN + "edited = True\n"),
            "was changed after this run began. It is not",
        ),
    ],
    ids=["deleted", "edited"],
)
def test_a_plugin_that_changes_after_the_run_began_is_not_trained(tmp_path, monkeypatch, here, change, said):
    """The workers read the file some seconds after the plan was made of it."""
    suite = tiny.write(tmp_path, tiny.with_methods("steady"))
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    real = pipeline.perform

    def changed(plan, store):
        change(mine)
        yield from real(plan, store)

    monkeypatch.setattr(pipeline, "perform", changed)
    done = run(suite, tmp_path / "out", "--plugin", mine)
    assert done.status == 1
    assert f"parity / steady, seeds 1000-1002:\nsteady (file mine.py) {said}" in done.err
    assert "Traceback" not in done.err
    found = outcomes(tmp_path / "out")
    assert {found["steady", seed] for seed in (1000, 1001, 1002)} == {Outcome.FAILED}
    assert Outcome.FAILED not in {found["baseline", seed] for seed in (1000, 1001, 1002)}
    assert "  parity / steady: 3 of 3 failed" in status(tmp_path / "out")
    monkeypatch.setattr(pipeline, "perform", real)
    mine.write_text(tiny.PLUGIN)
    assert run(suite, tmp_path / "out", "--plugin", mine).status == 0
    assert count_replicas(Store.load(tmp_path / "out"))["failed"] == 0


def test_work_beyond_a_smaller_budget_is_left_out(tmp_path, folder, here):
    longer = tiny.write(tmp_path, tiny.SUITE.replace("epochs: 3", "epochs: 6"))
    assert run(longer, folder, "--regularizer", "orthograd").status == 0
    assert "  parity / baseline: 3 of 3 to be trained further" in status(folder)
