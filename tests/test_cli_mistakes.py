"""What is wrong is said in a sentence, with exit status 2."""

import pytest
import torch

from grokbench.data.load_mnist import MNIST_FILES
from grokbench.launchers.local import pool
from grokbench.store import Store

from .helpers import tiny
from .helpers.tiny import grokbench, run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "SUITE", "--regularizer", "x"], "--regularizer x: the suite has no such regularizer"),
        (["run", "SUITE", "--num-seeds", "0"], "Invalid value for '--num-seeds'"),
        (["run", "SUITE", "--seeds", "a"], "--seeds a: 'a' is neither a seed nor a range"),
        (["run", "SUITE", "--device", "cuda"], "--device cuda: torch sees 0 CUDA devices here; use --device cpu"),
        (["run", "SUITE", "--precision", "float16"], "Invalid value for '--precision'"),
        (["run", "quik"], "quik"),
        (["run", "no/such.yaml"], "no/such.yaml"),
        (["run"], "Missing argument 'SUITE'"),
        (["run", "SUITE", "--nonsense"], "No such option"),
        (["leaderboard", "NOWHERE"], "is not a results folder: it holds no manifest.json"),
        (["leaderboard", "NOWHERE", "--format", "pdf"], "Invalid value for '--format'"),
        (["status", "NOWHERE"], "is not a results folder"),
        (["validate", "no/such.yaml"], "no/such.yaml"),
        (["show", "grokalin"], "nothing is named 'grokalin'"),
        (["list", "everything"], "Invalid value for"),
        (["data", "fetch", "cifar"], "There is no data set 'cifar'. Choose one of: mnist, cifar10, cifar10c."),
        (["trian"], "No such command"),
    ],
)
def test_mistakes_are_named(suite, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    stand_ins = {"SUITE": suite, "NOWHERE": tmp_path / "nowhere"}
    done = grokbench(*[stand_ins.get(each, each) for each in arguments])
    assert (done.status, done.out) == (2, "")
    assert said in done.err and "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_every_mistake_of_a_suite_with_its_place(tmp_path):
    wrong = tiny.SUITE.replace("bits: 8", "bitts: 8").replace("orthograd: {}", "orthgrad: {}")
    done = grokbench("validate", tiny.write(tmp_path, wrong))
    assert done.status == 2
    assert "tiny.yaml:5:" in done.err and "bits" in done.err and "tiny.yaml:8:" in done.err and "orthograd" in done.err


def test_a_method_of_a_broken_file_is_missing_and_the_message_says_why(tmp_path):
    broken = tiny.write(tmp_path, "raise OSError('my disk')\n", "broken.py")
    done = grokbench("validate", tiny.write(tmp_path, tiny.with_methods("mine")), "--plugin", broken)
    assert done.status == 2
    assert "no regularizer 'mine'" in done.err and "File broken.py is left out: OSError: my disk" in done.err


def test_a_name_from_two_files_names_both(suite, tmp_path):
    files = [tiny.write(tmp_path, tiny.PLUGIN, name) for name in ("mine.py", "yours.py")]
    done = grokbench("run", suite, "--plugin", files[0], "--plugin", files[1], "--dry-run")
    assert done.status == 2
    assert "two regularizers are named 'steady': one from file mine.py, one from file yours.py" in done.err


def test_a_folder_that_holds_something_else_is_refused_with_the_way_out(suite, folder):
    done = run(suite, folder, "--precision", "float64")
    assert done.status == 2
    assert "precision was 'float32' and is now 'float64'" in done.err and "--out" in done.err


def test_a_folder_that_another_process_writes_to_is_refused(suite, folder):
    store = Store.load(folder)
    with Store.open(folder, store.manifest):
        done = run(suite, folder)
    assert done.status == 2 and f"Another grokbench is writing to {folder}" in done.err


def test_missing_mnist_names_the_files_and_their_folder(tmp_path, monkeypatch):
    def download(*_, **__):
        raise RuntimeError("no network")

    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("torchvision.datasets.MNIST", download)
    monkeypatch.setattr(pool, "WorkerProcess", lambda worker: pytest.fail("a worker was started"))
    digits = tiny.SUITE.replace("use: sparse_parity, bits: 8,", "use: mnist,")
    done = run(tiny.write(tmp_path, digits), tmp_path / "out")
    assert done.status == 2
    assert all(name in done.err for name in MNIST_FILES) and str(tmp_path / "data" / "MNIST" / "raw") in done.err
    assert not (tmp_path / "out").exists()
