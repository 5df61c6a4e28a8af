"""A file of a results folder that is damaged, or says what cannot have happened, is not believed."""

import json

import pytest

from grokbench.errors import StoreError
from grokbench.records import Timing
from grokbench.store import Store
from grokbench.store.status import count_replicas

from .helpers.stored_runs import CELLS, MANIFEST, a_run, opened


@pytest.mark.parametrize("keep", [0, 1, 50, -1, -30])
def test_a_truncated_file_is_damaged_and_counts_as_missing(store, keep):
    store.save(a_run())
    path = store.directory / "runs/cbaseline/1000.json"
    path.write_bytes(path.read_bytes()[:keep])
    assert store.runs() == store.runs(curves=True) == []
    assert store.finished(CELLS[0], [1000]) == set() and count_replicas(store)["missing"] == 4
    assert store.damaged == ["runs/cbaseline/1000.json"]
    store.save(a_run())
    assert store.damaged == [] and len(store.runs()) == 1


@pytest.mark.parametrize(
    ("was", "becomes"),
    [('"epochs":40', '"epochs":"many"'), ('"grokked"', '"ok"'), ('"seed":1000', '"seed":1001'), ("{", "[")],
)
def test_a_file_of_other_content_is_damaged(store, was, becomes):
    store.save(a_run())
    path = store.directory / "runs/cbaseline/1000.json"
    path.write_text(path.read_text().replace(was, becomes, 1))
    assert store.runs() == [] and store.damaged == ["runs/cbaseline/1000.json"]


def test_timings_are_kept_and_damaged_ones_reported(store):
    timing = Timing("cgrokalign", (0.1, 0.3), {"device": "cpu"})
    store.save_timing(timing)
    store.save_timing(Timing("cbaseline", (0.2,)))
    (store.directory / "timings/cbaseline.json").write_text("{")
    assert store.timings() == [timing] and store.damaged == ["timings/cbaseline.json"]


@pytest.mark.parametrize(
    "edit",
    [
        {"grokked_at": -500},
        {"grokked_at": None},
        {"grokked_at": 41},
        {"memorised_at": 41},
        {"memorised_at": -1},
        {"outcome": "censored"},
    ],
)
def test_a_run_that_no_replica_can_have_done_is_damaged(store, edit):
    store.save(a_run())
    file = store.directory / "runs/cbaseline/1000.json"
    head, curves = file.read_text().splitlines()
    data = json.loads(head)
    file.write_text(json.dumps(data | {"run": data["run"] | edit}) + "\n" + curves + "\n")
    assert store.runs() == [] and store.damaged == ["runs/cbaseline/1000.json"]


@pytest.mark.parametrize("seconds", ["[1e308, 1e308]", "[-0.1]", '["NaN"]', '["Infinity"]', "[0]"])
def test_seconds_that_no_clock_can_have_measured_are_damaged(store, seconds):
    store.save_timing(Timing("cbaseline", (0.2,)))
    file = store.directory / "timings/cbaseline.json"
    file.write_text(file.read_text().replace("[0.2]", seconds))
    assert store.timings() == [] and store.damaged == ["timings/cbaseline.json"]


@pytest.mark.parametrize(
    ("old", "new"),
    [("[1000,1001]", "[1000,1000]"), ('"regularizer":"grokalign"', '"regularizer":"baseline"')],
)
def test_a_manifest_that_counts_something_twice_is_refused(store, old, new):
    file = store.directory / "manifest.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(StoreError, match="cannot be read"):
        Store.load(store.directory)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"stop":"grokked"', '"stop":"grokked","later":1'),  # a part of a recipe that a later version writes
        ('"use":"xor"', '"name":"xor"'),
        ('"kind":"built_in"', '"kind":"other"'),
    ],
)
def test_a_manifest_whose_recipes_or_origins_are_unknown_is_refused(store, old, new):
    file = store.directory / "manifest.json"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(StoreError, match="cannot be read"):
        Store.load(store.directory)


def test_a_folder_that_is_none_of_ours(tmp_path, store):
    (tmp_path / "file").touch()
    for name in ("absent", "file", "."):
        with pytest.raises(StoreError, match="is not a results folder: it holds no manifest.json. Name a folder that"):
            Store.load(tmp_path / name)
    assert not (tmp_path / "absent").exists()
    manifest = store.directory / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format":1', '"format":99'))
    with pytest.raises(StoreError, match="has format 99, and this version of grokbench reads format 1. Use the"):
        opened(store.directory, MANIFEST)
    manifest.write_text('{"format": 1, "manifest": {"suite": "tiny"}}')
    found = r"manifest.json cannot be read \(description: Field required, and 3 more\). Put back a copy of it; or"
    with pytest.raises(StoreError, match=found):
        Store.load(store.directory)
