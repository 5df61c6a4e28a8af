"""The imports in a source, found in its syntax tree without running it."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Import", "Imports", "imports_of"]

CALLED = ("import_module", "__import__")  # functions that import the module of a given name
# References to these names may load a file that the source does not name. `exec` counts too, but not as an attribute.
LOADERS = (*CALLED, "spec_from_file_location", "SourceFileLoader", "exec_module", "run_path", "run_module")


class Import(NamedTuple):
    """One imported name.

    Attributes:
        level: 0 for a full name; 1 for a name in the source's folder, 2 for one in the folder above it, and so on.
        parts: the name split at its dots. The last part may be an attribute of a module instead of a module.
    """

    level: int
    parts: tuple[str, ...]


class Imports(NamedTuple):
    """The imports of a source, those within functions included.

    Attributes:
        named: the imports whose names are in the source.
        computed: True if the source may import further modules, whose names are computed when it runs.
    """

    named: tuple[Import, ...]
    computed: bool


@lru_cache(maxsize=4096)  # a process loads the same plugins more than once
def imports_of(source: bytes) -> Imports:
    """Find the imports of a source; none if it is not valid Python, because then it cannot be imported."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return Imports((), False)
    calls = {id(node.func): name for node in nodes if isinstance(node, ast.Call) and (name := _called(node))}
    named = [*calls.values(), *(each for node in nodes for each in _stated(node))]
    return Imports(tuple(dict.fromkeys(named)), any(id(node) not in calls and _loads(node) for node in nodes))


def _stated(node: ast.AST) -> Iterator[Import]:
    """Yield the names of an import statement: `a.b` of `from a import b`."""
    if isinstance(node, ast.Import):
        yield from (Import(0, tuple(alias.name.split("."))) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module.split(".") if node.module else []
        yield from (Import(node.level, (*module, alias.name)) for alias in node.names)


def _called(call: ast.Call) -> Import | None:
    """Return the module that `import_module("a.b")` or `import_module(".b", package)` loads; None for other calls."""
    name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if _name(call.func) not in CALLED or not isinstance(name, str) or not name.strip("."):
        return None
    plain = name.lstrip(".")
    return Import(len(name) - len(plain), tuple(plain.split(".")))


def _loads(node: ast.AST) -> bool:
    """Return whether a node refers to a function that can import a module of a computed name."""
    if isinstance(node, ast.alias):
        return node.asname is not None and node.name.rpartition(".")[2] in LOADERS
    return _name(node) in LOADERS or (isinstance(node, ast.Name) and node.id == "exec")


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
