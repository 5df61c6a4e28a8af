"""What is saved in a results folder is read back as it was, and nothing finished is lost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokbench.records import Curve, Outcome, Published, Skip, Spread, Statistics
from grokbench.store import Store
from grokbench.store.status import count_replicas

from .helpers.stored_runs import CELLS, MANIFEST, a_run, opened


def test_a_run_survives_the_round_trip_and_curves_are_read_only_when_asked_for(store):
    run = a_run(provenance={"device": "cpu", "tf32": False, "n": None}, prepare_seconds=0.25)
    store.save(run)
    (loaded,) = Store.load(store.directory).runs(curves=True)
    assert repr(loaded) == repr(run)  # repr: nan is not equal to itself
    assert store.runs() == [replace(run, curves={})]


@given(st.lists(st.floats(), min_size=1, max_size=20), st.sampled_from(Outcome))
@settings(max_examples=50, deadline=None)
def test_every_float_is_stored_without_loss_as_strict_json(tmp_path_factory, values, outcome):
    store = opened(tmp_path_factory.mktemp("s"), MANIFEST)
    curve = Curve(tuple(range(len(values))), tuple(values))
    store.save(a_run(outcome=outcome, final={"test_accuracy": values[0]}, curves={"m": curve}))
    (run,) = store.runs(curves=True)
    assert [v.hex() for v in run.curves["m"].values] == [v.hex() for v in values]
    assert run.final["test_accuracy"].hex() == values[0].hex() and run.outcome is outcome

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    for line in (store.directory / "runs/cbaseline/1000.json").read_text().splitlines():
        json.loads(line, parse_constant=refuse)


def test_the_manifest_survives_the_round_trip(tmp_path):
    finals = {"test_accuracy": {"xor": {"baseline": 0.9}}}
    spreads = {"epochs": {"xor": {"baseline": Spread(10.0, 5)}}}
    published = Published("Table 1", {"xor": {"baseline": 154.0}}, metrics=finals, spreads=spreads)
    manifest = replace(
        MANIFEST, skipped=(Skip("xor", "orthograd", "unstable"),), statistics=Statistics(alpha=0.1), published=published
    )
    assert opened(tmp_path, replace(manifest, execution={})).manifest == replace(manifest, execution={})


def test_runs_come_in_the_order_of_the_manifest_and_only_planned_ones(store):
    for cell in reversed(CELLS):
        for seed in (1001, 1000, 7):
            store.save(a_run(cell, seed))
    store.save(a_run(replace(CELLS[0], identity="gone")))
    pairs = [(run.identity, run.seed) for run in store.runs()]
    assert pairs == [(cell.identity, seed) for cell in CELLS for seed in (1000, 1001)]
    assert count_replicas(store) == {
        "planned": 4,
        "grokked": 4,
        "censored": 0,
        "diverged": 0,
        "failed": 0,
        "missing": 0,
    }


def test_a_curve_of_unequal_halves_is_refused():
    with pytest.raises(ValueError, match="one value per epoch, got 2 epochs and 1 values"):
        Curve((0, 1), (0.5,))


def test_superseded_runs_are_kept_and_numbered(store):
    for epoch in (40, 50):
        store.save(a_run(grokked_at=epoch))
        store.supersede("cbaseline", 1000)
        store.supersede("cbaseline", 1000)  # not there any more: nothing happens
    assert store.runs() == []
    names = sorted(path.name for path in (store.directory / "superseded/cbaseline").iterdir())
    assert names == ["1000.1.json", "1000.2.json"]


def test_a_failure_never_replaces_what_had_finished(store):
    store.save(a_run())
    for _ in range(2):
        store.save(a_run(outcome=Outcome.FAILED, grokked_at=None, error="killed"))
    assert [run.outcome for run in store.runs()] == [Outcome.FAILED]
    assert [path.name for path in (store.directory / "superseded/cbaseline").iterdir()] == ["1000.1.json"]


def test_a_superseded_run_never_replaces_another(store):
    folder = store.directory / "superseded/cbaseline"

    def again():
        store.save(a_run())
        store.supersede("cbaseline", 1000)

    again(), again()
    (folder / "1000.1.json").unlink()
    again()
    assert sorted(path.name for path in folder.iterdir()) == ["1000.2.json", "1000.3.json"]


def test_runs_are_listed_without_a_look_at_their_curves(tmp_path, monkeypatch):
    store = opened(tmp_path, MANIFEST)
    for cell in CELLS:
        store.save(a_run(cell))
        file = tmp_path / "runs" / cell.identity / "1000.json"
        head, curves = file.read_bytes().splitlines()
        file.write_bytes(head + b"\n" + b"x" * len(curves) + b"\n")
    assert store.runs(curves=True) == [] and len(store.damaged) == len(CELLS)  # who looks finds nonsense
    again = Store.load(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"the whole of {path} is read"))
    assert len(again.runs()) == len(CELLS) and not again.damaged


def test_checkpoints_of_complete_cells_are_deleted_when_the_folder_is_closed(tmp_path):
    """A group that was killed after its last run was stored could not delete its checkpoint."""
    complete, incomplete = CELLS
    with Store.open(tmp_path, MANIFEST) as store:
        for seed in MANIFEST.seeds:
            store.save(a_run(complete, seed))
        store.save(a_run(incomplete, MANIFEST.seeds[0]))
        for cell in CELLS:
            store.checkpoints(cell).mkdir(parents=True)
            (store.checkpoints(cell) / "0123456789abcdef.npz").write_bytes(b"")
    assert [file.parent.name for file in tmp_path.glob("checkpoints/*/*")] == [incomplete.identity]
