"""A suite: tasks x regularizers x seeds, read from a YAML file and checked before anything runs.

yaml12         YAML 1.2 data, with the line and column of every key
yaml_composer  PyYAML's parser, bounded in size and depth
schema         the keys of a suite and the types of their values
shapes         problems with keys and types
values         problems with single values: seeds, labels, parameters, grids
references     problems with names that refer to other entries
entries        tasks, regularizers and metrics, with grids expanded
additions      entries from the command line
problems       a problem and its message

`grokbench.suite_files` finds the file; it is outside this package because shell completion must not import pydantic.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from grokbench.errors import SuiteError
from grokbench.records import Published, Skip, Statistics
from grokbench.seeds import count_seeds, parse_seeds
from grokbench.suite.additions import with_methods
from grokbench.suite.entries import (
    MetricEntry,
    RegularizerEntry,
    TaskEntry,
    Use,
    family,
    metric_entries,
    regularizer_entries,
    task_entries,
)
from grokbench.suite.problems import MAX_LINES, KeyPath, Problem, listing
from grokbench.suite.references import grid_size_problems, reference_problems
from grokbench.suite.shapes import shape_problems
from grokbench.suite.values import value_problems
from grokbench.suite.yaml12 import Document, read
from grokbench.suite_files import find

__all__ = [
    "MetricEntry",
    "RegularizerEntry",
    "Suite",
    "TaskEntry",
    "Use",
    "load_suite",
]


@dataclass(frozen=True)
class Suite:
    """A suite whose labels are resolved and whose grids are expanded; plugins are still names.

    Attributes:
        name: of the suite.
        description: one or more sentences; may be empty.
        path: as given, or that of the installed file for a shipped suite.
        seeds: of every cell, in order.
        baseline: label of the regularizer that the others are compared with.
        tasks: in the order of the file.
        regularizers: in the order of the file.
        skip: one for each cell that is left out.
        metrics: to record.
        statistics: of the comparisons.
        published: published means by expanded labels; None if the suite has none.
        plugins: files; relative paths are joined to the suite's folder.
        document: the data with its places in the file.
    """

    name: str
    description: str
    path: str
    seeds: tuple[int, ...]
    baseline: str
    tasks: tuple[TaskEntry, ...]
    regularizers: tuple[RegularizerEntry, ...]
    skip: tuple[Skip, ...]
    metrics: tuple[MetricEntry, ...]
    statistics: Statistics
    published: Published | None
    plugins: tuple[str, ...]
    document: Document = field(repr=False, compare=False)

    @property
    def comparisons(self) -> int:
        """The size of the family for Holm's method: the cells that are neither skipped nor a baseline."""
        others = [entry.label for entry in self.regularizers if entry.label != self.baseline]
        return len(self.tasks) * len(others) - sum(skip.regularizer in others for skip in self.skip)

    @property
    def added(self) -> frozenset[str]:
        """The labels of the regularizers added by the command line."""
        return frozenset(entry.label for entry in self.regularizers if self.document.origin(entry.path))

    def where(self, key_path: KeyPath) -> str:
        """Return `file:line:column` of a key such as ("tasks", "xor", "epochs"), or of its nearest existing parent."""
        return self.document.where(key_path)


def load_suite(name_or_path: str, methods: Sequence[str] = ()) -> Suite:
    """Load and check a suite.

    Args:
        name_or_path: a path that ends in `.yaml`, or the name of a shipped suite.
        methods: regularizers to add: names, or entries of a suite in YAML.

    Raises:
        SuiteError: the file does not exist or is not YAML. Or the suite has mistakes; the message lists all of them in
            the order of the file, each as `file:line:column: key.path: what is wrong, expected ...`.
    """
    path = find(name_or_path)
    document = with_methods(read(path), methods)
    problems = [*document.problems, *_all_problems(document.data, path.parent)]
    if problems:
        raise SuiteError(listing(document.file, [_placed(problem, document) for problem in problems]))
    return _suite(document, path)


def _all_problems(data: Any, folder: Path) -> list[Problem]:
    """Find the problems in stages, each of which sees null for the values that earlier ones found wrong.

    So a mistake is reported once. A stage that finds more problems than a message shows is stopped there and is the
    last, because looking for the nearest name for each would take long.
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
    if path in faulty:
        return None
    if isinstance(data, dict):
        return {key: _blanked(value, faulty, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [_blanked(value, faulty, (*path, i)) for i, value in enumerate(data)]
    return data


def _placed(problem: Problem, document: Document) -> Problem:
    place = problem.place or document.place(problem.path, at_key=problem.at_key)
    return dataclasses.replace(problem, place=place, origin=document.origin(problem.path))


def _suite(document: Document, path: Path) -> Suite:
    data = document.data
    tasks = task_entries(data["tasks"])
    regularizers = regularizer_entries(data["regularizers"], tasks)
    return Suite(
        name=data["suite"],
        description=data.get("description") or "",
        path=str(path),
        seeds=_seeds(data["seeds"]),
        baseline=data["baseline"],
        tasks=tasks,
        regularizers=regularizers,
        skip=tuple(_skips(data.get("skip") or [], tasks, regularizers)),
        metrics=metric_entries(data.get("metrics") or {}),
        statistics=Statistics(**{key: v for key, v in (data.get("statistics") or {}).items() if v is not None}),
        published=_published(data.get("published"), tasks, regularizers),
        plugins=tuple(str(path.parent / name) for name in data.get("plugins") or []),
        document=document,
    )


def _seeds(given: Any) -> tuple[int, ...]:
    if isinstance(given, list):
        return tuple(given)
    return parse_seeds(given) if isinstance(given, str) else count_seeds(given)


def _skips(
    given: list[dict[str, str]], tasks: tuple[TaskEntry, ...], regularizers: tuple[RegularizerEntry, ...]
) -> Iterable[Skip]:
    for skip in given:
        for task in family(skip["task"], tasks):
            for regularizer in family(skip["regularizer"], regularizers):
                yield Skip(task, regularizer, skip["why"])


def _published(
    given: dict[str, Any] | None, tasks: tuple[TaskEntry, ...], regularizers: tuple[RegularizerEntry, ...]
) -> Published | None:
    if given is None:
        return None

    def expanded(means: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for task, by_method in means.items():
            for label in family(task, tasks):
                row = found.setdefault(label, {})
                row.update({name: n for method, n in by_method.items() for name in family(method, regularizers)})
        return found

    return Published(given["source"], expanded(given["epochs"]), expanded(given.get("seconds") or {}))
