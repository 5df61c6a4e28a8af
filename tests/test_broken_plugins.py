"""Plugins that cannot be used: left out with the reason and the line, and nothing else breaks."""

import pytest

from grokbench.errors import PluginError
from grokbench.plugins import load_registry

from .helpers.plugin_files import GOOD, write

pytestmark = pytest.mark.usefixtures("nothing_installed")

BROKEN = {
    "raises on import": ("raise RuntimeError('no such GPU')\n", "RuntimeError: no such GPU"),
    "does not parse": ("def f(:\n", "SyntaxError"),
    "imports what is not there": ("import a_module_not_there\n", "No module named 'a_module_not_there'"),
    "misspells a hook": (
        GOOD.format(name="clip").replace("grokbench_regularizers", "grokbench_regularizer"),
        "no hook is called 'grokbench_regularizer', expected one of: grokbench_tasks, grokbench_regularizers, "
        "grokbench_metrics, grokbench_observers. Did you mean 'grokbench_regularizers'?",
    ),
    "forgets to mark a hook": (
        GOOD.format(name="clip").replace("@hookimpl\n", ""),
        "grokbench_regularizers is not marked as a hook: write @hookimpl on the line above its def",
    ),
    "raises in the hook": (
        "from grokbench import hookimpl\n\n@hookimpl\ndef grokbench_tasks():\n    yield 1 / 0\n",
        "ZeroDivisionError",
    ),
    "yields no function": (
        "from grokbench import hookimpl\n\n@hookimpl\ndef grokbench_tasks():\n    yield 3\n",
        "left out: grokbench_tasks yields a value of type int; expected functions that make records, as in "
        "`yield my_method`, not `yield my_method()`",
    ),
    "yields a record": (
        GOOD.format(name="clip").replace("yield clip", "yield clip()"),
        "grokbench_regularizers yields a value of type Regularizer; expected functions that make records",
    ),
    "yields what has no name": (
        GOOD.format(name="clip").replace("yield clip", "yield lambda: clip(0.5)"),
        "grokbench_regularizers yields a function without a name; expected",
    ),
    "returns a function": (
        GOOD.format(name="clip").replace("yield clip", "return clip"),
        "grokbench_regularizers returns a value of type function; expected functions that make records, as in `yield",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_reported_and_breaks_nothing_else(tmp_path, fault):
    text, said = BROKEN[fault]
    files = [
        write(tmp_path, "before.py", GOOD.format(name="before")),
        write(tmp_path, "broken.py", text),
        write(tmp_path, "after.py", GOOD.format(name="after")),
    ]
    registry = load_registry(files)
    assert [str(broken.origin) for broken in registry.broken] == ["file broken.py"]
    assert said in str(registry.broken[0]) and "file broken.py is left out: " in str(registry.broken[0])
    assert {"baseline", "before", "after"} <= set(registry.regularizers)


def test_hooks_of_others_need_no_mark(tmp_path):
    imported = "from grokbench.hookspecs import grokbench_tasks\n" + GOOD.format(name="clip")
    assert not load_registry([write(tmp_path, "clip.py", imported)]).broken


def test_the_line_is_named_that_breaks_a_file(tmp_path):
    (broken,) = load_registry([write(tmp_path, "broken.py", "x = 1\ny = (\n")]).broken
    assert str(broken) == "file broken.py is left out: SyntaxError: '(' was never closed (line 2)"


def test_a_missing_file_is_reported(tmp_path):
    (broken,) = load_registry([tmp_path / "nowhere.py"]).broken
    assert "file nowhere.py is left out: " in str(broken) and "No such file" in str(broken)


def test_a_traceback_shows_the_line_of_the_plugin(tmp_path):
    file = write(tmp_path, "broken.py", "x = 1\nraise RuntimeError('no such GPU')\n")
    (broken,) = load_registry([file]).broken
    assert "broken.py" in broken.traceback and "line 2" in broken.traceback


def test_an_unknown_name_repeats_what_is_broken(tmp_path):
    registry = load_registry([write(tmp_path, "broken.py", "raise RuntimeError('no such GPU')\n")])
    with pytest.raises(PluginError, match="no regularizer 'clip'.*broken.py is left out: RuntimeError: no such GPU"):
        registry.get("regularizers", "clip")


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        ("epochs", "parameter 'epochs' of clip is a reserved word of suites; rename it"),
        ("use", "parameter 'use' of clip is a reserved word of suites; rename it"),
        ("*all", "clip takes *all, which a suite cannot name; remove it"),
        ("**rest", "clip takes **rest, which a suite cannot name; remove it"),
    ],
)
def test_parameters_that_a_suite_cannot_give_are_refused(tmp_path, parameter, reason):
    written = parameter if parameter.startswith("*") else f"{parameter}: int = 1"
    file = write(tmp_path, "x.py", GOOD.format(name="clip").replace("limit: float = 1.0", written))
    registry = load_registry([file])
    (broken,) = registry.broken
    assert str(broken) == f"file x.py is left out: {reason}"
    assert "clip" not in registry.regularizers and "baseline" in registry.regularizers


def test_a_plugin_that_ends_the_program_is_left_out(tmp_path):
    (tmp_path / "leaves.py").write_text("import sys\n\nsys.exit(3)\n")
    found = load_registry([tmp_path / "leaves.py"])
    assert [str(broken.origin) for broken in found.broken] == ["file leaves.py"] and "SystemExit: 3" in str(
        found.broken[0]
    )
