"""A suite: tasks x regularizers x seeds, read from one YAML file and checked before anything runs.

`yaml12` reads the file into a `Document`: data with the place of every key. `yaml_composer` limits its size and depth.
`checks` runs all checks: those of keys and types (`schema`, `shapes`), of single values (`values`), and of names that
refer to other entries (`references`). `entries` expands grids. `additions` adds the methods that a command names.
`grokbench.suite_files` finds the file; it does not import pydantic, because shell completion uses it.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokbench.errors import SuiteError
from grokbench.records import Published, Skip, Snapshots, Statistics
from grokbench.seeds import seeds_of
from grokbench.suite.additions import with_methods
from grokbench.suite.checks import suite_problems
from grokbench.suite.entries import (
    MetricEntry,
    RegularizerEntry,
    TaskEntry,
    Use,
    families,
    family,
    metric_entries,
    regularizer_entries,
    task_entries,
)
from grokbench.suite.problems import KeyPath, Problem, listing
from grokbench.suite.published import read_published
from grokbench.suite.snapshots import read_snapshots
from grokbench.suite.yaml12 import read
from grokbench.suite.yaml_places import Document
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
    """A suite with resolved labels and expanded grids. Its plugins and their parameters have not been looked up.

    Attributes:
        name: the value of the key `suite`.
        description: empty if the file has none.
        path: the given path; for a shipped suite, the path of the installed file.
        seeds: the seeds, in the order of the file.
        baseline: the label of the regularizer that the others are compared with.
        tasks: the tasks, with grids expanded.
        regularizers: the regularizers, with grids expanded.
        skip: the cells to leave out, one entry for each, with expanded labels.
        metrics: the metrics besides loss and accuracy, which every task records.
        statistics: how cells are compared with the baseline.
        published: published numbers, with expanded labels; None if the suite has none.
        weights: when weights are kept, on tasks without their own `weights`.
        plugins: paths of plugin files; a relative path in the suite is joined to the suite's folder.
        unverified_data: names of data sets that may differ from the published ones.
        protocol: the name of the frozen rules that the suite follows; empty if the file has none.
        document: the YAML, with the line and column of each key and value.
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
    weights: Snapshots
    plugins: tuple[str, ...]
    unverified_data: tuple[str, ...]
    protocol: str
    document: Document = field(repr=False, compare=False)

    @property
    def comparisons(self) -> int:
        """The number of comparisons in Holm's family.

        Each planned cell is compared with the baseline, and with every cell that its `compare_to` names.
        """
        others = [entry.label for entry in self.regularizers if entry.label != self.baseline]
        cells = len(self.tasks) * len(others) - sum(skip.regularizer in others for skip in self.skip)
        return cells + sum(len(self.compared(method, task)) for method in self.regularizers for task in self.tasks)

    def compared(self, method: RegularizerEntry, task: TaskEntry) -> tuple[str, ...]:
        """Return the labels that a regularizer is tested against on a task, besides the baseline.

        If `compare_to` names a grid, the regularizer is tested against the grid's row with the same values, or, if
        there is no such row, against every row of the grid. Cells that the suite skips are left out.

        Args:
            method: one of the regularizers.
            task: one of the tasks.
        """
        skipped = {skip.regularizer for skip in self.skip if skip.task == task.label}
        if method.label in skipped:
            return ()
        own = method.label.removeprefix(str(method.path[1]))
        found: dict[str, None] = {}
        for label in method.compare_to:
            rows = family(label, self.regularizers)
            same = [row for row in rows if own and row == f"{label}{own}"]
            found |= dict.fromkeys(same or rows)
        return tuple(label for label in found if label not in skipped)

    @property
    def added(self) -> frozenset[str]:
        """The labels of regularizers that an option added; a grid adds several."""
        return frozenset(entry.label for entry in self.regularizers if self.document.origin(entry.path))

    def holds(self, key_path: KeyPath) -> bool:
        """Return whether the file or an added method has a key at this path."""
        return self.document.holds(key_path)

    def where(self, key_path: KeyPath) -> str:
        """Return `file:line:column` of a key such as ("tasks", "xor", "epochs"), or of its nearest existing parent."""
        return self.document.where(key_path)


def load_suite(name_or_path: str, methods: Sequence[str] = ()) -> Suite:
    """Load a suite from a path that ends in `.yaml`, or a shipped suite by its name.

    Args:
        name_or_path: the path, or the name.
        methods: regularizers to add: names, or entries in YAML.

    Raises:
        SuiteError: the file does not exist or is not YAML, or the suite has mistakes. For mistakes, the message has one
            line each, `file:line:column: key.path: what was wrong, expected ...`, in the order of the file.
    """
    path = find(name_or_path)
    document = with_methods(read(path), methods)
    problems = [*document.problems, *suite_problems(document.data, path.parent)]
    if problems:
        raise SuiteError(listing(document.file, [_placed(problem, document) for problem in problems]))
    return _suite(document, path)


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
        seeds=seeds_of(data["seeds"]),
        baseline=data["baseline"],
        tasks=tasks,
        regularizers=regularizers,
        skip=tuple(_skips(data.get("skip") or [], tasks, regularizers)),
        metrics=metric_entries(data.get("metrics") or {}),
        statistics=_statistics(data.get("statistics") or {}),
        published=read_published(data.get("published"), tasks, regularizers),
        weights=read_snapshots(data.get("weights")) or Snapshots(),
        plugins=tuple(str(path.parent / name) for name in data.get("plugins") or []),
        unverified_data=tuple(data.get("unverified_data") or ()),
        protocol=data.get("protocol") or "",
        document=document,
    )


def _statistics(given: dict[str, Any]) -> Statistics:
    facts = {key: value for key, value in given.items() if value is not None}
    return Statistics(**facts | {"interim_looks": tuple(facts.get("interim_looks", ()))})


def _skips(
    given: list[dict[str, Any]], tasks: tuple[TaskEntry, ...], regularizers: tuple[RegularizerEntry, ...]
) -> Iterable[Skip]:
    for skip in given:
        for task in families(skip["task"], tasks):
            for regularizer in families(skip["regularizer"], regularizers):
                yield Skip(task, regularizer, skip["why"])
