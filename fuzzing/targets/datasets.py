"""Data sets: MNIST in its plain and its compressed form, CIFAR-10, CIFAR-10-C."""

import gzip
import io
import struct
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

from fuzzing.targets import Target

__all__ = ["cifar10", "cifar10c", "idx", "idx_gz"]


def idx(folder: Path) -> Target:
    """Make the target of MNIST's files; an input is used as the images or as the labels, by its length.

    Args:
        folder: an empty folder.
    """
    return _mnist(folder, "", lambda data: data, "idx")


def idx_gz(folder: Path) -> Target:
    """Make the target of MNIST's compressed files, whose checksums torchvision verifies.

    Args:
        folder: an empty folder.
    """
    return _mnist(folder, ".gz", lambda data: gzip.compress(data, mtime=0), "gz")


def _mnist(folder: Path, suffix: str, packed: Any, form: str) -> Target:
    from torchvision.datasets import MNIST

    from grokbench import data

    MNIST.mirrors = []  # nothing is downloaded
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = struct.pack(">4B3I", 0, 0, 8, 3, 3, 28, 28) + bytes(range(56)) * 42
    labels = struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes((1, 7, 9))
    files = {f"{kind}-{what}-ubyte": each for kind in ("train", "t10k")
             for what, each in (("images-idx3", images), ("labels-idx1", labels))}  # fmt: skip
    MNIST.resources = [(f"{name}.gz", md5(packed(each)).hexdigest()) for name, each in files.items()]

    def read(content: bytes) -> None:
        place = "train-labels-idx1-ubyte" if len(content) % 2 else "train-images-idx3-ubyte"
        for name, sound in files.items():
            (raw / name).unlink(missing_ok=True)
            (raw / f"{name}{suffix}").write_bytes(content if name == place else packed(sound))
        _forget()
        data.mnist(folder)

    return Target(read, [packed(images), packed(labels)], form)


def cifar10(folder: Path) -> Target:
    """Make the target `cifar10.npz`.

    Args:
        folder: an empty folder.
    """
    import numpy as np
    import torchvision  # noqa: F401 - importing it takes seconds, which are not the reader's

    from grokbench import data

    images, labels = np.arange(3072, dtype=np.uint8).reshape(1, 32, 32, 3), np.ones(1, np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, x_train=images, y_train=labels, x_test=images, y_test=labels)

    def read(content: bytes) -> None:
        (folder / "cifar10.npz").write_bytes(content)
        _forget()
        data.cifar10(folder)

    return Target(read, (file.getvalue(),), "zip")


def cifar10c(folder: Path) -> Target:
    """Make the target of a file of CIFAR-10-C; an input is used as the images or as the labels, by its length.

    Args:
        folder: an empty folder.
    """
    import numpy as np
    import torchvision  # noqa: F401 - see `cifar10`

    from grokbench import data

    place = folder / "CIFAR-10-C"
    place.mkdir()
    sound = {"fog.npy": np.zeros((5, 32, 32, 3), np.uint8), "labels.npy": np.ones(5, np.uint8)}
    written = {name: io.BytesIO() for name in sound}
    for name, array in sound.items():
        np.save(written[name], array)

    def read(content: bytes) -> None:
        name = "labels.npy" if len(content) < 1000 else "fog.npy"
        for each, file in written.items():
            (place / each).write_bytes(content if each == name else file.getvalue())
        _forget()
        for tensor in data.cifar10c("fog", 5, folder):
            tensor.sum()

    return Target(read, [file.getvalue() for file in written.values()], "npy")


def _forget() -> None:
    """Clear the caches of the loaders."""
    for name, module in list(sys.modules.items()):
        if name.startswith("grokbench.data"):
            for value in list(vars(module).values()):
                getattr(value, "cache_clear", int)()
