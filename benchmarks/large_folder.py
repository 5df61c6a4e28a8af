"""The cost of commands on a results folder of 20,000 finished replicas: 20 tasks x 40 methods x 25 seeds.

The suite is a real one, so that `grokbench run` finds nothing left to train; its runs and seconds are made up.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.startup import GROKBENCH
from benchmarks.tables import tabulated
from grokbench.provenance import environment
from grokbench.records import Cell, Curve, Outcome, Run, Timing
from grokbench.store import Store

if TYPE_CHECKING:
    from grokbench.runner.request import Plan

__all__ = ["Cost", "commands", "fill", "json", "measure", "suite", "table"]

TASKS, METHODS, SEEDS, EVALUATIONS = 20, 40, 25, 500
BUDGET = 10_000
STARTER = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


@dataclass(frozen=True)
class Cost:
    """The cost of one command.

    Attributes:
        command: its name.
        seconds: elapsed.
        cpu_seconds: of user and system.
        megabytes: peak resident memory.
    """

    command: str
    seconds: float
    cpu_seconds: float
    megabytes: float


def measure(
    rounds: int,
    say: Callable[[str], None] = lambda _: None,
    shape: tuple[int, int, int, int] = (TASKS, METHODS, SEEDS, EVALUATIONS),
) -> list[Cost]:
    """Time every command once in each round.

    Args:
        rounds: how often each command runs.
        say: prints a line about the progress.
        shape: tasks, methods, seeds, and evaluations of a replica.
    """
    with TemporaryDirectory() as folder:
        file, out = Path(folder) / "large.yaml", Path(folder) / "out"
        file.write_text(suite(*shape[:3]), encoding="utf-8")
        fill(file, out, shape[3])
        say(f"store: {shape[0] * shape[1] * shape[2]} runs made up")
        found = []
        for number in range(1, rounds + 1):
            found += [cost(name, command) for name, command in commands(file, out).items()]
            say(f"store: round {number} of {rounds}")
        return found


def commands(file: Path, out: Path) -> Mapping[str, Sequence[str]]:
    """Return the commands to time, by name."""
    run = [*GROKBENCH, "run", str(file), "--out", str(out), "--device", "cpu"]
    return {
        "status": [*GROKBENCH, "status", str(out)],
        "run --dry-run": [*run, "--dry-run"],
        "run, nothing to do": run,
        "leaderboard": [*GROKBENCH, "leaderboard", str(out)],
        "leaderboard --format json": [*GROKBENCH, "leaderboard", str(out), "--format", "json"],
    }


def cost(name: str, command: Sequence[str]) -> Cost:
    """Run a command and return its cost; CalledProcessError if it fails.

    A small process starts the command, because the peak memory of a process counts that of the process that started it.
    """
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", STARTER, *command], check=True, capture_output=True, text=True)
    cpu_seconds, kilobytes = map(float, done.stderr.splitlines()[-1].split())
    return Cost(name, time.perf_counter() - began, cpu_seconds, kilobytes / 1024)


def suite(tasks: int, methods: int, seeds: int) -> str:
    """Return a suite of so many tasks, methods and seeds."""
    lines = ["suite: large", f"seeds: 1000-{999 + seeds}", "baseline: baseline", "tasks:"]
    lines += [f"  parity{n}: {{use: sparse_parity, bits: {20 + n}, epochs: {BUDGET}}}" for n in range(tasks)]
    lines += ["regularizers:", "  baseline: {}"]
    lines += [f"  align{n}: {{use: grokalign, strength: {n / 100}}}" for n in range(1, methods)]
    return "\n".join(lines) + "\n"


def fill(file: Path, out: Path, evaluations: int) -> None:
    """Write the results folder of a suite as if all its replicas had been trained and timed on this machine."""
    from grokbench.runner.pipeline import open_store
    from grokbench.runner.request import Request, resolve

    plan = resolve(Request(suite=str(file), out=str(out), device="cpu"))
    with mock.patch("os.fsync"), open_store(plan) as store:  # nobody needs the folder after a power cut
        for cell in plan.cells:
            _fill(store, cell, plan, evaluations)


def _fill(store: Store, cell: Cell, plan: "Plan", evaluations: int) -> None:
    from grokbench.provenance import device_name

    here = {**environment(), **plan.manifest.execution, "device_name": device_name("cpu")}
    made = here | {"origins": {name: origin.data() for name, origin in cell.origins.items()}}
    store.save_timing(Timing(cell.identity, (0.1, 0.11, 0.12), made | {"timed_at": "2026-01-01T00:00:00+00:00"}))
    group = plan.seeds[:13]
    for seed in plan.seeds:
        store.save(_run(cell, seed, group, made | {"measured": dict(cell.measured)}, evaluations))


def _run(cell: Cell, seed: int, group: tuple[int, ...], made: dict[str, Any], evaluations: int) -> Run:
    """Make a run that grokked at a random epoch; its curves have all digits of a float."""
    draw = random.Random(f"{cell.key} {seed}")
    at = draw.randrange(evaluations, BUDGET)
    epochs = tuple(at * number // evaluations for number in range(evaluations + 1))
    curves = {label: Curve(epochs, tuple(draw.random() for _ in epochs)) for label in cell.metrics}
    final = {label: curve.values[-1] for label, curve in curves.items()}
    return Run(cell.identity, seed, Outcome.GROKKED, at, at // 3, at, final, curves, 0.0, group, made)


def table(found: Sequence[Cost], style: str = "simple") -> str:
    """Format a row for each command: medians over the rounds. The style "pipe" is Markdown."""
    by_name: dict[str, list[Cost]] = {}
    for each in found:
        by_name.setdefault(each.command, []).append(each)
    rows = [[name, *(f"{median(values):.1f}" for values in _columns(costs))] for name, costs in by_name.items()]
    return tabulated(["command", "CPU seconds", "seconds", "MB"], rows, style)


def _columns(costs: Sequence[Cost]) -> list[list[float]]:
    return [[getattr(each, name) for each in costs] for name in ("cpu_seconds", "seconds", "megabytes")]


def json(found: Sequence[Cost]) -> list[dict[str, Any]]:
    """Return every round as JSON data."""
    return [asdict(each) for each in found]
