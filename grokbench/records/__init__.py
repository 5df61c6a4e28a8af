"""Records that training and judging share: plain data, no torch.

A `Manifest` lists the cells and seeds of a results folder, and each `Cell` holds its `Recipe` and the `Origin` of every
plugin. A `Run` is the result of one replica, and a `Timing` holds the seconds per epoch of one cell. A `Ledger` records
what the suite declared and when the folder was judged. `store` keeps these records, and judging reads nothing else. A
`Planned` describes for observers what a command is about to do.
"""

from grokbench.records.cell import Cell, Snapshots
from grokbench.records.completion import reached_end
from grokbench.records.crossings import LASTING, Crossings
from grokbench.records.ledger import Declaration, DeclaredCell, History, Ledger, Look, Pair
from grokbench.records.manifest import MOST_REPLICAS, Manifest, Planned, Skip
from grokbench.records.mark import Mark, MarkKind
from grokbench.records.origin import Origin, origins_of
from grokbench.records.published import Published, Spread
from grokbench.records.recipe import FORMAT, Recipe, Use, identity
from grokbench.records.run import CLOCKS_AGREE, TRIES, Curve, Outcome, Run, Timing
from grokbench.records.statistics import Statistics

__all__ = [
    "CLOCKS_AGREE",
    "FORMAT",
    "LASTING",
    "MOST_REPLICAS",
    "TRIES",
    "Cell",
    "Crossings",
    "Curve",
    "Declaration",
    "DeclaredCell",
    "History",
    "Ledger",
    "Look",
    "Manifest",
    "Mark",
    "MarkKind",
    "Origin",
    "Outcome",
    "Pair",
    "Planned",
    "Published",
    "Recipe",
    "Run",
    "Skip",
    "Snapshots",
    "Spread",
    "Statistics",
    "Timing",
    "Use",
    "identity",
    "origins_of",
    "reached_end",
]
