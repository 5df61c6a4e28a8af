"""Imports run one way, the command line starts without torch, and a plugin knows only the public interface."""

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import grokbench

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "grokbench"
PLUGIN_FOLDERS = ("tasks", "regularizers", "metrics")

# Every module has a place here, by the longest name that fits. It imports only from its own layer and those before it.
LAYERS = (
    "errors records validation cadence criterion random stats geometry resources provenance",
    "text io seeds events types task at regularizer",
    "data metric optimizers observer suite_files torch_optimizers",
    "suite store step hookspecs",
    "plugins judging observers settings",
    "plan engine report report.text",
    "report.charts report.export report.methods launchers doctor scaffold",
    "report.html runner",
    "api conformance",
    "testing tune submissions",
    "templates commands",
    "cli",
    "__main__",
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names.split()}
TRAINING = "types task at regularizer metric random optimizers plugins plan step engine launchers runner conformance"
JUDGING = "stats geometry store judging report api.runs tune.space tune.trials tune.scores tune.best_of_k tune.tables"
STARTS_WITHOUT_TORCH = (
    "errors records validation criterion stats geometry suite io resources provenance observer data store report "
    "judging api tune cli settings"
)
MOST_LOOSE_MODULES = 22


def module_name(file):
    parts = file.relative_to(PROGRAM).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(file): file for file in PROGRAM.rglob("*.py") if file != PROGRAM / "__init__.py"}


def is_type_checking(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def executed(node):
    """Every node that can run: what stands under `if TYPE_CHECKING` is only read."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not is_type_checking(child):
            yield from executed(child)


def imports(file):
    """(module, name or None, relative level) of every import in a file."""
    for node in executed(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name, node.level) for alias in node.names)


def imported_modules(file):
    """The modules of this program that a file imports, through the lazy interface too, and the packages they lie in.

    A package runs before what lies in it, but for the packages that the file itself lies in: they run already.
    """
    own = file.relative_to(PROGRAM).parts[:-1]
    for found in _imported(file):
        yield found
        parts = found.split(".")
        packages = [".".join(parts[:depth]) for depth in range(1, len(parts)) if tuple(parts[:depth]) != own[:depth]]
        yield from (package for package in packages if package in MODULES)


def _imported(file):
    for module, name, level in imports(file):
        package = ["grokbench", *file.relative_to(PROGRAM).parts[:-1]]
        base = ".".join(filter(None, [*package[: len(package) - level + 1], module])) if level else module
        if base == "grokbench" and name in grokbench._MODULES:
            yield grokbench._MODULES[name] or name
        elif base.split(".")[0] == "grokbench":
            longest = f"{base}.{name}".removeprefix("grokbench.")
            shorter = base.removeprefix("grokbench.")
            yield from [candidate for candidate in (longest, shorter) if candidate in MODULES][:1]


GRAPH = {name: set(imported_modules(file)) - {name} for name, file in MODULES.items()}


@cache
def reached(name):
    found, waiting = set(), [name]
    while waiting:
        new = GRAPH[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def is_inside(name, named):
    """Whether a module is one of those named, or lies in a package that is."""
    return any(f"{name}.".startswith(f"{each}.") for each in named.split())


def place(name):
    """The longest entry of LAYERS that a module is, or lies in; None without one."""
    return max((each for each in LAYER if f"{name}.".startswith(f"{each}.")), key=len, default=None)


def test_the_modules_named_here_exist():
    named = {*LAYER, *f"{TRAINING} {JUDGING} {STARTS_WITHOUT_TORCH}".split()}
    assert not named - set(MODULES) - {"templates"}


def test_every_module_has_a_place_in_the_layers():
    assert not [name for name in MODULES if place(name) is None]


def test_a_module_reaches_only_its_own_layer_and_those_before_it():
    above = {name: [other for other in reached(name) if LAYER[place(other)] > LAYER[place(name)]] for name in MODULES}
    assert not {name: others for name, others in above.items() if others}


def test_no_import_runs_in_a_circle():
    assert not [name for name in MODULES if name in reached(name)]


def test_no_two_packages_of_a_layer_import_each_other():
    pairs = {(place(name), place(other)) for name in MODULES for other in GRAPH[name]}
    assert not {pair for pair in pairs if pair[0] != pair[1] and pair[::-1] in pairs}


def test_few_modules_lie_outside_of_packages():
    loose = sorted(file.stem for file in PROGRAM.glob("*.py"))
    assert len(loose) <= MOST_LOOSE_MODULES, loose


@pytest.mark.parametrize(
    ("names", "others"), [(JUDGING, TRAINING), ("plan step engine launchers", "stats judging report")]
)
def test_judging_and_training_do_not_reach_each_other(names, others):
    within = {name: [other for other in reached(name) if is_inside(other, others)] for name in MODULES}
    assert not {name: found for name, found in within.items() if found and is_inside(name, names)}


PLUGINS = sorted(file for folder in PLUGIN_FOLDERS for file in (ROOT / folder).glob("*.py"))
OBSERVERS = sorted(PROGRAM.glob("observers/*.py"))  # in no folder of contributors, and as plain as theirs


def is_open_to_plugins(file, module, name, level):
    """Whether an import of a plugin file is of the public interface, a sibling or another package."""
    if level:
        return level == 1 and file.with_name(f"{(module or name).split('.')[0]}.py").exists()
    if module.split(".")[0] == "grokbench":
        return module == "grokbench" and name in grokbench.__all__
    return module.split(".")[0] not in PLUGIN_FOLDERS


def test_plugins_import_the_public_interface_and_their_siblings_only():
    found = [(file, *each) for file in PLUGINS + OBSERVERS for each in imports(file)]
    assert found and not [each for each in found if not is_open_to_plugins(*each)]


def python(code, folder):
    command = [sys.executable, "-P", "-c", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_judging_and_the_command_line_start_without_torch_and_scipy(tmp_path):
    names = [f"grokbench.{name}" for name in sorted(MODULES) if is_inside(name, STARTS_WITHOUT_TORCH)]
    code = f"""
import importlib, sys
for name in ["grokbench", *{names}]:
    importlib.import_module(name)
    for heavy in ("torch", "torchvision", "scipy"):
        assert heavy not in sys.modules, f"{{name}} imports {{heavy}}"
"""
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr


def test_help_imports_no_arrays(tmp_path):
    """numpy takes as long to import as the rest of the command line."""
    done = python("import sys, grokbench.cli; assert 'numpy' not in sys.modules", tmp_path)
    assert done.returncode == 0, done.stderr


def test_plugins_are_known_by_one_name():
    for file in PLUGINS:
        if file.stem != "__init__":
            importlib.import_module(f"grokbench.{file.parent.name}.{file.stem}")
    assert PLUGINS and not {name.split(".")[0] for name in sys.modules} & set(PLUGIN_FOLDERS)
