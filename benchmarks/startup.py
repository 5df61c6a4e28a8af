"""The time that commands take to start, each in a process of its own, in turns; results are medians."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.tables import tabulated
from grokbench.records import Cell, Curve, Manifest, Outcome, Recipe, Run, Use, identity
from grokbench.store import Store

__all__ = ["GROKBENCH", "commands", "measure", "synthetic", "table"]

GROKBENCH = (sys.executable, "-P", "-m", "grokbench")  # -P: the checkout's folders are not the installed package
METHODS, SEEDS, POINTS = 20, 25, 200  # 500 runs, with curves of 200 evaluations
PATIENCE = 300.0  # most seconds of a command


def measure(rounds: int, say: Callable[[str], None] = lambda _: None) -> dict[str, list[float]]:
    """Time every command once in each round; return its seconds by name."""
    with TemporaryDirectory() as folder:
        synthetic(Path(folder) / "many", METHODS, SEEDS, POINTS)
        clocks = commands(Path(folder))
        found: dict[str, list[float]] = {name: [] for name in clocks}
        for number in range(1, rounds + 1):
            for name, clock in clocks.items():
                found[name].append(clock(number))
            say(f"start-up: round {number} of {rounds}")
    return found


def commands(folder: Path) -> Mapping[str, Callable[[int], float]]:
    """Return the functions that time a command, by name; each takes the number of the round, for a new folder."""
    smoke = [*GROKBENCH, "run", "smoke", "--device", "cpu", "--out"]
    return {
        "python": lambda _: whole([sys.executable, "-c", "pass"]),
        "grokbench --version": lambda _: whole([*GROKBENCH, "--version"]),
        "grokbench --help": lambda _: whole([*GROKBENCH, "--help"]),
        f"leaderboard of {METHODS * SEEDS} runs": lambda _: whole([*GROKBENCH, "leaderboard", str(folder / "many")]),
        "import torch": lambda _: whole([sys.executable, "-c", "import torch"]),
        "run smoke, to its first line": lambda number: until([*smoke, str(folder / f"said{number}")], "smoke"),
        "run smoke, to its first cell": lambda number: until([*smoke, str(folder / f"done{number}")], "grokked"),
    }


def whole(command: Sequence[str]) -> float:
    """Return the seconds of a whole command; CalledProcessError if it fails."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return time.perf_counter() - began


def until(command: Sequence[str], word: str) -> float:
    """Return the seconds until a command prints a word on standard error; RuntimeError if it ends before."""
    began, said = time.perf_counter(), []
    quiet = {**os.environ, "TERM": "dumb"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=quiet) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if word in line:
                seconds = time.perf_counter() - began
                process.terminate()
                process.stderr.read()
                return seconds
    raise RuntimeError(f"{' '.join(command[1:])} ended without printing {word!r}: {''.join(said)}")


def synthetic(folder: Path, methods: int, seeds: int, points: int) -> None:
    """Write a results folder of one task, with a grokked run for each method and seed."""
    labels = ["baseline", *(f"method{number}" for number in range(1, methods))]
    recipes = {label: Recipe(task=Use("task", {}), regularizers=(Use(label, {}),)) for label in labels}
    cells = tuple(
        Cell("task", label, identity(recipe.data()), recipe, 10_000, 1, {"test_accuracy": "higher"})
        for label, recipe in recipes.items()
    )
    planned = tuple(range(1000, 1000 + seeds))
    epochs = tuple(range(points))
    curves = {"test_accuracy": Curve(epochs, tuple(epoch / points for epoch in epochs))}
    with Store.open(folder, Manifest("synthetic", "Made-up runs.", "baseline", planned, cells)) as store:
        for number, cell in enumerate(cells):
            for seed in planned:
                epoch = 100 + 7 * number + (seed * 31 + number * 17) % 97
                ended, final = max(epoch, points), {"test_accuracy": 1.0}
                store.save(Run(cell.identity, seed, Outcome.GROKKED, epoch, 10, ended, final, curves))


def table(found: Mapping[str, Sequence[float]]) -> str:
    """Format a row for each command."""
    rows = [["start-up", name, f"{median(s):.3f}", f"{min(s):.3f}-{max(s):.3f}"] for name, s in found.items()]
    return tabulated(["part", "command", "seconds", "lowest-highest"], rows)


def json(found: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Return medians and every round as JSON data."""
    return [{"command": name, "seconds": median(rounds), "rounds": list(rounds)} for name, rounds in found.items()]
