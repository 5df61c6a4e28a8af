"""The names of plugins, read from their sources. Nothing is imported, so that shell completion is fast.

Only hooks that yield functions by name are read. The registry finds every plugin, but takes seconds to load.
"""

import ast
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from grokbench.plugins import BUILTINS, KINDS

__all__ = ["plugin_names"]


def plugin_names(files: Iterable[str | Path] = ()) -> dict[str, str]:
    """Return name -> kind (of `plugins.KINDS`) for built-in plugins, installed plugins and those of plugin files."""
    modules = [*BUILTINS, *(entry.module for entry in metadata.entry_points(group="grokbench"))]
    sources = [Path(spec.origin) for module in modules if (spec := find_spec(module)) and spec.origin]
    return {name: kind for source in [*sources, *map(Path, files)] for name, kind in _yielded(source)}


def _yielded(source: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, kind) of every function that the hooks of a file yield."""
    for hook in ast.parse(source.read_bytes()).body:
        if isinstance(hook, ast.FunctionDef) and (kind := hook.name.removeprefix("grokbench_")) in KINDS:
            for node in ast.walk(hook):
                if isinstance(node, ast.Yield | ast.YieldFrom):
                    values = getattr(node.value, "elts", [node.value])
                    yield from ((value.id, kind) for value in values if isinstance(value, ast.Name))
