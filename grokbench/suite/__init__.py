"""A suite: tasks x regularizers x seeds, read from one YAML file and checked before anything runs.

`yaml12` reads data with the place of every key from what `yaml_composer` bounds; `schema` lists the keys and what each
may hold, and `shapes` says what does not fit; `values` looks at seeds, labels, parameters and grids each by itself,
`references` at names that point at one another; `entries` expands grids; `additions` are methods of the command line.
Where the file is, `grokbench.suite_files` knows, without pydantic: a shell completes names by it.
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
    """What a suite file says, every name in it resolved except those of plugins and their parameters."""

    name: str
    description: str
    path: str  # as given; of the installed file for a shipped suite
    seeds: tuple[int, ...]
    baseline: str  # label of a regularizer
    tasks: tuple[TaskEntry, ...]
    regularizers: tuple[RegularizerEntry, ...]
    skip: tuple[Skip, ...]  # one per cell, labels expanded
    metrics: tuple[MetricEntry, ...]
    statistics: Statistics
    published: Published | None  # labels expanded
    plugins: tuple[str, ...]  # files, relative ones taken from the suite's folder
    document: Document = field(repr=False, compare=False)

    @property
    def comparisons(self) -> int:
        """The planned family that Holm corrects over: cells that are neither skipped nor a baseline."""
        others = [entry.label for entry in self.regularizers if entry.label != self.baseline]
        return len(self.tasks) * len(others) - sum(skip.regularizer in others for skip in self.skip)

    @property
    def added(self) -> frozenset[str]:
        """Labels of the regularizers that do not stand in the file: a grid adds several."""
        return frozenset(entry.label for entry in self.regularizers if self.document.origin(entry.path))

    def sets(self, key_path: KeyPath) -> bool:
        """Whether the file, or an added method, has a key of this path."""
        data = self.document.data
        for key in key_path:
            if not isinstance(data, dict) or key not in data:
                return False
            data = data[key]
        return True

    def where(self, key_path: KeyPath) -> str:
        """`file:line:column` of a key such as ("tasks", "xor", "epochs"), or of its nearest existing parent."""
        return self.document.where(key_path)


def load_suite(name_or_path: str, methods: Sequence[str] = ()) -> Suite:
    """The suite of a path ending in `.yaml`, or of that bare name among the shipped ones, and further methods.

    Raises SuiteError: one sentence when there is no such file or it is not YAML; otherwise every mistake at once,
    a line `file:line:column: key.path: what was wrong, expected ...` each, in the order of the file.
    """
    path = find(name_or_path)
    document = with_methods(read(path), methods)
    problems = [*document.problems, *_all_problems(document.data, path.parent)]
    if problems:
        raise SuiteError(listing(document.file, [_placed(problem, document) for problem in problems]))
    return _suite(document, path)


def _all_problems(data: Any, folder: Path) -> list[Problem]:
    """Stage by stage; each sees null for the faulty values of the stages before, so that a mistake is told once.

    A stage with more than a message can show is the last, and is not finished: each line looks for a nearest name.
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
