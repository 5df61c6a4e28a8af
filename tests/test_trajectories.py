"""Numbers change only with a revision, so that stored runs are never mixed with others."""

import copy
import json

import pytest

from grokbench.conformance.small_plugins import METHODS, TASKS
from grokbench.plugins import load_registry

from .helpers import trajectories
from .helpers.trajectories import complaint, entries, stored, trajectory

KEPT = "sparse_parity / grokalign"


@pytest.mark.parametrize("label", list(dict.fromkeys([*entries(), *stored()])))
def test_numbers_change_only_with_a_revision(label):
    after = trajectory(*entries()[label]) if label in entries() else None
    said = complaint(label, stored().get(label), after)
    assert not said, said


def test_every_shipped_task_and_method_has_a_trajectory():
    registry = load_registry()
    assert {TASKS[task].use for task, _ in entries().values()} == set(registry.tasks)
    assert {METHODS[name].use for _, name in entries().values()} == set(registry.regularizers)


# ---- the guard itself


@pytest.fixture
def before():
    return copy.deepcopy(stored()[KEPT])


def scaled(entry, factor, where="parameters"):
    """The entry with every loss, or every parameter, times a factor."""
    changed = copy.deepcopy(entry)
    if where == "losses":
        changed["losses"] = {label: factor * value for label, value in entry["losses"].items()}
    else:
        changed["parameters"] = {name: [factor * v for v in pair] for name, pair in entry["parameters"].items()}
    return changed


@pytest.mark.parametrize("where", ["losses", "parameters"])
def test_a_change_without_a_revision_is_refused_with_the_way_out(before, where):
    said = complaint(KEPT, before, scaled(before, 1 + 1e-8, where))
    assert said.startswith(f"{KEPT}: the numbers changed (") and "and no revision did" in said
    assert "raise `revision`" in said and said.endswith("python -m tests.helpers.trajectories")


@pytest.mark.parametrize("where", ["losses", "parameters"])
def test_rounding_is_no_change(before, where):
    assert complaint(KEPT, before, scaled(before, 1 + 1e-12, where)) == ""


def test_nan_is_a_change(before):
    assert "the numbers changed" in complaint(KEPT, before, scaled(before, float("nan")))


@pytest.mark.parametrize("whose", ["engine", "task", "regularizer"])
def test_a_new_revision_asks_for_a_new_file(before, whose):
    after = scaled(before, 1.5)
    after["revisions"][whose] += 1
    assert "is of the revisions" in complaint(KEPT, before, after)


def test_a_missing_and_a_superfluous_entry_are_said(before):
    assert "has no such entry; write the file anew: python -m tests.helpers.trajectories" in complaint(
        KEPT, None, before
    )
    assert "nothing shipped has this label" in complaint(KEPT, before, None)


@pytest.fixture
def file(tmp_path, monkeypatch, before):
    """A file with one entry, all that is recorded."""
    path = tmp_path / "trajectories.json"
    path.write_text(json.dumps({KEPT: before}))
    monkeypatch.setattr(trajectories, "FILE", path)
    return path


def written(monkeypatch, entry):
    monkeypatch.setattr(trajectories, "current", lambda: {KEPT: entry})
    trajectories.main()


def test_the_file_is_not_written_over_an_unannounced_change(file, before, monkeypatch):
    kept = file.read_text()
    with pytest.raises(SystemExit, match=r"no revision did(.|\n)*Nothing was written"):
        written(monkeypatch, scaled(before, 1.5))
    assert file.read_text() == kept


def test_the_file_is_written_after_a_new_revision(file, before, monkeypatch, capsys):
    after = scaled(before, 1.5)
    after["revisions"]["task"] += 1
    written(monkeypatch, after)
    assert stored() == {KEPT: after} and capsys.readouterr().out == "1 trajectories in trajectories.json\n"


def test_rounding_does_not_rewrite_numbers(file, before, monkeypatch):
    written(monkeypatch, scaled(before, 1 + 1e-13))
    assert stored() == {KEPT: before}
