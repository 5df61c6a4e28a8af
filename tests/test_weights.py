"""Kept weights: where they lie, that a run without those asked for is trained again, and that nothing is mixed up."""

import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save

from grokbench.engine.checkpoints import Checkpoint, CheckpointFile
from grokbench.engine.epochs import train_epoch
from grokbench.engine.initialisation import start
from grokbench.engine.stopping import StoppingMonitor
from grokbench.engine.weights import EVALUATED, kept_weights, read_weights
from grokbench.errors import StoreError
from grokbench.plan import cell_step
from grokbench.records import Outcome, Snapshots
from grokbench.step.build import build_step
from grokbench.store import Store, weights_files

from .helpers import tiny
from .helpers.result_folders import edit
from .helpers.tiny import grokbench, run

SUITE = tiny.SUITE.replace("tasks:", "weights: {epochs: [0, 2], final: true}\ntasks:")
NONE = tiny.SUITE


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Results of the tiny suite with weights; not to be written to."""
    from grokbench.engine import timing
    from grokbench.launchers.local import pool

    root = tmp_path_factory.mktemp("weights")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "launch", tiny.launch_here)
        patched.setattr(timing, "LEAST_SECONDS", 1e-4)
        done = run(tiny.write(root, SUITE), root / "out")
    assert done.status == 0, done.err
    return root / "out"


@pytest.fixture
def folder(kept, tmp_path):
    return shutil.copytree(kept, tmp_path / "out")


def left(suite, folder, *options):
    done = run(suite, folder, "--dry-run", *options)
    assert done.status == 0, done.err
    return [int(line.split()[4]) for line in done.out.splitlines() if line.startswith("parity")]


def files(folder, pattern="weights/*/*"):
    return sorted(folder.glob(pattern))


def test_weights_are_kept_at_epochs_and_at_the_end(kept):
    assert len(files(kept)) == 2 * 3 * 3
    for one in Store.load(kept).runs():
        assert sorted(one.weights) == [0, 2, 3]
    about = [json.loads(meta_of(file)["grokbench"]) for file in files(kept)]
    assert {(each["seed"], each["epoch"]) for each in about} == {(s, e) for s in (1000, 1001, 1002) for e in (0, 2, 3)}
    assert {each["coordinates"] for each in about} == {"as the task draws its data"}


def meta_of(file):
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        return opened.metadata()


def test_the_weights_at_the_start_are_those_that_the_task_draws(kept, registry):
    store = Store.load(kept)
    cell = store.manifest.cells[0]
    group, _ = start(cell_step(cell, registry), [1001, 1001], "cpu", torch.float32)
    found = load_file(store.layout.weights(cell.identity, 1001, 0))
    assert found.keys() == group.params.keys() and all(found[name].equal(p[0]) for name, p in group.params.items())
    later = load_file(store.layout.weights(cell.identity, 1001, 3))
    assert not any(later[name].equal(p) for name, p in found.items())


def test_a_run_without_the_weights_asked_for_is_trained_again(here, folder, tmp_path):
    with_weights, more = tiny.write(tmp_path, SUITE), tmp_path / "more.yaml"
    more.write_text(SUITE.replace("[0, 2]", "[1]"))
    assert left(with_weights, folder) == [0, 0] and left(tiny.write(tmp_path, NONE), folder) == [0, 0]
    assert left(more, folder) == [3, 3]
    files(folder)[0].unlink()
    assert sorted(left(tiny.write(tmp_path, SUITE), folder)) == [0, 1]
    assert run(more, folder).status == 0
    assert {sorted(one.weights)[0] for one in Store.load(folder).runs()} == {1}
    assert len(files(folder)) == 2 * 3 * 2  # those of the runs before are gone


def test_replaced_runs_take_their_weights_along(here, folder, tmp_path):
    assert run(tiny.write(tmp_path, SUITE), folder, "--rerun", "all", "--seeds", "1001").status == 0
    names = [file.name for file in files(folder, "superseded/*/*")]
    assert sorted({*names}) == [f"1001.1.{rest}" for rest in (*(f"{e}.safetensors" for e in (0, 2, 3)), "json")]
    assert len(files(folder)) == 18


def test_a_damaged_file_is_not_read(folder):
    store = Store.load(folder)
    one = store.runs()[0]
    store.layout.weights(one.identity, one.seed, 2).write_bytes(b"")
    with pytest.raises(StoreError, match="is damaged, or does not belong.*run the suite again"):
        store.weights.read(one, 2)
    store.layout.weights(one.identity, one.seed, 2).unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        store.weights.read(one, 2)


def test_what_is_no_file_of_bounded_size_is_not_read(folder, monkeypatch):
    store = Store.load(folder)
    one = store.runs()[0]
    path = store.layout.weights(one.identity, one.seed, 2)
    monkeypatch.setattr(weights_files, "LARGEST", path.stat().st_size - 1)
    with pytest.raises(StoreError, match=r"because it has \d+ bytes, expected at most \d+: put back a good copy"):
        store.weights.read(one, 2)
    path.rename(path.with_name("other"))
    path.symlink_to("other")
    with pytest.raises(StoreError, match="because it is a link, expected a file: put back"):
        store.weights.read(one, 2)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StoreError, match="because it is a folder, a pipe or a device, expected a file: put back"):
        store.weights.read(one, 2)


def test_a_pack_holds_weights_only_where_it_should(folder, tmp_path):
    assert grokbench("pack", folder, "--out", tmp_path / "light").status == 0
    assert grokbench("pack", folder, "--weights", "--out", tmp_path / "whole").status == 0
    light, whole = Store.load(tmp_path / "light"), Store.load(tmp_path / "whole")
    assert not files(tmp_path / "light") and not any(one.weights for one in light.runs())
    assert "to be trained" not in grokbench("status", tmp_path / "light").out
    assert left(tiny.write(tmp_path, SUITE), tmp_path / "light") == [3, 3]
    assert left(tiny.write(tmp_path, SUITE), tmp_path / "whole") == [0, 0]
    assert whole.weights.read(whole.runs()[0], 3)
    assert "kept weights: 0.0 MB" in grokbench("status", tmp_path / "whole").out


def test_a_pack_holds_no_links_and_no_files_of_other_content(folder, tmp_path):
    linked, other, *rest = files(folder)
    shutil.move(linked, tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    other.write_bytes(b"private")
    done = grokbench("pack", folder, "--weights", "--out", tmp_path / "packed")
    assert done.status == 0 and "left out: 2 files of weights that are links, are damaged" in done.err
    assert [file.name for file in files(tmp_path / "packed")] == [file.name for file in rest]


def test_an_old_run_has_no_weights(folder):
    for file in files(folder, "runs/*/*"):
        edit(file, lambda data: data["run"].pop("weights"))
    assert {tuple(one.weights) for one in Store.load(folder).runs()} == {()}


@pytest.mark.parametrize(
    ("given", "snapshots"),
    [("final", ((), True)), ("[2, 0]", ((0, 2), False)), ("{epochs: [3]}", ((3,), False)), ("[]", ((), False))],
)
def test_a_task_has_weights_of_its_own(cells_of, given, snapshots):
    text = SUITE.replace("epochs: 3", f"epochs: 3, weights: {given}")
    assert {cell.weights for cell in cells_of(text).values()} == {Snapshots(*snapshots)}
    plain = {cell.identity for cell in cells_of(NONE).values()}
    assert {cell.identity for cell in cells_of(text).values()} == plain


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            "[4]",
            "4:1: weights: epoch 4 has no evaluation, expected an epoch of parity's evaluations, every 1 ",
        ),
        (
            "finl",
            "4:10: weights: the text 'finl', expected final, a list of epochs, or {epochs: [...], final: true}. Did",
        ),
        ("{epochs: final}", "weights: the mapping {epochs: 'final'}, expected final, a list of epochs"),
        ("{}", "weights: the mapping {}, expected final, a list of epochs"),
        ("[-1]", "weights: the list [-1], expected final, a list of epochs"),
        ("true", "weights: true, expected final, a list of epochs"),
    ],
)
def test_mistakes_have_a_place(tmp_path, weights, message):
    suite = tiny.write(tmp_path, NONE.replace("tasks:", f"weights: {weights}\ntasks:"))
    done = grokbench("validate", suite)
    assert done.status == 2 and message in done.err


def test_averaged_weights_lie_beside_the_trained_ones(kept, registry):
    cell = Store.load(kept).manifest.cells[0]
    average = registry.get("regularizers", "baseline").make({})
    method = type(average)(
        init=lambda params: {name: p.clone() for name, p in params.items()},
        eval_params=lambda params, state: {name: p + 1 for name, p in params.items()},
    )
    step = build_step(cell_step(cell, registry).task, [method], {})
    group, _ = start(step, [5, 6], "cpu", torch.float64)
    monitors = {0: StoppingMonitor(5, {}, "budget", 3), 1: StoppingMonitor(6, {}, "budget", 3)}
    monitors[1].outcome = Outcome.CENSORED
    (one,) = kept_weights(_final(cell), step, group, 7, monitors)
    assert (one.seed, one.epoch, [*monitors[0].weights], [*monitors[1].weights]) == (6, 7, [], [7])
    raw, seen = read_weights(one.content, False), read_weights(one.content, True)
    assert raw.keys() == seen.keys() == group.params.keys() and not any(n.startswith(EVALUATED) for n in raw)
    assert all(raw[name].equal(p[1]) and seen[name].equal(p[1] + 1) for name, p in group.params.items())
    with pytest.raises(ValueError):
        read_weights(save({"a": torch.ones(3)})[:-2], True)


def _final(cell):
    from dataclasses import replace

    return replace(cell, weights=Snapshots(final=True))


def test_a_resumed_group_knows_the_weights_that_it_kept(kept, registry, tmp_path):
    cell = Store.load(kept).manifest.cells[0]
    step = cell_step(cell, registry)
    group, _ = start(step, [5, 6], "cpu", torch.float32)
    monitor = StoppingMonitor(5, {}, "budget", 3, weights={0: "ab", 2: "cd"})
    file = CheckpointFile(tmp_path / "c.npz", {}, frozenset({5}), 0.0)
    file.write_if_due(lambda: Checkpoint.of(train_epoch(step, group, 0), {0: monitor}, 3, 0.0, {}))
    assert file.read().monitors[0]["weights"] == {0: "ab", 2: "cd"}
