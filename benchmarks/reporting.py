"""The cost of `grokbench report` on a large results folder: 500 runs with long curves.

The runs are synthetic; every seed trains to its budget, so that no curve is short.
"""

import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.startup import GROKBENCH
from benchmarks.tables import tabulated
from grokbench.records import Cell, Curve, Manifest, Outcome, Recipe, Run, Timing, Use, identity
from grokbench.store import Store

__all__ = ["Cost", "full", "json", "measure", "table"]

TASKS, METHODS, SEEDS, EVALUATIONS = 4, 5, 25, 2_000  # 20 cells, 500 runs
METRICS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "alignment")
PLACE = {"machine": "made up", "device": "cpu", "device_name": "made up", "precision": "float32"}


@dataclass(frozen=True)
class Cost:
    """The cost of one command.

    Attributes:
        seconds: elapsed seconds.
        cpu_seconds: CPU seconds, user and system.
        megabytes: peak resident memory, in megabytes.
        page: megabytes of the report.
    """

    seconds: float
    cpu_seconds: float
    megabytes: float
    page: float


def measure(
    rounds: int, say: Callable[[str], None] = lambda _: None, evaluations: int = EVALUATIONS, seeds: int = SEEDS
) -> list[Cost]:
    """Time `grokbench report` of such a folder, once in each round."""
    with TemporaryDirectory() as folder:
        full(Path(folder), TASKS, METHODS, seeds, evaluations)
        say(f"report: {TASKS * METHODS * seeds} runs made up")
        found = []
        for number in range(1, rounds + 1):
            found.append(_cost([*GROKBENCH, "report", folder], Path(folder, "report.html")))
            say(f"report: round {number} of {rounds}")
        return found


def _cost(command: Sequence[str], page: Path) -> Cost:
    """Run a command and return its cost; CalledProcessError if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    seconds = time.perf_counter() - began
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, page.stat().st_size / 2**20)


def full(folder: Path, tasks: int, methods: int, seeds: int, evaluations: int) -> None:
    """Write a results folder whose runs have curves of METRICS with this number of evaluations."""
    labels = ["baseline", *(f"method{number}" for number in range(1, methods))]
    directions = dict.fromkeys(METRICS)
    cells = tuple(
        Cell(f"task{t}", label, identity(recipe.data()), recipe, evaluations, 1, directions)
        for t in range(tasks)
        for label in labels
        for recipe in [_recipe(f"t{t}", label)]
    )
    planned = tuple(range(1000, 1000 + seeds))
    with Store.open(folder, Manifest("full", "Made-up runs.", "baseline", planned, cells)) as store:
        for number, cell in enumerate(cells):
            store.save_timing(Timing(cell.identity, (0.1, 0.11, 0.12), PLACE))
            for seed in planned:
                store.save(_run(cell, seed, number, planned, evaluations))


def _recipe(task: str, method: str) -> Recipe:
    methods = (Use(method, {}),)
    return Recipe(task=Use(task, {}), regularizers=methods, grokked={"test_accuracy": "> 0.9"}, stop="budget")


def _run(cell: Cell, seed: int, number: int, planned: tuple[int, ...], evaluations: int) -> Run:
    """Make a run that groks at some epoch and is evaluated up to its budget."""
    epoch = (0.2 + 0.02 * number + 0.0097 * ((seed * 31 + number * 17) % 25)) * evaluations
    epochs = tuple(range(evaluations + 1))
    curves = {label: Curve(epochs, tuple(_values(label, epoch, evaluations))) for label in METRICS}
    at = next(e for e, value in enumerate(curves["test_accuracy"].values) if value > 0.9)
    final = {label: curve.values[-1] for label, curve in curves.items()}
    return Run(cell.identity, seed, Outcome.GROKKED, at, at // 3, evaluations, final, curves, 0.0, planned, PLACE)


def _values(label: str, epoch: float, evaluations: int) -> Iterator[float]:
    """Yield the values of a sigmoid curve, with all digits of a float."""
    slow = 0.3 if label.startswith("train") else 1.0
    for at in range(evaluations + 1):
        risen = 1 / (1 + math.exp(min(50.0, 30 * (0.9 * slow * epoch - at) / evaluations)))
        yield risen if label.endswith("accuracy") else 2.3 * (1 - risen) + 1e-4


def table(found: Sequence[Cost]) -> str:
    """Format a row for each figure."""
    rows = [(name, [getattr(cost, name) for cost in found]) for name in asdict(found[0])]
    shown = [["report", name, f"{median(v):.1f}", f"{min(v):.1f}-{max(v):.1f}"] for name, v in rows]
    return tabulated(["part", "figure", "median", "lowest-highest"], shown)


def json(found: Sequence[Cost]) -> list[dict[str, Any]]:
    """Return every round as JSON data."""
    return [asdict(cost) for cost in found]
