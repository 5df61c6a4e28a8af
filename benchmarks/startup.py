"""How long one waits before anything happens: commands in processes of their own, taking turns, medians."""

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
from grokbench.records import Cell, Curve, Manifest, Outcome, Recipe, Run, Use
from grokbench.store import Store

__all__ = ["GROKBENCH", "commands", "measure", "synthetic", "table"]

GROKBENCH = (sys.executable, "-P", "-m", "grokbench")  # -P: the checkout's folders are not the installed package
METHODS, SEEDS, POINTS = 20, 25, 200  # 500 runs, curves of so many evaluations
PATIENCE = 300.0  # seconds a command may take


def measure(rounds: int, say: Callable[[str], None] = lambda _: None) -> dict[str, list[float]]:
    """Seconds of each command, one per round."""
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
    """What is timed, each asked with the number of the round: smoke trains into a folder of its own every time."""
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
    """Seconds of a command from start to end; CalledProcessError when it fails."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    return time.perf_counter() - began


def until(command: Sequence[str], word: str) -> float:
    """Seconds until a command says a line with this word on standard error; RuntimeError when it ends before."""
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
    raise RuntimeError(f"{' '.join(command[1:])} ended without a word of {word!r}: {''.join(said)}")


def synthetic(folder: Path, methods: int, seeds: int, points: int) -> None:
    """A results folder of one task with as many runs as methods and seeds, all of them grokked."""
    labels = ["baseline", *(f"method{number}" for number in range(1, methods))]
    recipe = Recipe(task=Use("task", {}))
    cells = tuple(
        Cell("task", label, f"{number:016x}", recipe, 10_000, 1, {"test_accuracy": "higher"})
        for number, label in enumerate(labels)
    )
    planned = tuple(range(1000, 1000 + seeds))
    epochs = tuple(range(points))
    curves = {"test_accuracy": Curve(epochs, tuple(epoch / points for epoch in epochs))}
    with Store.open(folder, Manifest("synthetic", "Made-up runs.", "baseline", planned, cells)) as store:
        for number, cell in enumerate(cells):
            for seed in planned:
                epoch = 100 + 7 * number + (seed * 31 + number * 17) % 97
                store.save(Run(cell.identity, seed, Outcome.GROKKED, epoch, 10, epoch, {"test_accuracy": 1.0}, curves))


def table(found: Mapping[str, Sequence[float]]) -> str:
    """A row per command."""
    rows = [["start-up", name, f"{median(s):.3f}", f"{min(s):.3f}-{max(s):.3f}"] for name, s in found.items()]
    return tabulated(["part", "command", "seconds", "lowest-highest"], rows)


def json(found: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """Plain data: medians, and every round."""
    return [{"command": name, "seconds": median(rounds), "rounds": list(rounds)} for name, rounds in found.items()]
