"""The page of the open cells: what it says of the stored runs, its suites, and the penalty that they need."""

import re
import runpy
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import pytest
import torch

from grokbench import random
from grokbench.engine import REVISION
from grokbench.plan import expand
from grokbench.plugins import load_registry
from grokbench.seeds import FIRST_REPORTED
from grokbench.store import Store
from grokbench.suite import load_suite
from grokbench.tasks import _mlp
from grokbench.types import linearize

from .helpers.reproduction_table import PAPER

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "open_cells.md").read_text(encoding="utf-8")
READINGS = ROOT / "results" / "readings"
OUTCOMES = runpy.run_path(str(READINGS / "outcomes.py"))
METHODS = ("baseline", "grokfast", "orthograd", "grokalign")
STORE = Store.load(PAPER)
RUNS = STORE.runs()


def epochs(task: str, method: str) -> list[int]:
    """The epochs to grok of a cell's 25 seeds, in the order of seeds; empty if no seed groks."""
    (cell,) = [cell for cell in STORE.manifest.cells if (cell.task, cell.regularizer) == (task, method)]
    found = {run.seed: run.grokked_at for run in RUNS if run.identity == cell.identity}
    return [found[seed] for seed in sorted(found) if found[seed] is not None]


@pytest.mark.parametrize("task", ["xor", "modular_addition"])
def test_the_page_has_the_stored_epochs_and_those_on_the_grid(task):
    found = [epochs(task, method) for method in METHODS]
    for name, rounded in (("ours", lambda e: e), ("ours on the grid", OUTCOMES["on_grid"])):
        numbers = [f"{mean(map(rounded, each)):.1f}" if each else "-" for each in found]
        assert f"| {name} | {' | '.join(numbers)} |" in PAGE


def test_the_grid_is_that_of_the_page():
    assert [OUTCOMES["on_grid"](epoch) for epoch in (99, 100, 101, 999, 1001, 2100)] == [99, 100, 110, 1000, 1100, 2100]


def test_published_means_above_1200_are_multiples_of_4():
    published = load_suite("paper").published.epochs
    large = sorted(number for row in published.values() for number in row.values() if number > 1200)
    assert len(large) == 7 and not any(number % 4 for number in large)
    assert ", ".join(map(str, large)) in " ".join(PAGE.split())


@pytest.mark.parametrize(
    ("row", "task", "methods"),
    [
        ("XOR, OrthoGrad", "xor", ["orthograd"]),
        ("sparse parity, GrokFast; OrthoGrad; GrokAlign", "sparse_parity", METHODS[1:]),
        ("MNIST, squared error, GrokFast; GrokAlign", "mnist_mse", ["grokfast", "grokalign"]),
        ("MNIST, cross-entropy, GrokFast; GrokAlign", "mnist_ce", ["grokfast", "grokalign"]),
    ],
)
def test_the_page_has_the_spread_of_paired_differences(row, task, methods):
    baseline = epochs(task, "baseline")
    spreads = [stdev(a - b for a, b in zip(baseline, epochs(task, method), strict=True)) for method in methods]
    assert re.search(rf"^\| {row} \|[^|]*\| {'; '.join(f'{spread:.0f}' for spread in spreads)} \|$", PAGE, re.M)


SUITES = {path.name: text for path in READINGS.glob("*.yaml") if "open_cells.md" in (text := path.read_text("utf-8"))}


@pytest.mark.parametrize("name", sorted(SUITES))
def test_the_suites_are_sound_have_seeds_below_1000_and_their_commands_are_on_the_page(name):
    suite = load_suite(str(READINGS / name))
    assert max(suite.seeds) < FIRST_REPORTED
    assert expand(suite, load_registry(suite.plugins), "float64", REVISION)
    commands = re.findall(rf"^grokbench run results/readings/{name}((?:.|\\\n)*?)$", PAGE, re.M)
    assert commands and ("--precision float64" in SUITES[name]) <= all("float64" in command for command in commands)


def test_the_later_release_has_momentum_on_xor_and_betas_elsewhere():
    suite = load_suite(str(READINGS / "later_release.yaml"))
    cells = expand(suite, load_registry(suite.plugins), "float64", REVISION)
    adam = {"betas": [0.9, 0.99], "eps": 1e-25}
    for cell in cells:
        momentum = 0.8 if cell.regularizer == "orthograd" else 0.2
        assert cell.recipe.optimizer == ({"momentum": momentum} if cell.task == "xor" else adam)


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in READINGS.glob("open_*/outcomes.jsonl")))
def test_the_page_has_the_measured_epochs_of_the_readings(folder):
    outcomes = PAGE.partition("## Outcomes")[2].partition(f"`{folder}`")[2].partition("###")[0]
    shown = re.findall(r"\| `(\w+) / (\w+)` \|[^|]*\| ([\d.]+ \([\d.]+\)) \| ([\d.]+ \([\d.]+\)) \|", outcomes)
    measured = {(task, row): (off, on) for task, row, _, off, on, *_ in OUTCOMES["rows"](Store.load(READINGS / folder))}
    assert shown and not [each for each in shown if measured[each[:2]] != each[2:]]


def test_ratios_are_of_paired_means_with_the_delta_methods_error():
    ratio, error = OUTCOMES["ratio"]([200, 220, 240], [100, 110, 120])
    assert (ratio, error) == pytest.approx((2.0, 0.0))
    ratio, error = OUTCOMES["ratio"]([200, 240], [100, 100])
    assert (ratio, error) == pytest.approx((2.2, 0.2))
    assert OUTCOMES["distance"](1.1, 0.11, 1.0) == OUTCOMES["distance"](1 / 1.1, 0.1 / 1.1, 1.0) == "0.095 ± 0.100"


@pytest.mark.parametrize("bias", [True, False])
def test_the_offset_is_what_the_jacobian_leaves_of_the_outputs(bias):
    offsets = runpy.run_path(str(READINGS / "offset.py"))["offsets"]
    params = _mlp.init(random.key(0), (5, 7, 3), bias=bias)
    inputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = offsets(linearize(partial(_mlp.forward, params), inputs), inputs)
    for x, b in zip(inputs, found, strict=True):
        J = torch.autograd.functional.jacobian(lambda one: _mlp.forward(params, one[None])[0], x)
        torch.testing.assert_close(b, _mlp.forward(params, x[None])[0] - J @ x)
    assert bool(found.abs().max() > 0.01) is bias


def test_the_offset_of_a_quadratic_network_is_minus_its_outputs():
    offsets = runpy.run_path(str(READINGS / "offset.py"))["offsets"]
    params, inputs = _mlp.init(random.key(0), (5, 7, 3), bias=False), torch.eye(5, dtype=torch.float64)
    local = linearize(partial(_mlp.forward, params, activation=_mlp.square), inputs)
    torch.testing.assert_close(offsets(local, inputs), -local.outputs)
