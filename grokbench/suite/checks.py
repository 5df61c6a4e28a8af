"""All checks of a suite's data that need no plugin, one stage after the other."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from grokbench.suite.problems import MAX_LINES, KeyPath, Problem
from grokbench.suite.references import grid_size_problems, reference_problems
from grokbench.suite.shapes import shape_problems
from grokbench.suite.values import value_problems

__all__ = ["suite_problems"]


def suite_problems(data: Any, folder: Path) -> list[Problem]:
    """List the problems that all stages find. Later stages see a faulty value as null, so it is reported once.

    Checking ends when a stage finds more problems than a message shows, because each problem takes a slow search for
    similar names.

    Args:
        data: the YAML as Python data, of any shape.
        folder: the suite's folder, at which relative paths of plugin files begin.
    """
    stages: tuple[Callable[[Any], Iterable[Problem]], ...] = (
        shape_problems,
        partial(value_problems, folder=folder),
        grid_size_problems,
        reference_problems,
    )
    problems: list[Problem] = []
    for stage in stages:
        found = list(islice(stage(data), MAX_LINES + 1))
        problems += found
        if len(found) > MAX_LINES:
            break
        data = _blanked(data, {problem.path for problem in found})
        if not isinstance(data, dict):
            break
    return problems


def _blanked(data: Any, faulty: set[KeyPath], path: KeyPath = ()) -> Any:
    """Replace the values at the faulty key paths by None."""
    if path in faulty:
        return None
    if isinstance(data, dict):
        return {key: _blanked(value, faulty, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [_blanked(value, faulty, (*path, i)) for i, value in enumerate(data)]
    return data
