"""Fixtures that several rooms share."""

import pytest

LONGEST = ("test_docs", "test_kills", "test_accidents")  # files: begun last, they would leave one core waiting


def pytest_collection_modifyitems(items):
    """Tests that take minutes come first, so that the cores end together."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors are faster on one thread, and several test runs share a machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def quick_clock(monkeypatch):
    """What steps cost is measured in no time, and as precisely."""
    from grokbench import timing

    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)


@pytest.fixture
def tiny_data(monkeypatch):
    """Noisy stripes in place of MNIST, and noise in place of CIFAR-10 and CIFAR-10-C."""
    from grokbench import data

    from .cases import corrupted, photographs, stripes

    sets, photos = stripes(), photographs()
    monkeypatch.setattr(data, "mnist", lambda root=None: sets)
    monkeypatch.setattr(data, "cifar10", lambda root=None: photos)
    monkeypatch.setattr(data, "cifar10c", corrupted)
    monkeypatch.setattr(data, "check_cifar10c", lambda corruptions=(): None)


@pytest.fixture(scope="session")
def registry():
    """The built-in plugins and nothing else, whatever is installed beside them."""
    from unittest.mock import patch

    from grokbench.plugins import load_registry

    with patch("importlib.metadata.entry_points", return_value=()):
        return load_registry()


@pytest.fixture
def plan(tmp_path):
    """A function from a suite's text and a request to a plan; the folder is the same every time."""

    from grokbench.request import Request, resolve

    from . import tiny

    def make(text=tiny.SUITE, **request):
        suite = tiny.write(tmp_path, text)
        return resolve(Request(str(suite), **{"out": str(tmp_path / "out"), "device": "cpu"} | request))

    return make
