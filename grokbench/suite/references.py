"""Problems with names that refer to other entries of a suite: the baseline, per_task, skip and published."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grokbench.suite.entries import (
    OPTIMIZER,
    RegularizerEntry,
    TaskEntry,
    families,
    family,
    grid_size,
    gridded_uses,
    is_grid,
    regularizer_entries,
    task_entries,
)
from grokbench.suite.problems import KeyPath, Problem
from grokbench.suite.published_shapes import MEANS
from grokbench.suite.schema import RegularizerShape, TaskShape
from grokbench.text.suggest import did_you_mean, short

__all__ = ["grid_size_problems", "reference_problems"]

MAX_ENTRIES = 1000  # most entries in a section, after grids are expanded
MAX_CELLS = 10_000

# Cyrillic and Greek letters, and the Latin ones that they look like.
_LOOK_ALIKE = str.maketrans("авсенікјморѕтухαεικνορτυχ", "abcehikjmopstyxaeikvoptux")
Entries = Sequence[TaskEntry | RegularizerEntry]


def grid_size_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield the entries whose grids expand to too many entries or cells; every single value of `data` is valid."""
    totals = {}
    for section, shape in (("tasks", TaskShape), ("regularizers", RegularizerShape)):
        total = 0
        for label, entry in (data.get(section) or {}).items():
            size = grid_size(gridded_uses(label, entry or {}, shape.model_fields))
            total += size
            if size > 1 and total > MAX_ENTRIES:
                text = f"grids that make {total} {section} in all, expected at most {MAX_ENTRIES}"
                yield Problem((section, label), text, at_key=True)
        totals[section] = total
    cells = totals["tasks"] * totals["regularizers"]
    if cells > MAX_CELLS and max(totals.values()) <= MAX_ENTRIES:
        text = f"{totals['tasks']} tasks x {totals['regularizers']} regularizers make {cells} cells"
        yield Problem(("regularizers",), f"{text}, expected at most {MAX_CELLS}", at_key=True)


def reference_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield the names that refer to no entry, or to two; every single value of `data` is valid."""
    tasks = task_entries(data.get("tasks") or {})
    regularizers = regularizer_entries(data.get("regularizers") or {}, tasks)
    yield from _look_alikes([(entry.label, entry.path) for entry in tasks])
    yield from _look_alikes([(entry.label, entry.path) for entry in regularizers])
    yield from _look_alikes([(label, ("metrics", label)) for label in data.get("metrics") or {}])
    if regularizers and data.get("baseline") is not None:
        yield from _baseline_problems(data["baseline"], regularizers)
    yield from _compare_problems(data.get("regularizers") or {}, data.get("baseline"), regularizers)
    if tasks:
        yield from _per_task_problems(data.get("regularizers") or {}, tasks)
    if tasks and regularizers:
        yield from _skip_problems(data.get("skip") or [], data.get("baseline"), tasks, regularizers)
        yield from _published_problems(data.get("published") or {}, tasks, regularizers)


def _look_alikes(labels: Iterable[tuple[str, KeyPath]]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for label, path in labels:
        # Case folding can produce letters that are not normalised, so the label is normalised before and after it.
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold()).translate(_LOOK_ALIKE)
        if folded in seen:
            text = f"the label {label!r} looks like {seen[folded]!r}, expected labels that look different"
            yield Problem(path, text, at_key=True)
        seen.setdefault(folded, label)


def _baseline_problems(baseline: str, regularizers: tuple[RegularizerEntry, ...]) -> Iterator[Problem]:
    labels = [entry.label for entry in regularizers]
    if baseline not in labels:
        known = _one_of("regularizers", labels, baseline)
        yield Problem(("baseline",), f"the unknown label {short(baseline)!r}, {known}")


def _one_of(section: str, labels: Iterable[str], word: str) -> str:
    known = list(dict.fromkeys(labels))
    if not known:
        return f"expected another of the {section}, but the suite has no other"
    more = ", ..." if len(known) > 10 else ""
    return f"expected one of the {section} {', '.join(known[:10])}{more}{did_you_mean(word, known)}"


def _unknown(section: str, label: str, entries: Entries) -> str | None:
    return None if family(label, entries) else _not_among(section, label, entries)


def _not_among(section: str, label: str, entries: Entries) -> str:
    labels = [name for entry in entries for name in (str(entry.path[1]), entry.label)]
    return f"the unknown label {short(label)!r}, {_one_of(section, labels, label)}"


def _per_task_problems(section: dict[str, Any], tasks: tuple[TaskEntry, ...]) -> Iterator[Problem]:
    for label, entry in section.items():
        uses = gridded_uses(label, entry or {}, RegularizerShape.model_fields)
        combined = isinstance((entry or {}).get("use"), list)
        for task, extra in ((entry or {}).get("per_task") or {}).items():
            path: KeyPath = ("regularizers", label, "per_task", task)
            unknown = _unknown("tasks", task, tasks)
            if unknown:
                yield Problem(path, unknown, at_key=True)
            for use in uses:
                apart = combined or use.name == OPTIMIZER
                given = ((extra or {}).get(use.name) if apart else extra) or {}
                where = (*path, use.name) if apart else path
                yield from (_overridden((*where, key)) for key in given if is_grid(use.parameters.get(key)))


def _overridden(path: KeyPath) -> Problem:
    text = "a parameter that is a grid: this value would make the grid's rows equal, expected the grid or the value"
    return Problem(path, text, at_key=True)


def _compare_problems(
    section: dict[str, Any], baseline: str | None, regularizers: tuple[RegularizerEntry, ...]
) -> Iterator[Problem]:
    for label, entry in section.items():
        given = (entry or {}).get("compare_to") or []
        for i, other in enumerate(given):
            path: KeyPath = ("regularizers", label, "compare_to", i)
            if other is None:
                continue
            others = [entry for entry in regularizers if entry.path[1] != label and entry.label != baseline]
            if not family(other, regularizers):
                yield Problem(path, _not_among("regularizers", other, others))
            elif label == baseline:
                yield Problem(path, "every row is compared with the baseline, expected compare_to only in other rows")
            elif other == baseline:
                text = f"{short(other)!r} is the baseline, with which every row is compared already"
                yield Problem(path, f"{text}, expected another row")
            elif other == label or other in family(label, regularizers):
                yield Problem(path, f"{short(other)!r} is the row itself, expected another one")
            elif other in given[:i]:
                yield Problem(path, f"{short(other)!r} is repeated, expected every label once")


def _skip_problems(
    skips: list[Any], baseline: str | None, tasks: tuple[TaskEntry, ...], regularizers: tuple[RegularizerEntry, ...]
) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for i, skip in enumerate(skips):
        task, method = (skip or {}).get("task") or [], (skip or {}).get("regularizer") or []
        yield from _unknown_labels(("skip", i, "task"), "tasks", task, tasks)
        yield from _unknown_labels(("skip", i, "regularizer"), "regularizers", method, regularizers)
        rows = families(method, regularizers)
        if baseline in rows:
            text = f"the baseline {baseline!r} is skipped, expected another row: rows are tested against the baseline"
            yield Problem(("skip", i, "regularizer"), text)
        cells = [(a, b) for a in families(task, tasks) for b in rows]
        if (twice := seen & set(cells)) or len(set(cells)) < len(cells):
            first = min(twice or {cell for cell in cells if cells.count(cell) > 1})
            yield Problem(("skip", i), f"{short(' / '.join(first))} is skipped already, expected every cell once")
        seen |= set(cells)


def _unknown_labels(
    path: KeyPath, section: str, labels: str | list[str], entries: Sequence[TaskEntry | RegularizerEntry]
) -> Iterator[Problem]:
    """Yield the labels of a skip that name no entry."""
    for i, label in enumerate([labels] if isinstance(labels, str) else labels):
        if unknown := _unknown(section, label, entries):
            yield Problem(path if isinstance(labels, str) else (*path, i), unknown)


def _published_problems(
    published: dict[str, Any], tasks: tuple[TaskEntry, ...], regularizers: tuple[RegularizerEntry, ...]
) -> Iterator[Problem]:
    tables: dict[KeyPath, Any] = {("published", unit): published.get(unit) for unit in (*MEANS, "speedups")}
    finals = published.get("metrics") or {}
    tables |= {("published", "metrics", label): by_task for label, by_task in finals.items()}
    for path, table in tables.items():
        for task, numbers in (table or {}).items():
            if unknown := _unknown("tasks", task, tasks):
                yield Problem((*path, task), unknown, at_key=True)
            for method in numbers or {}:
                if unknown := _unknown("regularizers", method, regularizers):
                    yield Problem((*path, task, method), unknown, at_key=True)
