"""Comparisons of methods with given epochs by seed, without a folder."""

from dataclasses import replace

from grokbench.judging.comparison import compare
from grokbench.records import Cell, Manifest, Outcome, Run, Statistics

from .recipes import RECIPE

BUDGET, EVERY = 1_000, 1


def compared(times, statistics=None, budget=BUDGET, cells=None):
    """Comparisons of {task: {method: epochs by seed}}; None is censored, "-" is missing, an Outcome stands for itself.

    `cells` maps a method to fields of its cells.
    """
    seeds = tuple(range(1000, 1000 + max(len(row) for methods in times.values() for row in methods.values())))
    planned, runs = [], []
    for task, methods in times.items():
        for method, row in methods.items():
            cell = Cell(task, method, f"{task}/{method}", RECIPE, budget, EVERY, {})
            planned.append(replace(cell, **(cells or {}).get(method, {})))
            runs += [_run(planned[-1], seed, at) for seed, at in zip(seeds, row, strict=False) if at != "-"]
    return compare(Manifest("s", "", "baseline", seeds, tuple(planned), statistics=statistics or Statistics()), runs)


def _run(cell, seed, at):
    outcome = at if isinstance(at, Outcome) else Outcome.CENSORED if at is None else Outcome.GROKKED
    grokked_at = at if outcome is Outcome.GROKKED else None
    error = "x" if outcome is Outcome.FAILED else None
    epochs = cell.budget if grokked_at is None else grokked_at
    return Run(cell.identity, seed, outcome, grokked_at, None, epochs, error=error)
