"""Data folders: real idx files in miniature, and never the network."""

import gzip
import hashlib
import struct
from urllib.error import URLError

import pytest
import torch
from torchvision.datasets import MNIST
from torchvision.datasets import mnist as torchvision_mnist

from grokbench import data
from grokbench.data import load_mnist
from grokbench.data.published import PUBLISHED
from grokbench.errors import DataError

SAMPLES = {"train": 6, "t10k": 4}
NAMES = [f"{split}-{kind}-ubyte" for split in SAMPLES for kind in ("images-idx3", "labels-idx1")]


def idx(*shape, first=0, largest=256):
    """An idx file of bytes that count up: magic number, sizes in big-endian, values (as on LeCun's page)."""
    count = torch.Size(shape).numel()
    header = struct.pack(f">{1 + len(shape)}I", 0x0800 + len(shape), *shape)
    return header + bytes((first + i) % largest for i in range(count))


def tiny_files():
    contents = {}
    for split, n in SAMPLES.items():
        contents[f"{split}-images-idx3-ubyte"] = idx(n, 28, 28, first=n)
        contents[f"{split}-labels-idx1-ubyte"] = idx(n, largest=10)
    return contents


def publish(monkeypatch, name):
    """Take the data that are there for the published ones."""
    monkeypatch.setitem(PUBLISHED, name, PUBLISHED[name]._replace(sha256=data.current_digest(name)))


@pytest.fixture
def offline(monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("Name or service not known")

    monkeypatch.setattr(torchvision_mnist, "download_and_extract_archive", no_network)
    load_mnist._load_mnist.cache_clear()


@pytest.fixture
def folder(tmp_path, monkeypatch, offline):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in tiny_files().items():
        (folder / name).write_bytes(content)
    return folder


def test_the_root_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path / "d"))
    assert data.data_root() == tmp_path / "d"
    monkeypatch.setenv("GROKBENCH_DATA", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data.data_root() == tmp_path / "grokbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert data.data_root() == tmp_path / ".cache" / "grokbench"


def test_mnist_is_read_from_the_files_that_are_there(folder):
    train_x, train_y, test_x, test_y = data.mnist()
    assert train_x.shape == (6, 28, 28) and test_x.shape == (4, 28, 28)
    assert {t.dtype for t in (train_x, train_y, test_x, test_y)} == {torch.uint8}
    assert train_y.tolist() == [0, 1, 2, 3, 4, 5] and train_x[0, 0, :3].tolist() == [6, 7, 8]
    assert data.mnist(folder.parents[1])[0] is train_x  # read once


def test_status_names_what_is_missing(folder):
    record = data.status()[0]
    assert record.present and record.files == tuple(NAMES) and record.missing == () and record.folder == folder
    (folder / NAMES[3]).unlink()
    record = data.status()[0]
    assert not record.present and record.missing == (NAMES[3],)
    assert "grokbench data fetch mnist" in record.how and str(folder) in record.how


def test_missing_files_without_a_network_name_the_files_and_their_folder(folder):
    (folder / NAMES[1]).unlink()
    (folder / NAMES[2]).unlink()
    with pytest.raises(DataError) as error:
        data.mnist()
    message = str(error.value)
    assert f"MNIST is not complete in {folder} and could not be downloaded" in message
    assert "Name or service not known" in message and "$GROKBENCH_DATA" in message
    assert f"Put {NAMES[1]}, {NAMES[2]} there, with or without .gz" in message
    assert NAMES[0] not in message


def test_an_empty_read_only_place_is_explained_too(tmp_path, offline):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="MNIST is not complete in .*file/MNIST/raw and could not be downloaded"):
        data.mnist(tmp_path / "file")


def test_files_absent_are_downloaded_once(folder, monkeypatch):
    content = (folder / NAMES[0]).read_bytes()
    (folder / NAMES[0]).unlink()
    asked = []

    def network(url, download_root, filename, md5):
        asked.append((filename, md5))
        (folder / filename.removesuffix(".gz")).write_bytes(content if filename.startswith(NAMES[0]) else b"")

    monkeypatch.setattr(MNIST, "resources", [row for row in MNIST.resources if row[0].startswith(NAMES[0])])
    monkeypatch.setattr(torchvision_mnist, "download_and_extract_archive", network)
    with pytest.raises(DataError, match="expected 0daeb744fc0fb752.*Delete .*MNIST/raw and fetch it again"):
        data.fetch("mnist")
    publish(monkeypatch, "mnist")
    assert data.fetch("mnist") == data.fetch("mnist") == folder
    assert asked == [("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873")]
    assert len(data.mnist()[0]) == 6


def test_compressed_files_are_unpacked(tmp_path, monkeypatch):
    load_mnist._load_mnist.cache_clear()
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    resources = []
    for name, content in tiny_files().items():
        (folder / f"{name}.gz").write_bytes(packed := gzip.compress(content))
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(MNIST, "resources", resources)
    monkeypatch.setattr(MNIST, "mirrors", ["http://localhost:1/"])
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    assert data.status()[0].present
    assert data.mnist()[3].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"not an idx file", idx(6, 28, 28)[:-1], idx(0)])
def test_a_damaged_file_is_named(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} is damaged \(.*\). Delete it, so that it is downloaded again, or"):
        data.mnist()


def test_a_file_that_is_far_too_large_or_none_is_not_read(folder):
    with (folder / NAMES[0]).open("ab") as file:
        file.truncate(2**28 + 1)  # takes no place on the disk
    with pytest.raises(DataError, match=f"{NAMES[0]} is damaged .it has {2**28 + 1} bytes, expected at most {2**28}"):
        data.mnist()
    (folder / NAMES[0]).unlink()
    (folder / NAMES[0]).mkdir()
    with pytest.raises(DataError, match=f"{NAMES[0]} is damaged .it is no ordinary file"):
        data.mnist()


def test_images_and_labels_of_different_number(folder):
    (folder / NAMES[1]).write_bytes(idx(5, largest=10))
    with pytest.raises(DataError, match=r"is damaged \(\(6, 28, 28\) images for 5 labels up to 4\)"):
        data.mnist()


def test_an_unknown_data_set():
    with pytest.raises(DataError, match="There is no data set 'mnits'. Choose one of: mnist, cifar10, cifar10c."):
        data.fetch("mnits")
