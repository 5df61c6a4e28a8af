"""Fixtures that several test modules share."""

import gc
import re

import pytest

LONGEST = ("test_docs", "test_kills", "test_accidents")  # how files begin that would leave one core waiting


# Search for reference cycles among thousands of tests and the objects of torch takes a tenth of the time otherwise.
gc.set_threshold(20_000, 20, 20)


def pytest_collection_finish():
    """Leave what exists before the first test out of that search."""
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Tests that take minutes come first, so that the cores end together."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors are faster on one thread, and several test runs share a machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True, scope="session")
def _any_clock():
    """Timings are kept however busy this machine is; tests of refused ones bring their own clock."""
    from grokbench.engine import timing

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timing, "CLOCKS_AGREE", float("inf"))
        yield


@pytest.fixture(autouse=True, scope="session")
def _identities_by_hand():
    """Cells made by hand have identities such as `cbaseline`; those that are hashes are compared with their recipes."""
    from grokbench.store import manifests

    compared = manifests.recipe_fault

    def by_hand(cell):
        return compared(cell) if re.fullmatch("[0-9a-f]{16}", cell.identity) else ""

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(manifests, "recipe_fault", by_hand)
        yield compared


@pytest.fixture(autouse=True, scope="session")
def _digests_once():
    """Digests of the checkout's files, which no test edits, are computed once and not at every command."""
    from functools import cache
    from pathlib import Path

    from grokbench import plugins

    compute, checkout = plugins.source_digests, Path(__file__).parents[1]
    once = cache(compute)

    def digests(file):
        return dict(once(file)) if Path(file).is_relative_to(checkout) else compute(file)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plugins, "source_digests", digests)
        yield


@pytest.fixture(autouse=True, scope="session")
def _built_ins_once():
    """The built-in plugins, which no test edits, are collected once and not at every command."""
    from grokbench import plugins

    collect, found = plugins._plugins, {}

    def collected(manager, provider):
        if not provider[0].built_in:
            return collect(manager, provider)
        module = provider[2]()
        if module not in found:
            found[module] = list(collect(manager, provider))
        return found[module]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plugins, "_plugins", collected)
        yield


@pytest.fixture
def quick_clock(monkeypatch):
    """What steps cost is measured in no time."""
    from grokbench.engine import timing

    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    monkeypatch.setattr(timing, "ROUNDS", 3)


@pytest.fixture
def quick_check(monkeypatch, quick_clock):
    """Checks of plugins time one round, and find the shapes of small networks where these are made sooner."""
    from grokbench import random
    from grokbench.engine import timing
    from grokbench.step import trial

    def on_the_cpu(readings):
        return {name: p.to("meta") for name, p in readings.task.init(random.key(0)).items()}

    monkeypatch.setattr(timing, "ROUNDS", 1)
    monkeypatch.setattr(trial, "replica_shapes", on_the_cpu)


@pytest.fixture
def tiny_data(monkeypatch):
    """Noisy stripes in place of MNIST, and noise in place of CIFAR-10 and CIFAR-10-C."""
    from grokbench import data

    from .helpers.small_cells import corrupted, photographs, stripes

    sets, photos = stripes(), photographs()
    monkeypatch.setattr(data, "mnist", lambda root=None: sets)
    monkeypatch.setattr(data, "cifar10", lambda root=None: photos)
    monkeypatch.setattr(data, "cifar10c", corrupted)
    monkeypatch.setattr(data, "check_cifar10c", lambda corruptions=(): None)


@pytest.fixture
def few_corruptions(monkeypatch):
    """Two corruptions in two severities in place of CIFAR-10-C's 15 in five, each a pass through the network."""
    from grokbench import data

    monkeypatch.setattr(data, "BENCHMARK_CORRUPTIONS", data.BENCHMARK_CORRUPTIONS[:2])
    monkeypatch.setattr(data, "SEVERITIES", 2)


@pytest.fixture
def nothing_installed(monkeypatch):
    """No package with plugins."""
    import importlib.metadata

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **selection: ())


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

    from grokbench.runner.request import Request, resolve

    from .helpers import tiny

    def make(text=tiny.SUITE, **request):
        suite = tiny.write(tmp_path, text)
        return resolve(Request(str(suite), **{"out": str(tmp_path / "out"), "device": "cpu"} | request))

    return make


@pytest.fixture
def cells_of(tmp_path, registry):
    """A function from a suite's text to its cells, by (task, regularizer)."""
    from grokbench.plan import expand
    from grokbench.suite import load_suite

    def expanded(text, precision="float32", engine=1):
        (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
        cells = expand(load_suite(str(tmp_path / "s.yaml")), registry, precision, engine)
        return {cell.key: cell for cell in cells}

    return expanded


@pytest.fixture
def here(monkeypatch, quick_clock):
    """Jobs are done in this process."""
    from grokbench.launchers.local import pool

    from .helpers import tiny

    monkeypatch.setattr(pool, "launch", tiny.launch_here)


@pytest.fixture
def suite(tmp_path):
    """The file of the tiny suite."""
    from .helpers import tiny

    return tiny.write(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Results of the tiny suite; not to be written to."""
    from grokbench.engine import timing
    from grokbench.launchers.local import pool

    from .helpers import tiny

    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "launch", tiny.launch_here)
        patched.setattr(timing, "LEAST_SECONDS", 1e-4)
        patched.setattr(timing, "ROUNDS", 3)
        done = tiny.run(tiny.write(root), root / "out")
    assert done.status == 0, done.err
    return root / "out"


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of them."""
    import shutil

    return shutil.copytree(trained, tmp_path / "out")


@pytest.fixture
def store(tmp_path):
    """A results folder of two cells that are planned, and no run."""
    from .helpers.stored_runs import opened

    return opened(tmp_path / "runs")


@pytest.fixture(scope="session")
def evidence(tmp_path_factory):
    """A function from a kind of folder to what such a folder holds."""
    from functools import cache

    from .helpers.chart_specs import gathered

    return cache(lambda kind: gathered(tmp_path_factory.mktemp("folder"), kind))


@pytest.fixture
def benchmarks(monkeypatch):
    """Import a module of the checkout's `benchmarks`, which is not installed."""
    from importlib import import_module
    from pathlib import Path

    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))
    return lambda name: import_module(f"benchmarks.{name}")
