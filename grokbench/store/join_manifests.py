"""The manifest of a folder that joins several results folders of one suite."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from grokbench.errors import StoreError
from grokbench.records import MOST_REPLICAS, Cell, Manifest
from grokbench.store.manifests import facts, purposes
from grokbench.text.lists import listed

__all__ = ["joined_manifest"]

SHARED = ("statistics", "published")  # fields that must be equal in all manifests


def joined_manifest(manifests: Sequence[tuple[str, Manifest]]) -> Manifest:
    """Join the manifests of folders: all seeds in ascending order, and all cells, sorted by task.

    Args:
        manifests: for each folder, at least one, its name for messages and its manifest.

    Raises:
        StoreError: the folders differ in suite, baseline, device kind, precision, engine revision, statistics or
            purpose of the seeds; or a row has different recipes, budgets or sources in two of them.
    """
    first, manifest = manifests[0]
    for name, other in manifests[1:]:
        if different := [*_differences(manifest, other), *_cell_differences(manifest, other)]:
            raise StoreError(
                f"{name} cannot be joined with {first}: {'; '.join(different[:3])}. Merge only folders of one suite, "
                "made with the same settings."
            )
    joined = reduce(_join, (other for _, other in manifests[1:]), manifest)
    if joined.replicas > MOST_REPLICAS:
        names = listed([name for name, _ in manifests])
        raise StoreError(f"{names} together hold {joined.replicas} replicas, expected at most {MOST_REPLICAS}.")
    return joined


def _differences(first: Manifest, other: Manifest) -> Iterator[str]:
    """Yield the facts that must be equal in both folders but differ, as parts of a sentence."""
    was, now = facts(first), facts(other)
    yield from (
        f"its {key} is {now.get(key)!r}, not {was.get(key)!r}" for key in {**was, **now} if was.get(key) != now.get(key)
    )
    yield from (f"its {name} differ" for name in SHARED if getattr(first, name) != getattr(other, name))
    if purposes(first) != purposes(other):
        yield f"its seeds are for {' and '.join(purposes(other))}, not {' and '.join(purposes(first))}"


def _cell_differences(first: Manifest, other: Manifest) -> Iterator[str]:
    """Yield the rows that differ between the folders, as parts of a sentence."""
    known = {cell.key: cell for cell in first.cells}
    for cell in other.cells:
        if (there := known.get(cell.key)) is None:
            continue
        if cell.identity != there.identity:
            yield f"{cell.name} has another recipe there ({cell.identity}, not {there.identity})"
        elif (cell.budget, cell.metrics) != (there.budget, there.metrics):
            yield f"{cell.name} has another budget or other metrics there"
        else:
            yield from _other_sources(cell, there)


def _other_sources(cell: Cell, there: Cell) -> Iterator[str]:
    """Yield the user plugins whose source differs; built-in plugins have revisions, which the recipes contain."""
    for plugin, origin in cell.origins.items():
        before = there.origins.get(plugin)
        if not origin.built_in and (before is None or not origin.agrees_with(before)):
            yield f"{cell.name} was made with another source of {plugin.split('.')[-1]} ({origin.with_digest})"


def _join(first: Manifest, other: Manifest) -> Manifest:
    """Join two manifests without contradictions."""
    theirs = {cell.key: cell for cell in other.cells}
    cells = [replace(cell, weights=cell.weights | theirs.pop(cell.key, cell).weights) for cell in first.cells]
    cells += theirs.values()
    planned, present = {cell.key for cell in cells}, {cell.identity for cell in cells}
    skipped = {(skip.task, skip.regularizer): skip for skip in (*first.skipped, *other.skipped)}
    withdrawn = {cell.identity: cell for cell in (*first.withdrawn, *other.withdrawn)}
    return replace(
        first,
        seeds=tuple(sorted({*first.seeds, *other.seeds})),
        declared_seeds=tuple(dict.fromkeys((*first.full_seeds, *other.full_seeds))),
        cells=_by_task(cells),
        skipped=tuple(skip for key, skip in skipped.items() if key not in planned),
        withdrawn=tuple(cell for identity, cell in withdrawn.items() if identity not in present),
    )


def _by_task(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    """Sort cells by the first appearance of their task; within a task, they keep their order."""
    tasks: Mapping[str, int] = {task: place for place, task in enumerate(dict.fromkeys(cell.task for cell in cells))}
    return tuple(sorted(cells, key=lambda cell: tasks[cell.task]))
