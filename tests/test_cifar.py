"""CIFAR-10 and CIFAR-10-C from files in their published formats, in miniature; never the network."""

import hashlib
import pickle
import tarfile
import zipfile
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10
from torchvision.datasets import cifar as torchvision_cifar

from grokbench import data
from grokbench.data import load_cifar10
from grokbench.errors import DataError

from .test_data import publish


def pictures(n, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 10


def arrays(train=12, test=5):
    (x_train, y_train), (x_test, y_test) = pictures(train), pictures(test, 1)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@pytest.fixture
def root(tmp_path, monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("Name or service not known")

    monkeypatch.setattr(torchvision_cifar, "download_and_extract_archive", no_network)
    monkeypatch.setenv("GROKBENCH_DATA", str(tmp_path))
    load_cifar10._load_cifar10.cache_clear()
    return tmp_path


def status(name):
    return {each.name: each for each in data.status()}[name]


def test_an_archive_is_read_with_channels_first(root, monkeypatch):
    np.savez(root / "cifar10.npz", **arrays())
    x, y, test_x, test_y = data.cifar10()
    assert x.shape == (12, 3, 32, 32) and test_x.shape == (5, 3, 32, 32) and x.is_contiguous()
    assert {t.dtype for t in (x, y, test_x, test_y)} == {torch.uint8}
    assert y.tolist() == [*range(10), 0, 1] and test_y.tolist() == [0, 1, 2, 3, 4]
    assert x[3, 2, 4, 5] == arrays()["x_train"][3, 4, 5, 2]
    assert data.cifar10(root)[0] is x  # read once
    publish(monkeypatch, "cifar10")
    assert data.fetch("cifar10") == root


def test_labels_in_a_column_are_read_too(root):
    made = arrays()
    np.savez(root / "cifar10.npz", **{**made, "y_train": made["y_train"][:, None].astype(">i8")})
    assert data.cifar10()[1].tolist() == [*range(10), 0, 1]


class Trap:
    """Unpickled, it would say so."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"x_train": np.zeros((12, 3, 32, 32), np.uint8)}, r"images are uint8 \(12, 3, 32, 32\), expected uint8"),
        ({"x_test": np.zeros((5, 32, 32, 3))}, r"images are float64 \(5, 32, 32, 3\), expected uint8 \(n, 32, 32, 3\)"),
        ({"y_train": np.zeros(11, np.uint8)}, r"labels are uint8 \(11,\) for 12 images, expected an integer for each"),
        ({"y_test": np.zeros(5)}, r"labels are float64 \(5,\) for 5 images"),
        ({"y_train": np.arange(12)}, "labels reach from 0 to 11, expected from 0 to 9"),
        ({"y_train": np.arange(12) - 2}, "labels reach from -2 to 9"),
        ({"x_test": np.zeros((0, 32, 32, 3), np.uint8), "y_test": np.zeros(0, np.uint8)}, r"labels are uint8 \(0,\)"),
        ({"y_test": np.array([Trap()] * 5, dtype=object)}, "not a complete npz file.*allow_pickle=False"),
    ],
)
def test_an_archive_of_something_else_is_explained(root, change, complaint):
    np.savez(root / "cifar10.npz", **{**arrays(), **change})
    with pytest.raises(DataError, match=rf"cifar10.npz is damaged \(.*{complaint}.*\). Delete it, so that"):
        data.cifar10()


def test_a_cut_or_incomplete_archive_is_explained(root):
    np.savez(root / "cifar10.npz", **{name: array for name, array in arrays().items() if name != "y_test"})
    with pytest.raises(DataError, match="not a complete npz file with x_train, y_train, x_test, y_test: .*y_test"):
        data.cifar10()
    whole = (root / "cifar10.npz").read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2]):
        (root / "cifar10.npz").write_bytes(content)
        with pytest.raises(DataError, match="cifar10.npz is damaged"):
            data.cifar10()


def test_a_part_that_is_no_array_is_named(root):
    np.savez(root / "cifar10.npz", **{name: each for name, each in arrays().items() if name != "y_test"})
    with zipfile.ZipFile(root / "cifar10.npz", "a") as archive:
        archive.writestr("y_test.npy", b"no array")
    with pytest.raises(DataError, match="cifar10.npz is damaged .*y_test is no array"):
        data.cifar10(root)


def test_an_archive_that_expands_without_bound_is_not_read(root, monkeypatch):
    np.savez(root / "cifar10.npz", **arrays())
    monkeypatch.setattr(load_cifar10, "LARGEST", 20_000)
    with pytest.raises(DataError, match=r"cifar10.npz is damaged .*it expands to \d+ bytes, expected at most 20000"):
        data.cifar10(root)
    with zipfile.ZipFile(root / "cifar10.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x_train.npy", b"")
    with pytest.raises(DataError, match="it is compressed in another way than numpy does"):
        data.cifar10(root)
    with (root / "cifar10.npz").open("ab") as file:
        file.truncate(2**28 + 1)  # takes no place on the disk
    with pytest.raises(DataError, match="cifar10.npz is damaged .it has 268435457 bytes, expected at most 268435456"):
        data.cifar10(root)


def test_missing_files_without_a_network_name_the_files_and_their_folder(root):
    with pytest.raises(DataError) as error:
        data.cifar10()
    message = str(error.value)
    assert f"CIFAR-10 is not complete in {root / 'cifar-10-batches-py'} and could not be downloaded" in message
    assert "Name or service not known" in message and "$GROKBENCH_DATA" in message
    assert f"Put one of these into {root}: the file cifar10.npz, which contains x_train, y_train, x_test" in message
    assert "or torchvision's folder cifar-10-batches-py" in message


@pytest.fixture
def batches(root, monkeypatch):
    """torchvision's folder, three images a file, and its checksums."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    sums = {}
    for number, name in enumerate(load_cifar10.BATCH_FILES):
        images, labels = pictures(3, number)
        rows = images.transpose(0, 3, 1, 2).reshape(3, 3072)
        content = {"label_names": list("abcdefghij")} if "meta" in name else {"data": rows, "labels": labels.tolist()}
        (folder / name).write_bytes(packed := pickle.dumps(content))
        sums[name] = hashlib.md5(packed).hexdigest()
    monkeypatch.setattr(CIFAR10, "train_list", [[name, sums[name]] for name in load_cifar10.BATCH_FILES[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": sums["batches.meta"]})
    return folder


def test_torchvisions_files_are_read(batches):
    assert status("cifar10").present
    x, y, test_x, test_y = data.cifar10()
    assert x.shape == (15, 3, 32, 32) and test_x.shape == (3, 3, 32, 32)
    assert y.tolist() == [0, 1, 2] * 5 and test_y.tolist() == [0, 1, 2]
    assert torch.equal(x[4], torch.from_numpy(pictures(3, 1)[0][1]).permute(2, 0, 1))


def test_the_names_of_torchvisions_files():
    listed = [name for name, _ in (*CIFAR10.train_list, *CIFAR10.test_list)]
    assert load_cifar10.BATCH_FILES == (*listed, CIFAR10.meta["filename"])
    assert load_cifar10.BATCHES == CIFAR10.base_folder


@pytest.mark.parametrize("name", ["data_batch_2", "batches.meta"])
def test_a_file_with_another_checksum_is_never_unpickled(batches, name):
    (batches / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match=r"cifar-10-batches-py is damaged \(its files do not have the checksums of"):
        data.cifar10()


def test_files_absent_are_downloaded_once(batches, root, monkeypatch):
    with tarfile.open(packed := root / "packed.tar.gz", "w:gz") as archive:
        archive.add(batches, "cifar-10-batches-py")
    for file in batches.iterdir():
        file.unlink()
    asked = []

    def network(url, download_root, filename, md5):
        asked.append((filename, md5))
        tarfile.open(packed).extractall(download_root, filter="data")

    monkeypatch.setattr(torchvision_cifar, "download_and_extract_archive", network)
    with pytest.raises(DataError, match="not those of the published CIFAR-10"):
        data.fetch("cifar10")
    publish(monkeypatch, "cifar10")
    assert data.fetch("cifar10") == data.fetch("cifar10") == root
    assert asked == [("cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a")]


def test_status_names_what_is_missing(root, batches):
    (batches / "test_batch").unlink()
    found = status("cifar10")
    assert not found.present and found.missing == ("cifar-10-batches-py/test_batch",) and found.folder == root
    for file in batches.iterdir():
        file.unlink()
    found = status("cifar10")
    assert found.missing == ("cifar10.npz",) and "grokbench data fetch cifar10" in found.how and str(root) in found.how
    np.savez(root / "cifar10.npz", **arrays())
    assert status("cifar10").present and not status("cifar10").missing


# ---- CIFAR-10-C


@pytest.fixture
def corrupted(root):
    """Two corruptions of three test images: fifteen rows each, three for each severity in turn."""
    folder = root / "CIFAR-10-C"
    folder.mkdir()
    for seed, name in enumerate(("fog", "snow")):
        np.save(folder / f"{name}.npy", pictures(15, seed)[0])
    np.save(folder / "labels.npy", np.tile(np.array([7, 0, 9], np.uint8), 5))
    return folder


@pytest.mark.parametrize("severity", [1, 4, 5])
def test_a_severity_is_its_fifth_of_the_file(corrupted, severity):
    images, labels = data.cifar10c("snow", severity)
    rows = np.load(corrupted / "snow.npy")[3 * (severity - 1) : 3 * severity]
    assert torch.equal(images, torch.from_numpy(rows).permute(0, 3, 1, 2)) and images.dtype == torch.uint8
    assert labels.tolist() == [7, 0, 9] and labels.dtype == torch.uint8


def test_labels_of_corruptions_may_stand_in_a_column_and_be_of_any_width(corrupted):
    np.save(corrupted / "labels.npy", np.tile(np.array([7, 0, 9], ">i4"), 5)[:, None])
    assert data.cifar10c("snow", 2)[1].tolist() == [7, 0, 9]


def test_every_file_is_looked_at_before_training(corrupted):
    data.check_cifar10c(["fog", "snow"])
    np.save(corrupted / "labels.npy", np.full(15, 11))
    with pytest.raises(DataError, match="labels.npy is damaged"):
        data.check_cifar10c(["fog", "snow"])


def test_the_images_stay_on_the_disk_and_are_not_written_to(corrupted):
    images, _ = data.cifar10c("fog", 1)
    before = (corrupted / "fog.npy").read_bytes()
    images.zero_()
    assert (corrupted / "fog.npy").read_bytes() == before


def test_absent_corruptions_are_one_clear_sentence(corrupted, root):
    assert data.complete_cifar10c(["fog", "snow"]) == corrupted
    with pytest.raises(DataError, match=r"CIFAR-10-C is not complete in .*: frost.npy is missing. Please unpack"):
        data.complete_cifar10c(["fog", "frost"])
    with pytest.raises(DataError, match=r"gaussian_noise.npy and 16 more are missing.*2.9 GB.*\$GROKBENCH_DATA"):
        data.fetch("cifar10c")
    found = status("cifar10c")
    assert not found.present and len(found.missing) == 17 and len(found.files) == 20 and found.folder == corrupted


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("fog", np.zeros((14, 32, 32, 3), np.uint8), "14 images for 5 severities"),
        ("fog", np.zeros((15, 3, 32, 32), np.uint8), r"images are uint8 \(15, 3, 32, 32\)"),
        ("labels", np.full(15, 10), "labels reach from 10 to 10"),
        ("labels", np.array([Trap()] * 15, dtype=object), "not a complete npy file"),
    ],
)
def test_damaged_corruptions_are_explained(corrupted, name, content, complaint):
    np.save(corrupted / f"{name}.npy", content)
    with pytest.raises(DataError, match=rf"npy is damaged \(.*{complaint}.*\). Please unpack CIFAR-10-C.tar"):
        data.cifar10c("fog", 1)


def test_images_that_are_no_five_severities(corrupted):
    np.save(corrupted / "fog.npy", pictures(16)[0])
    np.save(corrupted / "labels.npy", np.zeros(16, np.uint8))
    with pytest.raises(DataError, match="16 images for 5 severities"):
        data.cifar10c("fog", 1)


def test_the_corruptions_are_those_that_were_published():
    assert len(data.CORRUPTIONS) == len(set(data.CORRUPTIONS)) == 19
    assert data.CORRUPTIONS[:15] == data.BENCHMARK_CORRUPTIONS and "glass_blur" in data.BENCHMARK_CORRUPTIONS
