"""The records that training and judging share: plain data, no torch.

A `Manifest` holds the plan of a results folder, a `Run` the result of one replica, a `Timing` the cost of one cell.
`store` keeps all three, and judging reads nothing else. Observers receive the plan of a command as a `Planned`.
"""

from grokbench.records.plan import Cell, Manifest, Planned, Published, Skip, Statistics
from grokbench.records.run import Curve, Outcome, Run, Timing

__all__ = [
    "FORMAT",
    "Cell",
    "Curve",
    "Manifest",
    "Outcome",
    "Planned",
    "Published",
    "Run",
    "Skip",
    "Statistics",
    "Timing",
]

FORMAT = 1  # of the files in a results folder
