"""A recipe for cells whose recipe does not matter."""

from grokbench.records import Recipe, Use

RECIPE = Recipe(task=Use("parity", {}))
