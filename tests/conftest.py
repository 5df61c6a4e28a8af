"""Fixtures that several rooms share."""

import pytest


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors are faster on one thread, and several test runs share a machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_mnist(monkeypatch):
    """Noisy stripes in place of MNIST: 96 training and 64 test images, uint8, every label there."""
    import torch

    from grokbench import data

    generator = torch.Generator().manual_seed(0)

    def images(n):
        labels = torch.arange(n) % 10
        pixels = torch.randint(0, 100, (n, 28, 28), generator=generator)
        for row, label in enumerate(labels.tolist()):
            pixels[row, 2 * label : 2 * label + 3] += 150
        return pixels.to(torch.uint8), labels.to(torch.uint8)

    sets = (*images(96), *images(64))
    monkeypatch.setattr(data, "mnist", lambda root=None: sets)


@pytest.fixture(scope="session")
def registry():
    """The built-in plugins and nothing else, whatever is installed beside them."""
    from unittest.mock import patch

    from grokbench.plugins import load_registry

    with patch("importlib.metadata.entry_points", return_value=()):
        return load_registry()
