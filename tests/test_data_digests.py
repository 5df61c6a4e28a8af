"""Digests of the data that runs read: in their provenance, compared before reuse and between folders."""

import shutil

import pytest
import torch

from grokbench import data, engine
from grokbench.data import load_mnist
from grokbench.data.digests import digest, note, recording
from grokbench.engine.checkpoints import CheckpointFile
from grokbench.store import Store
from grokbench.tasks.mnist import mnist

from .helpers import tiny
from .helpers.result_folders import edit
from .helpers.small_cells import make_cell, make_step
from .helpers.tiny import files_of, grokbench, run
from .test_data import tiny_files

SUITE = "unverified_data: [mnist]\n" + tiny.SUITE.replace(
    "tasks:", "tasks:\n  images: {use: mnist, samples: 6, test_samples: 4, width: 4, batch_size: 6, epochs: 1}"
)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files of a very small MNIST, which tests may change."""
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in tiny_files().items():
        (folder / name).write_bytes(content)
    load_mnist._load_mnist.cache_clear()
    yield folder
    load_mnist._load_mnist.cache_clear()


def change(files):
    """Change one pixel."""
    path = files / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    load_mnist._load_mnist.cache_clear()


def test_the_digest_is_of_the_decoded_content(files):
    with recording() as read:
        arrays = data.mnist()
    assert read == {"mnist": digest(*arrays)} == {"mnist": data.current_digest("mnist")}
    change(files)
    assert data.current_digest("mnist") not in (None, read["mnist"])
    assert digest(arrays[0]) != digest(arrays[0].reshape(-1))


def test_data_of_another_folder_or_read_at_another_time_are_not_noted(files, monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "empty"))
    assert data.current_digest("mnist") is None and data.current_digest("another") is None
    with recording() as read:
        data.mnist(tmp_path)
    note("mnist", "0")
    assert read == {}


def test_runs_on_other_data_are_trained_again(here, files, tmp_path):
    suite, out = tiny.write(tmp_path, SUITE), tmp_path / "out"
    assert run(suite, out, "--regularizer", "baseline").status == 0
    store = Store.load(out)
    recorded = {one.identity: one.provenance.get("data") for one in store.runs()}
    cells = {cell.task: cell.identity for cell in store.manifest.cells if cell.regularizer == "baseline"}
    assert recorded[cells["images"]] == {"mnist": data.current_digest("mnist")} and recorded[cells["parity"]] is None
    assert left(suite, out) == {"images": 0, "parity": 0}
    change(files)
    assert left(suite, out) == {"images": 3, "parity": 0}
    (files / "t10k-images-idx3-ubyte").unlink()
    load_mnist._load_mnist.cache_clear()
    assert left(suite, out) == {"images": 0, "parity": 0}  # not known


def test_a_checkpoint_on_other_data_is_left_aside(files, tmp_path):
    task = mnist(samples=6, test_samples=4, width=4, batch_size=6)
    cell, step, place = make_cell(task, 9), make_step(task), CheckpointFile(tmp_path / "c.npz", {}, frozenset(), 0.0)

    def first_epoch():
        events = engine.train(cell, step, (0, 1), "cpu", torch.float32, {}, lambda seeds: place)
        seen = [next(events).epoch for _ in range(3)]
        events.close()
        return seen[0]

    assert first_epoch() == 0 and place.read().data == {"mnist": data.current_digest("mnist")}
    assert first_epoch() == 2
    change(files)
    assert first_epoch() == 0


def left(suite, folder):
    done = run(suite, folder, "--dry-run", "--regularizer", "baseline")
    assert done.status == 0, done.err
    return {line.split()[0]: int(line.split()[4]) for line in done.out.splitlines() if " baseline " in line}


def test_two_folders_are_compared_by_what_they_read(folder, trained):
    for file in files_of(folder, "orthograd"):
        edit(file, lambda found: found["run"]["provenance"].update(data={"mnist": "a" * 64}))
    assert "data of" not in grokbench("compare", trained, folder).out  # one of them does not say
    other = shutil.copytree(folder, folder.with_name("other"))
    for file in files_of(other, "orthograd"):
        edit(file, lambda found: found["run"]["provenance"].update(data={"mnist": "b" * 64}))
    said = grokbench("compare", folder, other).out
    assert f"data of mnist: {'a' * 16} in A, {'b' * 16} in B" in " ".join(said.split())
    assert "no test between cells that differ in data of mnist" in " ".join(said.split())
