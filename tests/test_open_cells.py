"""The page of the open cells: what it says of the stored runs."""

import math
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

from grokbench.store import Store
from grokbench.suite import load_suite

from .helpers.reproduction_table import PAPER

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "open_cells.md").read_text(encoding="utf-8")
METHODS = ("baseline", "grokfast", "orthograd", "grokalign")
STORE = Store.load(PAPER)
RUNS = STORE.runs()


def epochs(task: str, method: str) -> list[int]:
    """The epochs to grok of a cell's 25 seeds, in the order of seeds; empty if no seed groks."""
    (cell,) = [cell for cell in STORE.manifest.cells if (cell.task, cell.regularizer) == (task, method)]
    found = {run.seed: run.grokked_at for run in RUNS if run.identity == cell.identity}
    return [found[seed] for seed in sorted(found) if found[seed] is not None]


def on_grid(epoch: int) -> int:
    """The first recorded epoch from `epoch` on: all below 100, tens below 1,000, hundreds below 10,000."""
    step = 10 ** max(0, len(str(epoch)) - 2)
    return math.ceil(epoch / step) * step


@pytest.mark.parametrize("task", ["xor", "modular_addition"])
def test_the_page_has_the_stored_epochs_and_those_on_the_grid(task):
    found = [epochs(task, method) for method in METHODS]
    for name, rounded in (("ours", lambda e: e), ("ours on the grid", on_grid)):
        numbers = [f"{mean(map(rounded, each)):.1f}" if each else "-" for each in found]
        assert f"| {name} | {' | '.join(numbers)} |" in PAGE


def test_the_grid_is_that_of_the_page():
    assert [on_grid(epoch) for epoch in (99, 100, 101, 999, 1001, 2100)] == [99, 100, 110, 1000, 1100, 2100]


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
