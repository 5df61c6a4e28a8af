"""Rows of a task grouped into panels: the same methods at several learning rates and weight decays."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grokbench.judging.evidence import Evidence
from grokbench.judging.row import Row
from grokbench.judging.row_comparison import RowComparison
from grokbench.records import Cell, Manifest

__all__ = ["RecipePanel", "Setting", "recipe_panels"]

AXES = ("lr", "weight_decay")

Setting = tuple[float, float]  # learning rate, weight decay


@dataclass(frozen=True)
class RecipePanel:
    """The rows of one task that differ only in learning rate and weight decay.

    Attributes:
        name: the plugins, with parameters if several panels have the same plugins.
        rows: setting -> the row.
        recipe: the setting of the suite's baseline.
        is_baseline: whether the suite's baseline is one of the rows.
        controls: setting -> the comparison of the row with the baseline at the same setting. Empty unless the suite has
            this comparison (`compare_to`) for every row at another setting than `recipe`.
    """

    name: str
    rows: Mapping[Setting, Row]
    recipe: Setting
    is_baseline: bool
    controls: Mapping[Setting, RowComparison] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name, and what the rows of the panel are compared with."""
        if self.is_baseline:
            return f"{self.name}, over its outlined recipe"
        return f"{self.name}, over {'its control' if self.controls else 'the baseline'}"

    def judged(self, setting: Setting) -> Row | RowComparison:
        """Return the comparison to show at a setting."""
        return self.controls.get(setting, self.rows[setting])


def recipe_panels(evidence: Evidence, task: str) -> list[RecipePanel]:
    """Group the rows of a task into panels; keep those with at least two settings and, beside them, the baseline's.

    Args:
        evidence: the evidence.
        task: the label of the task.
    """
    groups = _groups(evidence.manifest, task)
    baseline = next((group for group in groups if group[0].regularizer == evidence.manifest.baseline), None)
    if baseline is None or not any(len(_at(group)) > 1 for group in groups):
        return []
    rows = {row.regularizer: row for row in evidence.rows(task)}
    kept = [group for group in groups if len(_at(group)) > 1 or group is baseline]
    same = {setting: rows[cell.regularizer] for setting, cell in _at(baseline).items()}
    recipe = _setting(baseline[0])
    found = []
    for name, group in zip(_names([group[0] for group in kept]), kept, strict=True):
        mine = {setting: rows[cell.regularizer] for setting, cell in _at(group).items()}
        found.append(RecipePanel(name, mine, recipe, group is baseline, _controls(mine, same, recipe)))
    return found


def _groups(manifest: Manifest, task: str) -> list[list[Cell]]:
    """Group the cells of a task that differ only in learning rate and weight decay; a group has the baseline first."""
    cells = [cell for cell in manifest.cells if cell.task == task and _has_setting(cell)]
    groups: dict[str, list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.regularizer != manifest.baseline):
        key = json.dumps([[use.data() for use in cell.recipe.regularizers], _rest(cell)], sort_keys=True)
        groups.setdefault(key, []).append(cell)
    return list(groups.values())


def _at(group: Sequence[Cell]) -> dict[Setting, Cell]:
    """Map each setting of a group to its first cell, from the largest learning rate and the least decay on."""
    found: dict[Setting, Cell] = {}
    for cell in group:
        found.setdefault(_setting(cell), cell)
    return dict(sorted(found.items(), key=lambda each: (-each[0][0], each[0][1])))


def _controls(
    rows: Mapping[Setting, Row], same: Mapping[Setting, Row], recipe: Setting
) -> dict[Setting, RowComparison]:
    """Find the comparisons of rows with the baseline at the same setting; none if one of them is missing.

    Args:
        rows: the rows of a panel.
        same: the rows of the baseline's panel.
        recipe: the setting of the suite's baseline.
    """
    found = {
        setting: other
        for setting, row in rows.items()
        for other in row.comparisons
        if setting in same and other.other == same[setting].regularizer
    }
    return found if set(rows) - {recipe} <= set(found) else {}


def _settings(cell: Cell) -> dict[str, Any]:
    """Return the settings of a cell's optimizer; folders of older versions have only those in the task's parameters."""
    return {**cell.recipe.task.parameters, **(cell.recipe.optimizer or {}), **cell.optimizer}


def _setting(cell: Cell) -> Setting:
    lr, decay = (float(_settings(cell)[name]) for name in AXES)
    return lr, decay


def _has_setting(cell: Cell) -> bool:
    values = [_settings(cell).get(name) for name in AXES]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _rest(cell: Cell) -> dict[str, Any]:
    """Return the settings that the suite gives, except learning rate and weight decay."""
    return {name: value for name, value in (cell.recipe.optimizer or {}).items() if name not in AXES}


def _names(cells: Sequence[Cell]) -> list[str]:
    """Name panels by their plugins, and by parameters if several panels have the same plugins."""
    plain = [" + ".join(use.name for use in cell.recipe.regularizers) or cell.regularizer for cell in cells]
    return [
        name if plain.count(name) == 1 else f"{name} ({_parameters(cell)})"
        for name, cell in zip(plain, cells, strict=True)
    ]


def _parameters(cell: Cell) -> str:
    given = {key: v for use in cell.recipe.regularizers for key, v in use.parameters.items()} | _rest(cell)
    return ", ".join(f"{key} {value}" for key, value in given.items()) or "the task's own recipe"
