"""Differences in how two results folders, or two cells with the same labels, were made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grokbench.judging.comparison import ENVIRONMENT, Comparisons
from grokbench.judging.note import Kind, Note, info
from grokbench.judging.outcomes import CONDITIONS, Measured
from grokbench.records import Cell

__all__ = [
    "UNLIKE",
    "Difference",
    "cell_differences",
    "data_differences",
    "folder_differences",
    "import_differences",
    "untested",
]

# If folders differ in one of these, no test is made between them.
UNLIKE = ("device", "device_name", "machine", "torch", "precision", "grokbench", "engine")
METHODS = "regularizers"  # the key of a recipe, and the kind of a plugin, that hold a method


@dataclass(frozen=True)
class Difference:
    """A difference between two folders.

    Attributes:
        what: a key of provenance or of the manifest, or a dotted path in the recipe of a cell.
        a: its value in the first folder; None if the folder has none.
        b: its value in the second folder.
    """

    what: str
    a: Any
    b: Any

    def __str__(self) -> str:
        """Return both values in words."""
        return f"{self.what}: {_words(self.a)} in A, {_words(self.b)} in B"


def folder_differences(a: Comparisons, b: Comparisons) -> Iterator[Difference]:
    """Yield the differences of two folders, in the provenance of their runs and in their manifests.

    Args:
        a: the comparisons of the first folder.
        b: the comparisons of the second folder.
    """
    facts = [
        {
            **{key: side.environment.get(key) for key in ENVIRONMENT},
            "group size": _sole({len(run.group) for each in side.cells for run in each.measured.finished}),
            **{key: getattr(side.manifest, key) for key in ("suite", "baseline", "seeds")},
            **asdict(side.manifest.statistics),
        }
        for side in (a, b)
    ]
    yield from _unequal(*facts)


def _unequal(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    for key in {**a, **b}:
        if a.get(key) != b.get(key):
            yield Difference(key, a.get(key), b.get(key))


def _sole(values: set[Any]) -> Any:
    return sorted(values) if len(values) > 1 else next(iter(values), None)


def cell_differences(a: Cell, b: Cell) -> Iterator[Difference]:
    """Yield the differences of recipes (value by value), of budgets, and of the sources of plugins with the same name.

    Args:
        a: a cell of the first folder.
        b: a cell of the second folder, with the same labels.
    """
    yield from (difference for difference, _ in _parted(a, b))


def _parted(a: Cell, b: Cell) -> Iterator[tuple[Difference, bool]]:
    """Yield pairs: a difference of two cells, and True if it lies in the method, whose versions may be tested."""
    if a.identity != b.identity:
        first, second = dict(_leaves(a.recipe.data())), dict(_leaves(b.recipe.data()))
        for path in {**first, **second}:
            found = _unequal({".".join(path): first.get(path)}, {".".join(path): second.get(path)})
            yield from ((difference, path[0] == METHODS) for difference in found)
    yield from ((difference, False) for difference in _unequal({"budget": a.budget}, {"budget": b.budget}))
    for plugin in (name for name in a.origins if name in b.origins):
        if not a.origins[plugin].agrees_with(b.origins[plugin]):
            sources = (a.origins[plugin].with_digest, b.origins[plugin].with_digest)
            yield Difference(f"source of {plugin}", *sources), plugin.split(".", maxsplit=1)[0] == METHODS


def data_differences(a: Measured, b: Measured) -> Iterator[Difference]:
    """Yield a difference for each data set whose recorded digests differ between the runs of two cells.

    Args:
        a: the cell in the first folder.
        b: the cell in the second.
    """
    for name, *sides in _recorded_differently(a, b, "data"):
        yield Difference(f"data of {name}", *(_sole({digest[:16] for digest in side}) for side in sides))


def import_differences(a: Measured, b: Measured) -> Iterator[Difference]:
    """Yield a difference for each distribution that the plugins of two cells imported in different versions.

    Args:
        a: the cell in the first folder.
        b: the cell in the second.
    """
    for name, *sides in _recorded_differently(a, b, "imports"):
        yield Difference(f"version of {name}, which a plugin imports", *map(_sole, sides))


def _recorded_differently(a: Measured, b: Measured, key: str) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield the names under a key of provenance for which the runs of both cells recorded different values."""
    first, second = _recorded(a, key), _recorded(b, key)
    yield from ((name, values, second[name]) for name, values in first.items() if second.get(name, values) != values)


def _recorded(measured: Measured, key: str) -> dict[str, set[str]]:
    """Map the names that the runs of a cell record under a key of provenance to their values."""
    found: dict[str, set[str]] = {}
    for run in measured.finished:
        for name, value in (run.provenance.get(key) or {}).items():
            found.setdefault(name, set()).add(value)
    return found


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, value) of everything in nested mappings and lists."""
    if isinstance(value, Mapping):
        inner: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, (list, tuple)) and any(isinstance(each, (Mapping, list, tuple)) for each in value):
        inner = enumerate(value)
    else:
        yield path, value
        return
    for key, each in inner:
        yield from _leaves(each, (*path, str(key)))


def untested(a: Measured, b: Measured, same_seeds: bool, unlike: Sequence[str]) -> Note | None:
    """Return why a cell of one folder is not tested against a cell of another; None if it is.

    Args:
        a: the cell in the first folder.
        b: the cell in the second.
        same_seeds: whether both folders plan the same seeds.
        unlike: the keys of UNLIKE in which the folders differ.
    """
    if unlike:
        return info(Kind.FOLDERS_DIFFER, f"no test between folders that differ in {', '.join(unlike)}", *unlike)
    if a.rank_by != b.rank_by:
        return info(Kind.CELLS_DIFFER, "no test between folders that rank by different crossings", "rank_by")
    for name in CONDITIONS:
        if getattr(a.cell, name) != getattr(b.cell, name):
            return info(Kind.CELLS_DIFFER, f"no test between cells that differ in {name}", name)
    unequal = [difference.what for difference, of_method in _parted(a.cell, b.cell) if not of_method]
    unequal += [difference.what for difference in data_differences(a, b)]
    if unequal:
        return info(Kind.CELLS_DIFFER, f"no test between cells that differ in {', '.join(unequal)}", *unequal)
    if not same_seeds:
        return info(Kind.SEEDS_DIFFER, "no test over different seeds")
    if a.complete and b.complete:
        return None
    return info(Kind.UNFINISHED, "no test before every planned seed has finished in both")


def _words(value: Any) -> str:
    if isinstance(value, Mapping) and "commit" in value:
        return f"{str(value['commit'])[:10]}{' with uncommitted changes' if value.get('dirty') else ''}"
    if isinstance(value, tuple):  # for seeds or looks
        return f"{len(value)} from {min(value)} to {max(value)}" if len(value) > 1 else str(*value) or "none"
    if isinstance(value, list):
        return " and ".join(map(_words, value)) or "none"
    return "unknown" if value is None else str(value)
