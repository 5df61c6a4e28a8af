"""Docstrings: the errors a function raises, the arguments of functions, the fields of records, the first word.

Ruff sees to it that there is one (rules D). Files are parsed, not imported.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import grokbench

ROOT = Path(__file__).parents[1]
FOLDERS = ("grokbench", "tasks", "regularizers", "metrics")
OURS = {"ValueError", "TypeError", "SuiteError", "PluginError", "DataError", "StoreError"}

# Modules and packages of grokbench, and folders of plugins, in which every docstring follows the rules below.
EXPLAINED = (
    "__main__", "api", "at", "cadence", "cli", "commands", "conformance", "criterion", "data", "doctor", "engine",
    "errors", "events", "hookspecs", "io", "judging", "launchers", "metric", "metrics", "observer", "observers",
    "optimizers", "plan", "plugins", "provenance", "random", "records", "regularizer", "regularizers", "report",
    "runner", "scaffold", "seeds", "stats", "step", "store", "submissions", "suite", "suite_files", "task",
    "tasks", "templates", "testing", "text", "tune", "types", "validation",
)  # fmt: skip
PUBLIC = ("data", "random", "testing")  # modules of the public interface, beside what `grokbench` offers itself
FIRST_WORDS = ("What", "Where", "Whether", "How", "Which", "Those", "Who", "When")  # that define nothing


@cache
def parsed(file):
    return ast.parse(file.read_text(encoding="utf-8"))


def files_of(name):
    """The files of a module, package or folder of EXPLAINED, or of FOLDERS."""
    folder = next((path for path in (ROOT / "grokbench" / name, ROOT / name) if path.is_dir()), None)
    return sorted(folder.rglob("*.py")) if folder else [ROOT / "grokbench" / f"{name}.py"]


def module_file(module):
    path = ROOT / "grokbench" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def exported(tree):
    """The names in `__all__` of a module."""
    return {
        name
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for name in ast.literal_eval(node.value)
    }


def definition(module, name):
    """The class or function that a name in a module is, through its imports; None for a constant."""
    for node in parsed(module_file(module)).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return definition(node.module.removeprefix("grokbench."), name)
    return None


def public_methods(node):
    return [each for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")]


def public(file):
    """Every function that can be called from elsewhere, with its name."""
    for node in parsed(file).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from ((f"{node.name}.{method.name}", method) for method in public_methods(node))


def raised(function):
    """The names of what it raises, but for what is raised again and what inner functions raise."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
            yield node.exc.func.id
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def section(node, title):
    """The names that a section of a docstring explains, such as those of `Args:`."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)+)", f"{ast.get_docstring(node)}\n", re.M)
    return set(re.findall(r"^    \*{0,2}(\w+)(?: \(.*?\))?:", found[1], re.M)) if found else set()


def fields(node):
    """The fields of a record, a dataclass or a NamedTuple; none for another class."""
    marks = [ast.unparse(mark) for mark in (*node.decorator_list, *node.bases)]
    annotated = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    if not any(re.match(r"dataclass|NamedTuple", mark) for mark in marks):
        return set()
    return {each.target.id for each in annotated if "ClassVar" not in ast.unparse(each.annotation)}


def arguments(node):
    every = (*node.args.posonlyargs, *node.args.args, node.args.vararg, *node.args.kwonlyargs, node.args.kwarg)
    return {each.arg for each in every if each} - {"self", "cls"}


def unexplained(node, everything=False):
    """The arguments and fields that the docstring of a function or a class of `__all__` leaves out.

    A function with one argument and a record with one or two fields need no section, nor does a decorated function,
    such as a click command, whose arguments are its options. With `everything` they do, and the methods of a class
    too: the rule of the public interface.
    """
    if isinstance(node, ast.FunctionDef):
        expected, named = arguments(node), section(node, "Args")
        many = len(expected) > 1 and not node.decorator_list
        needed = expected ^ named if everything or named or many else set()
        yield from (f"{node.name}: Args: {name}" for name in sorted(needed))
    elif isinstance(node, ast.ClassDef):
        expected, named = fields(node), section(node, "Attributes")
        needed = expected - named if everything or named or len(expected) > 2 else set()
        yield from (f"{node.name}: Attributes: {name}" for name in sorted(needed))
        for method in public_methods(node) if everything else ():
            yield from (f"{node.name}.{found}" for found in unexplained(method, everything))


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_public_function_raises_is_named_in_its_docstring(folder):
    untold = [
        f"{file.relative_to(ROOT)}: {name} raises {error}"
        for file in sorted((ROOT / folder).rglob("*.py"))
        for name, function in public(file)
        for error in sorted(set(raised(function)) & OURS)
        if error not in (ast.get_docstring(function) or "")
    ]
    assert not untold


def test_the_public_interface_explains_every_argument_and_every_field():
    names = [(module, name) for name, module in grokbench._MODULES.items() if module]
    names += [(module, name) for module in PUBLIC for name in sorted(exported(parsed(module_file(module))))]
    assert definition("regularizer", "Regularizer") and ("data", "fetch") in names
    missing = [found for module, name in names for found in unexplained(definition(module, name), everything=True)]
    assert not missing


def test_modules_explain_the_arguments_and_the_fields_of_what_they_offer():
    missing = [
        f"{file.relative_to(ROOT)}: {found}"
        for name in EXPLAINED
        for file in files_of(name)
        for node in parsed(file).body
        if getattr(node, "name", None) in exported(parsed(file))
        for found in unexplained(node)
    ]
    assert not missing


def test_a_docstring_begins_with_a_verb_or_with_a_noun_that_defines():
    begun = [
        f"{file.relative_to(ROOT)}: {text.splitlines()[0]}"
        for name in EXPLAINED
        for file in files_of(name)
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node))
        if text.split()[0] in FIRST_WORDS
    ]
    assert not begun


@pytest.mark.parametrize(
    ("source", "everything", "missing"),
    [
        ('def f(a, *b):\n    """Do.\n\n    Args:\n        a: one.\n    """', False, ["f: Args: b"]),
        ('def f(a):\n    """Do.\n\n    Args:\n        old: one.\n        a: two.\n    """', False, ["f: Args: old"]),
        ('def f(a):\n    """Do."""', False, []),
        ('def f(a):\n    """Do."""', True, ["f: Args: a"]),
        ('@click.command()\ndef f(a, b):\n    """Do."""', False, []),
        ('@dataclass(frozen=True)\nclass R:\n    """R."""\n    a: int\n    b: int', False, []),
        ('class R(NamedTuple):\n    """R."""\n    a: int\n    b: ClassVar[int]', True, ["R: Attributes: a"]),
        ('class C:\n    """C."""\n    def do(self, a): ...', True, ["C.do: Args: a"]),
    ],
)
def test_an_argument_or_a_field_that_is_left_out_is_found(source, everything, missing):
    assert list(unexplained(ast.parse(source).body[0], everything)) == missing
