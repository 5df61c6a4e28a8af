"""What a public function raises by itself, its docstring names. Ruff sees to it that there is one (rules D)."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = sorted(
    file for folder in ("grokbench", "tasks", "regularizers", "metrics") for file in (ROOT / folder).rglob("*.py")
)
OURS = {"ValueError", "TypeError", "SuiteError", "PluginError", "DataError", "StoreError"}


def public(file):
    """Every function that can be called from elsewhere, with its name."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = [
                each for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
            ]
            yield from ((f"{node.name}.{method.name}", method) for method in methods)


def raised(function):
    """The names of what it raises, but for what is raised again and what inner functions raise."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            yield node.exc.func.id
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def test_docstrings_name_the_exceptions_that_are_raised():
    unnamed = [
        f"{file.relative_to(ROOT)}: {name} raises {error}"
        for file in FILES
        for name, function in public(file)
        for error in sorted(set(raised(function)) & OURS)
        if error not in (ast.get_docstring(function) or "")
    ]
    assert FILES and not unnamed
