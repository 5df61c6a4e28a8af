"""Checks of single values of a suite that fits the schema: seeds, plugin files, labels, parameters, grids."""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grokbench.criterion import bound_fault
from grokbench.errors import SuiteError
from grokbench.seeds import count_seeds, parse_seeds, seed_faults
from grokbench.suite.entries import OPTIMIZER, grid_value, is_grid
from grokbench.suite.looks import look_problems
from grokbench.suite.optimizer_settings import optimizer_problems
from grokbench.suite.problems import KeyPath, Problem
from grokbench.suite.schema import RESERVED, fields_at, misplaced_words
from grokbench.suite.tuning import tuning_problems
from grokbench.text.suggest import did_you_mean, short, shown

__all__ = ["value_problems"]

_NO_COLON = re.compile(r"(?P<key>\w+)(\s+:?|:)(?P<value>\S.*)")  # the keys in {use grokalign} and {use:grokalign}
_SECTIONS = ("tasks", "regularizers", "metrics")


def value_problems(data: dict[str, Any], folder: Path) -> Iterator[Problem]:
    """Yield the wrong values of a suite.

    Args:
        data: the suite's data, which fits the schema; faulty values are null.
        folder: the suite's folder, at which relative paths of plugin files begin.
    """
    if "seeds" in data:
        yield from _seed_problems(("seeds",), data["seeds"])
    for key in ("seeds", "confirm_seeds"):
        if (given := (data.get("tune") or {}).get(key)) is not None:
            yield from _seed_problems(("tune", key), given)
    yield from tuning_problems(data)
    yield from look_problems(data)
    yield from _prose_problems(data)
    yield from _plugin_problems(data.get("plugins") or [], folder)
    for section in _SECTIONS:
        for label, entry in (data.get(section) or {}).items():
            yield from _label_problems(section, label)
            yield from _entry_problems(section, label, entry or {})


def _seed_problems(path: KeyPath, seeds: Any) -> Iterator[Problem]:
    if isinstance(seeds, list) and seeds:
        yield from _seed_list_problems(path, seeds)
    elif isinstance(seeds, str) and seeds.strip().isdecimal():
        number = short(seeds.strip())
        text = f"{shown(seeds)} could be a count or a seed, expected the count {number} without quotes, or [{number}]"
        yield Problem(path, text)
    elif isinstance(seeds, str | int) and not isinstance(seeds, bool):
        try:
            parse_seeds(seeds) if isinstance(seeds, str) else count_seeds(seeds)
        except SuiteError as error:
            yield Problem(path, str(error))
    else:
        wrong = "no seeds" if seeds == [] else shown(seeds)
        yield Problem(path, f"{wrong}, expected a range such as 1000-1024, a list or a count")


def _seed_list_problems(path: KeyPath, seeds: list[Any]) -> Iterator[Problem]:
    numbers = {i: seed for i, seed in enumerate(seeds) if isinstance(seed, int) and not isinstance(seed, bool)}
    yield from (
        Problem((*path, i), f"{shown(seed)}, expected a whole number")
        for i, seed in enumerate(seeds)
        if i not in numbers
    )
    wrong = seed_faults(list(numbers.values()))
    yield from (Problem((*path, i), wrong[n]) for n, i in enumerate(numbers) if n in wrong)


def _plugin_problems(files: list[Any], folder: Path) -> Iterator[Problem]:
    for i, name in enumerate(files):
        if name is not None and not name.endswith(".py"):
            yield Problem(("plugins", i), f"{shown(name)}, expected a Python file, ending in .py")
        elif name is not None and not _is_file(folder / name):
            yield Problem(("plugins", i), f"no file {short(name)!r}, expected its path relative to the suite's folder")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long, or the folder may not be read
        return False


def _prose_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield texts for the leaderboard that cannot be printed."""
    texts: dict[KeyPath, Any] = {("description",): data.get("description")}
    texts["published", "source"] = (data.get("published") or {}).get("source")
    texts |= {("skip", i, "why"): (skip or {}).get("why") for i, skip in enumerate(data.get("skip") or [])}
    for path, text in texts.items():
        odd = next((letter for letter in text or "" if not letter.isprintable() and not letter.isspace()), None)
        if odd is not None:
            yield Problem(path, f"the character U+{ord(odd):04X}, expected text that can be printed")


def _label_problems(section: str, label: str) -> Iterator[Problem]:
    if not label.isprintable() or label != label.strip():
        text = f"the label {label!r}, expected visible characters and no spaces around them"
        yield Problem((section, label), text, at_key=True)
    if label in RESERVED:
        yield Problem((section, label), f"the reserved word {label!r}, expected another label", at_key=True)


def _entry_problems(section: str, label: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    path: KeyPath = (section, label)
    for key, value in entry.items():
        if value is None and (found := _NO_COLON.fullmatch(key)):
            near = f"{found['key']}: {short(found['value'])}"
            yield Problem((*path, key), f"a key without a value. Did you mean {near!r}?", at_key=True)
        if key in misplaced_words(section):
            text = f"a reserved word: no entry of {section} accepts this key, and no parameter may have this name"
            yield Problem((*path, key), f"{text}, expected another name", at_key=True)
    if section == "tasks":
        yield from _cadence_problems(path, entry)
    combined = isinstance(entry.get("use"), list)
    if section == "regularizers":
        yield from optimizer_problems(path, entry)
    if combined:
        yield from _combined_problems(path, entry)
    depth = {"tasks": 3, "regularizers": 4 if combined else 3, "metrics": 0}[section]
    for key, value in entry.items():
        if key not in ("use", "epochs", "evaluate_every", "stop", "grokked", "every", "weights"):
            yield from _parameter_problems((*path, key), value, 4 if key == OPTIMIZER else depth)


def _cadence_problems(path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Problem]:
    epochs, every = entry.get("epochs"), entry.get("evaluate_every")
    if epochs and every and every > epochs:
        text = f"an evaluation every {every} epochs, expected at most the budget of {epochs} epochs"
        yield Problem((*path, "evaluate_every"), text)
    for metric, text in (entry.get("grokked") or {}).items():
        if text and metric.endswith("accuracy") and (wrong := bound_fault(text, 0, 1)):
            yield Problem((*path, "grokked", metric), f"{wrong} (an accuracy is a fraction, not per cent)")


def _combined_problems(path: KeyPath, entry: Mapping[str, Any]) -> Iterator[Problem]:
    uses, words = entry["use"], list(fields_at(path))
    places = [(path, {key: value for key, value in entry.items() if key not in words})]
    places += [((*path, "per_task", task), extra or {}) for task, extra in (entry.get("per_task") or {}).items()]
    for where, given in places:
        beside = words if where == path else [OPTIMIZER]
        for key, value in given.items():
            if key == OPTIMIZER:
                continue
            if key not in uses:
                known = f"expected one of {', '.join(uses)}"
                keys = f"; every regularizer entry also accepts these keys: {', '.join(words)}" if where == path else ""
                near = did_you_mean(key, [*uses, *beside])
                yield Problem((*where, key), f"not a method of this combination, {known}{keys}{near}", at_key=True)
            elif value is not None and not isinstance(value, dict):
                yield Problem((*where, key), f"{shown(value)}, expected a mapping: the parameters of {key}")


def _parameter_problems(path: KeyPath, value: Any, depth: int) -> Iterator[Problem]:
    """Yield numbers that are not finite, grids at another depth than `depth`, and grids with wrong values."""
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(path, f"{shown(value)}, expected a finite number")
    elif is_grid(value) and (len(path) != depth or "per_task" in path[2:3]):
        text = f"{shown(value)} is a grid, expected grids only as values of single parameters of tasks or regularizers"
        yield Problem(path, text)
    elif is_grid(value):
        yield from _grid_problems(path, value)
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _parameter_problems((*path, key), item, depth)


def _grid_problems(path: KeyPath, value: dict[str, Any]) -> Iterator[Problem]:
    values = value["grid"]
    if len(value) > 1 or not isinstance(values, list) or not values:
        wrong = f"{shown(value)} is {'an empty' if values == [] else 'not a'} grid"
        yield Problem(path, f"{wrong}, expected {{grid: [...]}} with at least one value and nothing beside it")
        return
    seen: set[tuple[bool, Any]] = set()
    for i, item in enumerate(values):
        plain = all(map(_is_plain, item)) if _is_list_setting(path, item) else _is_plain(item)
        mark = (isinstance(item, bool), str(item) if isinstance(item, list) else item if plain else None)
        if not plain or not grid_value(item).isprintable() or len(grid_value(item)) > 40:
            yield Problem((*path, "grid", i), f"{shown(item)}, expected a finite number, true, false or a short text")
        elif mark in seen:
            yield Problem((*path, "grid", i), f"{shown(item)} is repeated, expected every value once")
        seen.add(mark)


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))


def _is_list_setting(path: KeyPath, value: Any) -> bool:
    """Return whether the values of a grid may be lists, as for the betas of an optimizer."""
    return OPTIMIZER in path[2:3] and isinstance(value, list) and bool(value)
