"""Data that are not the published ones are refused before training; with the word they train, and rows say so."""

import csv
import gzip
import hashlib
import io
import json

import numpy as np
import pytest
from torchvision.datasets import MNIST

import grokbench as gb
from grokbench import data
from grokbench.data import load_cifar10, load_cifar10c, load_mnist
from grokbench.data.digests import recording
from grokbench.data.published import PUBLISHED, is_unverified
from grokbench.errors import DataError, SuiteError
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import tiny
from .helpers.result_folders import edit
from .helpers.tiny import grokbench, run
from .test_cifar import arrays, pictures
from .test_data import NAMES, idx, publish, tiny_files

SETTINGS = {
    "mnist": "samples: 4, test_samples: 4, width: 4, batch_size: 4, epochs: 1",
    "cifar10": "samples: 4, test_samples: 4, width: 1, classifier_width: 2, batch_size: 4, epochs: 1",
}


def forget():
    """Make the loaders read the files again."""
    load_mnist._load_mnist.cache_clear()
    load_cifar10._load_cifar10.cache_clear()
    load_cifar10c._digest.cache_clear()


def put(root, change):
    """A small MNIST and CIFAR-10, whose files `change` may change: it takes and returns images and labels."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in tiny_files().items():
        (raw / name).write_bytes(content)
    images, labels = change(np.frombuffer(tiny_files()[NAMES[0]][16:], np.uint8), np.arange(6, dtype=np.uint8))
    (raw / NAMES[0]).write_bytes(idx(len(labels), 28, 28)[:16] + images.tobytes())
    (raw / NAMES[1]).write_bytes(idx(len(labels))[:8] + labels.tobytes())
    made = arrays()
    images, labels = change(made["x_train"].reshape(-1), made["y_train"])
    images = images.reshape(-1, 32, 32, 3)[: len(labels)]
    np.savez(root / "cifar10.npz", **made | {"x_train": images, "y_train": labels})
    forget()


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data folder whose small data sets stand for the published ones."""
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "data"))
    put(tmp_path / "data", lambda images, labels: (images, labels))
    for name in PUBLISHED:
        publish(monkeypatch, name)
    yield tmp_path / "data"
    forget()


def half_zeroed(images, labels):
    return np.where(np.arange(len(images)) < len(images) // 2, 0, images).astype(np.uint8), labels


def reversed_labels(images, labels):
    return images, labels[::-1]


def fewer(images, labels):
    return images[: 784 * 4] if len(labels) == 6 else images, labels[:4]


def written(folder, name, more=""):
    """A suite of one task on a data set."""
    return tiny.write(folder, more + tiny.SUITE.replace("use: sparse_parity, bits: 8, width: 8, samples: 40, epochs: 3",
                                                        f"use: {name}, {SETTINGS[name]}"))  # fmt: skip


@pytest.mark.parametrize("name", list(PUBLISHED))
@pytest.mark.parametrize("change", [half_zeroed, reversed_labels, fewer])
def test_changed_data_are_refused_in_one_sentence_and_nothing_is_written(here, root, tmp_path, name, change):
    suite, out = written(tmp_path, name), tmp_path / "out"
    put(root, change)
    done = run(suite, out)
    place = {"mnist": root / "MNIST" / "raw", "cifar10": root / "cifar10.npz"}[name]
    found, expected = data.current_digest(name)[:16], PUBLISHED[name].sha256[:16]
    assert done.status == 2 and not out.exists() and done.out == ""
    assert done.err == (
        f"Error: {name}: the images and labels in {place} are not those of the published {PUBLISHED[name].title} "
        f"(digest {found}, expected {expected}). Delete {place} and fetch it again (grokbench data fetch {name}), or, "
        f"if these data are meant, say so: --unverified-data {name}, or `unverified_data: [{name}]` in the suite.\n"
    )


def test_a_run_with_the_users_word_says_so_in_its_rows(here, root, tmp_path):
    out = tmp_path / "out"
    suite = written(tmp_path, "mnist")
    assert run(suite, out, "--regularizer", "orthograd").status == 0  # on the published data
    put(root, reversed_labels)
    refused = run(suite, out, "--regularizer", "baseline")
    assert refused.status == 2 and "--unverified-data mnist" in refused.err
    assert run(suite, out, "--regularizer", "baseline", "--unverified-data", "mnist").status == 0
    rows = {
        row["regularizer"]: row for row in json.loads(grokbench("leaderboard", out, "--format", "json").out)["rows"]
    }
    assert {label: row["unverified_data"] for label, row in rows.items()} == {"baseline": ["mnist"], "orthograd": []}
    assert "unverified data: not the published MNIST" in rows["baseline"]["notes"]
    here_, there = PUBLISHED["mnist"].sha256[:16], data.current_digest("mnist")[:16]
    differ = f"mnist differs from the baseline's on 3 seeds ({here_}, not {there}): compare with care"
    assert differ in rows["orthograd"]["notes"]
    table = csv.DictReader(io.StringIO(grokbench("leaderboard", out, "--format", "csv").out))
    assert {row["regularizer"]: row["unverified_data"] for row in table} == {"baseline": "mnist", "orthograd": ""}


def test_the_word_may_stand_in_the_suite_and_changes_no_identity(here, root, tmp_path, plan):
    plain = plan(written(tmp_path, "mnist").read_text())
    put(root, fewer)
    named = plan(written(tmp_path, "mnist", "unverified_data: [mnist]\n").read_text())
    assert [cell.identity for cell in named.cells] == [cell.identity for cell in plain.cells]
    assert named.manifest == plain.manifest and named.unverified_data == ("mnist",)
    with pytest.raises(DataError, match="not those of the published MNIST"):
        pipeline.open_store(plain)
    with pytest.raises(DataError, match="not those of the published MNIST"):
        list(pipeline.profiles(plain))
    with pipeline.open_store(named):
        pass
    with pytest.raises(DataError, match="not those of the published MNIST"):  # also where only seconds are missing
        pipeline.jobs(plain, None, pipeline._workers(plain, {}))


def test_python_takes_the_word_as_a_keyword(here, root, tmp_path):
    suite, out = written(tmp_path, "cifar10"), tmp_path / "out"
    put(root, half_zeroed)
    with pytest.raises(DataError, match="say so: unverified_data='cifar10', or `unverified_data: "):
        gb.run(suite, out=out, device="cpu")
    with pytest.raises(SuiteError, match="unverified_data='cifar': no verified data set has this name, .*'cifar10'"):
        gb.run(suite, out=out, device="cpu", unverified_data="cifar")
    assert not out.exists()
    runs = gb.run(suite, out=out, device="cpu", regularizers="baseline", seeds=[1000], unverified_data="cifar10")
    assert runs.of("parity", "baseline")[0].provenance["data"] == {"cifar10": data.current_digest("cifar10")}


def test_a_dry_run_warns(root, tmp_path):
    suite, out = written(tmp_path, "mnist"), tmp_path / "out"
    assert "Warning" not in run(suite, out, "--dry-run").err
    put(root, half_zeroed)
    done = run(suite, out, "--dry-run")
    assert done.status == 0 and done.err.startswith("Warning: mnist: the images and labels in ")
    assert "Warning" not in run(suite, out, "--dry-run", "--unverified-data", "mnist").err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[mnits]", "the list ['mnits'], expected a list of data sets: mnist, cifar10. Did you mean 'mnist'?"),
        ("mnist", "the text 'mnist', expected a list of data sets: mnist, cifar10"),
        ("[[mnist]]", "the list [['mnist']], expected a list of data sets: mnist, cifar10"),
    ],
)
def test_a_suite_names_data_sets(tmp_path, given, said):
    done = grokbench("validate", tiny.write(tmp_path, f"unverified_data: {given}\n{tiny.SUITE}"))
    assert done.status == 2 and f"tiny.yaml:1:18: unverified_data: {said}" in done.err


def test_status_and_doctor_verify(root):
    lines = grokbench("data", "status").out.splitlines()
    assert lines[:2] == [f"mnist: verified in {root / 'MNIST' / 'raw'}", f"cifar10: verified in {root}"]
    put(root, reversed_labels)
    (root / "cifar10.npz").write_bytes(b"PK")
    out = grokbench("data", "status").out
    assert f"mnist: unverified in {root / 'MNIST' / 'raw'}\n  mnist: the images and labels in " in out
    assert f"cifar10: damaged in {root}\n  {root / 'cifar10.npz'} is damaged (" in out
    shown = grokbench("doctor")
    assert shown.status == 1 and "MNIST/raw: unverified" in shown.out and f"BAD cifar10 in {root}: damaged" in shown.out


def test_the_form_of_the_files_does_not_matter(root, monkeypatch):
    raw, resources, before = root / "MNIST" / "raw", [], data.current_digest("mnist")
    for name in NAMES:
        (raw / f"{name}.gz").write_bytes(packed := gzip.compress((raw / name).read_bytes()))
        (raw / name).unlink()
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr(MNIST, "mirrors", ["http://localhost:1/"])
    forget()
    assert data.current_digest("mnist") == before
    before, made = data.current_digest("cifar10"), arrays()
    np.savez(root / "cifar10.npz", **made | {"y_test": made["y_test"][:, None].astype("int64")})
    forget()
    assert data.current_digest("cifar10") == before


@pytest.fixture
def fog(root):
    """The corruption fog of three test images."""
    folder = root / "CIFAR-10-C"
    folder.mkdir()
    np.save(folder / "fog.npy", pictures(15)[0])
    np.save(folder / "labels.npy", np.zeros(15, np.uint8))
    return folder


def test_the_images_of_a_metric_are_recorded_but_neither_verified_nor_refused(here, fog, tmp_path):
    text = written(tmp_path, "cifar10").read_text() + "metrics: {fog: {use: cifar10c_accuracy, corruption: fog}}\n"
    suite, out = tiny.write(tmp_path, text), tmp_path / "out"
    options = (suite, out, "--regularizer", "baseline", "--seeds", "1000")
    assert run(*options).status == 0
    (stored,) = Store.load(out).runs()
    digest = data.current_digest("cifar10c:fog")
    assert stored.provenance["data"] == {"cifar10": PUBLISHED["cifar10"].sha256, "cifar10c:fog": digest}
    assert not is_unverified("cifar10c:fog", digest)
    np.save(fog / "fog.npy", pictures(15, seed=1)[0])
    assert data.current_digest("cifar10c:fog") not in (None, digest)
    assert run(*options, "--dry-run").out.splitlines()[2].split()[3:5] == ["0", "1"]  # it is trained again
    (fog / "labels.npy").unlink()
    assert data.current_digest("cifar10c:fog") is None is data.current_digest("cifar10c:mist")


def test_digests_of_corruptions_are_computed_only_where_they_are_collected(fog, monkeypatch):
    data.check_cifar10c(["fog"])
    assert load_cifar10c._digest.cache_info().currsize == 0
    with recording() as read:
        data.check_cifar10c(["fog"])
    assert list(read) == ["cifar10c:fog"]


def test_a_search_is_refused_before_its_folder_is_made(here, root, tmp_path):
    put(root, half_zeroed)
    done = grokbench(
        "tune", written(tmp_path, "mnist"), "--device", "cpu", "--out", tmp_path / "out", "--n-trials", "2"
    )
    assert done.status == 2 and "not those of the published MNIST" in done.err and not (tmp_path / "out").exists()


def test_the_trials_and_the_chosen_suite_of_a_search_keep_the_word(root, tmp_path):
    from grokbench.runner.request import Request
    from grokbench.tune.preparation import prepare
    from grokbench.tune.suites import chosen_entries, suite_data

    request = Request(str(written(tmp_path, "mnist")), device="cpu", unverified_data=("mnist",))
    tuning = prepare(request, 2)
    rows = {"0": tuning.defaults}
    assert suite_data(tuning, "trials", [0], rows)["unverified_data"] == ["mnist"]
    assert chosen_entries(tuning, tuning.defaults)["unverified_data"] == ["mnist"]


def test_weights_are_not_evaluated_on_unverified_data(here, root, tmp_path):
    text = written(tmp_path, "mnist", "weights: final\n").read_text()
    suite, out = tiny.write(tmp_path, text), tmp_path / "out"
    assert run(suite, out, "--regularizer", "baseline", "--seeds", "1000").status == 0
    put(root, half_zeroed)
    for file in tiny.files_of(out, "baseline"):  # as an earlier version stored it, without digests
        edit(file, lambda found: found["run"]["provenance"].pop("data"))
    command = ("evaluate", out, "test_accuracy", "--regularizer", "baseline")
    refused = grokbench(*command)
    assert refused.status == 2 and "not those of the published MNIST" in refused.err
    assert grokbench(*command, "--unverified-data", "mnist").status == 0
