"""A recipe for cells whose recipe is of no consequence."""

from grokbench.records import Recipe, Use

RECIPE = Recipe(task=Use("parity", {}))
