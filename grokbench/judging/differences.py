"""What is not the same in how two results folders, or two cells of one name, were made."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from grokbench.judging.comparison import ENVIRONMENT, Comparisons
from grokbench.records import Cell

__all__ = ["Difference", "cell_differences", "folder_differences"]


@dataclass(frozen=True)
class Difference:
    """Something that is not the same in both folders; None where a folder does not say."""

    what: str
    a: Any
    b: Any

    def __str__(self) -> str:
        """Both values in words."""
        return f"{self.what}: {_words(self.a)} in A, {_words(self.b)} in B"


def folder_differences(a: Comparisons, b: Comparisons) -> Iterator[Difference]:
    """What the folders do not share, from what their runs say and what their manifests plan."""
    facts = [
        {
            **{key: side.environment[key] for key in ENVIRONMENT},
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


def _sole(values: set[int]) -> Any:
    return sorted(values) if len(values) > 1 else next(iter(values), None)


def cell_differences(a: Cell, b: Cell) -> Iterator[Difference]:
    """Compare recipes leaf by leaf, budgets, and the sources of plugins of one name."""
    if a.identity != b.identity:
        yield from _unequal(dict(_leaves(a.recipe.data())), dict(_leaves(b.recipe.data())))
    yield from _unequal({"budget": a.budget}, {"budget": b.budget})
    for plugin in (name for name in a.origins if name in b.origins):
        if not a.origins[plugin].agrees_with(b.origins[plugin]):
            yield Difference(f"source of {plugin}", a.origins[plugin].with_digest, b.origins[plugin].with_digest)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything in nested mappings and lists."""
    if isinstance(value, Mapping):
        inner: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, (list, tuple)) and any(isinstance(each, (Mapping, list, tuple)) for each in value):
        inner = enumerate(value)
    else:
        yield path, value
        return
    for key, each in inner:
        yield from _leaves(each, f"{path}.{key}" if path else str(key))


def _words(value: Any) -> str:
    if isinstance(value, Mapping) and "commit" in value:
        return f"{str(value['commit'])[:10]}{' with uncommitted changes' if value.get('dirty') else ''}"
    if isinstance(value, tuple):  # seeds
        return f"{len(value)} from {min(value)} to {max(value)}" if len(value) > 1 else str(*value)
    if isinstance(value, list):
        return " and ".join(map(_words, value)) or "none"
    return "unknown" if value is None else str(value)
