"""Cells whose training follows a test's script, and a clock that the test sets."""

from grokbench.records import Cell, Outcome, Recipe, Run, Use
from grokbench.runner.progress.matrix import Matrix

GROUP = (1000, 1001)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def cell(task="sparse_parity", regularizer="grokalign", budget=4000):
    return Cell(task, regularizer, "same", Recipe(task=Use("parity", {}, 1)), budget, 1, {})


def run(seed, epochs, outcome=Outcome.GROKKED, error=None):
    return Run("same", seed, outcome, epochs if outcome is Outcome.GROKKED else None, None, epochs, error=error)


def matrix_of(cells, seeds=2, done=None, **options):
    matrix = Matrix(Clock())
    matrix.begin(cells, seeds, done or {}, **options)
    return matrix
