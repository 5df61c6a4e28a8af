"""Trials as the rows of ordinary suites, and the suite of the chosen settings."""

import copy
import os.path
from collections.abc import Mapping, Sequence
from typing import Any

from grokbench.suite import RegularizerEntry, Suite, TaskEntry
from grokbench.suite.entries import OPTIMIZER, family
from grokbench.suite.yaml12 import MAX_BYTES
from grokbench.suite.yaml_composer import MAX_NODES
from grokbench.suite.yaml_text import write_yaml
from grokbench.tune.preparation import Tuning
from grokbench.tune.trials import Key, Trial

__all__ = ["Rows", "chosen_entries", "rows_of_a_suite", "suite_data", "suite_name", "suite_text", "trial_label"]

Rows = Mapping[str, Mapping[Key, Trial]]  # suffix of a row's label -> task and method -> settings
MOST_ROWS = 64  # most rows of a method in one suite
SHARE = 0.5  # suites of trials are at most this share of the largest size that a suite may have
NAME = 50  # characters of a suite's name that are kept


def suite_name(suite: Suite, ending: str) -> str:
    """Name a suite that is made from another suite; a long name is shortened.

    Args:
        suite: the other suite.
        ending: the text to append after a hyphen.
    """
    return f"{suite.name[:NAME]}-{ending}"


def trial_label(method: str, suffix: str) -> str:
    """Return the label of a row: `grokalign#3`.

    Args:
        method: the method's label in the suite.
        suffix: the number of the trial, or the rank of a finalist.
    """
    return f"{method}#{suffix}"


def suite_data(tuning: Tuning, name: str, seeds: Sequence[int], rows: Rows) -> dict[str, Any]:
    """Return the data of a suite that trains rows.

    Args:
        tuning: the search, whose tasks the suite has.
        name: the text to append to the suite's name.
        seeds: the seeds to train.
        rows: the settings of every method on every task that is not skipped.
    """
    first = next(iter(rows))
    suite = tuning.suite
    skip = [
        {"task": each.task, "regularizer": trial_label(each.regularizer, suffix), "why": each.why}
        for suffix in rows
        for each in suite.skip
    ]
    return {
        "suite": suite_name(suite, name),
        "description": f"Trials of grokbench tune for the suite {suite.name}.",
        "seeds": list(seeds),
        "baseline": trial_label(suite.baseline, first),
        "tasks": {label: _without_weights(entry) for label, entry in suite.document.data["tasks"].items()},
        "regularizers": {
            trial_label(method.label, suffix): _entry(tuning, method, trials)
            for suffix, trials in rows.items()
            for method in suite.regularizers
        },
        **({"skip": skip} if skip else {}),
        **_needed_metrics(tuning),
        **_statistics(tuning),
        **_plugins(tuning),
        **_unverified_data(tuning),
    }


def _without_weights(entry: Any) -> Any:
    """Return a task's entry without `weights`, because weights of trials would only fill the disk."""
    return {key: value for key, value in entry.items() if key != "weights"} if isinstance(entry, Mapping) else entry


def suite_text(data: Mapping[str, Any], comment: str) -> str:
    """Write the data of a suite as YAML.

    Args:
        data: the data of the suite.
        comment: one or several lines to write above the data.
    """
    return "".join(f"# {line}\n" for line in comment.splitlines()) + write_yaml(data)


def rows_of_a_suite(tuning: Tuning) -> int:
    """Return how many rows of every method fit into one suite, whose size is limited; at least one."""
    row = suite_data(tuning, "trials", tuning.search.seeds, {"999": _far(tuning)})
    fits = min(SHARE * MAX_NODES / _nodes(row), SHARE * MAX_BYTES / len(write_yaml(row).encode()))
    return max(1, min(MOST_ROWS, int(fits)))


def _far(tuning: Tuning) -> dict[Key, Trial]:
    """Return trials whose values a suite must write in full, to measure the suite's size."""
    return {key: Trial(1, trial.point, trial.values) for key, trial in tuning.defaults.items()}


def _nodes(data: Any) -> int:
    if isinstance(data, Mapping):
        return 1 + sum(1 + _nodes(value) for value in data.values())
    return 1 + sum(map(_nodes, data)) if isinstance(data, list) else 1


def _entry(tuning: Tuning, method: RegularizerEntry, trials: Mapping[Key, Trial]) -> dict[str, Any]:
    """Return a regularizer entry with the settings of a trial on each task."""
    combined = len(method.uses) > 1
    entry: dict[str, Any] = {"use": [use.name for use in method.uses] if combined else method.uses[0].name}
    for use in method.uses:
        entry |= ({use.name: dict(use.parameters)} if use.parameters else {}) if combined else use.parameters
    if method.optimizer:
        entry[OPTIMIZER] = dict(method.optimizer)
    per_task = {task.label: _on_task(tuning, method, task, trials) for task in tuning.suite.tasks}
    if filled := {label: values for label, values in per_task.items() if values}:
        entry["per_task"] = filled
    return entry


def _on_task(tuning: Tuning, method: RegularizerEntry, task: TaskEntry, trials: Mapping[Key, Trial]) -> dict[str, Any]:
    """Return the parameters of a method on one task: those of the suite, overridden by those of a trial."""
    values: dict[str, Any] = copy.deepcopy(dict(method.per_task.get(task.label, {})))
    trial = trials.get((task.label, method.label))
    if trial is None or not trial.number:
        return values
    for dimension in tuning.spaces[task.label, method.label]:
        owner = OPTIMIZER if dimension.plugin is None else dimension.plugin if len(method.uses) > 1 else None
        own = values if owner is None else _below(values, owner)
        own[dimension.key] = trial.values[dimension.name]
    return values


def _below(values: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the mapping under a key, which is made if missing."""
    values[key] = dict(values.get(key) or {})
    below: dict[str, Any] = values[key]
    return below


def _needed_metrics(tuning: Tuning) -> dict[str, Any]:
    """Return the suite's own metrics that a criterion needs; other metrics would only cost time."""
    needed = {label for cell in tuning.plan.cells for label in cell.recipe.grokked}
    metrics = tuning.suite.document.data.get("metrics") or {}
    kept = {label: entry for label, entry in metrics.items() if label in needed}
    return {"metrics": kept} if kept else {}


def _statistics(tuning: Tuning) -> dict[str, Any]:
    """Return the suite's own statistics, so that trials are ranked as in the suite's leaderboard."""
    statistics = tuning.suite.document.data.get("statistics")
    return {"statistics": statistics} if statistics else {}


def _plugins(tuning: Tuning) -> dict[str, Any]:
    """Return the suite's plugin files, as paths from the folder of the search."""
    files = [os.path.relpath(file, tuning.directory) for file in tuning.suite.plugins]
    return {"plugins": files} if files else {}


def chosen_entries(tuning: Tuning, chosen: Mapping[Key, Trial]) -> dict[str, Any]:
    """Return a suite's regularizers with their chosen settings, and the sections that go with the regularizers.

    Args:
        tuning: the search.
        chosen: the chosen trial of every method on every task.
    """
    suite, data = tuning.suite, tuning.suite.document.data
    entries = {method.label: _entry(tuning, method, chosen) for method in suite.regularizers}
    for method in suite.regularizers:
        if others := _compared(tuning, method):
            entries[method.label]["compare_to"] = others
    skip = [{"task": each.task, "regularizer": each.regularizer, "why": each.why} for each in suite.skip]
    kept = {key: data[key] for key in ("metrics", "statistics", "weights") if data.get(key)}
    return {
        "regularizers": entries,
        **({"skip": skip} if skip else {}),
        **kept,
        **_plugins(tuning),
        **_unverified_data(tuning),
    }


def _unverified_data(tuning: Tuning) -> dict[str, Any]:
    """Return the data sets that the suite or the command accepts unverified."""
    return {"unverified_data": list(names)} if (names := tuning.plan.unverified_data) else {}


def _compared(tuning: Tuning, method: RegularizerEntry) -> list[str]:
    named = [label for other in method.compare_to for label in family(other, tuning.suite.regularizers)]
    return [label for label in dict.fromkeys(named) if label != method.label]
