"""Loading plugins one provider at a time, and checking what a suite gives them."""

import importlib.metadata
import os
import sys
from types import SimpleNamespace
from typing import Literal

import pytest

from grokbench import AdamW, Metric, Regularizer
from grokbench.errors import PluginError
from grokbench.plugins import BUILTINS, load_registry
from grokbench.plugins.plugin import Plugin

GOOD = """\
from grokbench import Regularizer, hookimpl

def {name}(limit: float = 1.0) -> Regularizer:
    '''Clip every gradient element.'''
    return Regularizer(transform=lambda g, s, at: ({{n: t.clamp(-limit, limit) for n, t in g.items()}}, s))

@hookimpl
def grokbench_regularizers():
    yield {name}
"""


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **selection: ())


def write(folder, name, text):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_two_files_of_one_name_are_told_apart(tmp_path, monkeypatch):
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(write(tmp_path / name, "clip.py", GOOD.format(name=name)))
    registry = load_registry(files)
    assert [plugin.name for plugin in registry.of_file(files[1])] == ["two"]
    assert {plugin.origin for file in files for plugin in registry.of_file(file)} == {"file clip.py"}
    monkeypatch.chdir(files[1].parent)
    assert [plugin.name for plugin in registry.of_file("clip.py")] == ["two"] and registry.unread("clip") == ""
    assert load_registry(files[:1]).unread("clip") == "clip.py"


def test_a_file_is_checked_without_another_of_its_name(tmp_path):
    from grokbench.conformance.targets import find

    (tmp_path / "one").mkdir()
    other = write(tmp_path / "one", "clip.py", GOOD.format(name="one"))
    file = write(tmp_path, "clip.py", GOOD.format(name="two"))
    _, found = find(str(file), [str(other)])
    assert [plugin.name for plugin in found] == ["two"]
    write(tmp_path / "one", "clip.py", "1 / 0")
    empty = write(tmp_path, "clip.py", "")
    with pytest.raises(PluginError, match=r"yields no plugin"):
        find(str(empty), [str(other)])


def test_every_builtin_loads():
    registry = load_registry()
    assert not registry.broken
    assert set(registry.tasks) == {
        "xor", "sparse_parity", "mnist", "modular_addition", "modular_transformer", "cifar10",
    }  # fmt: skip
    assert set(registry.regularizers) == {
        "baseline", "placebo", "grokfast_ema", "grokfast_ma", "orthograd", "grokalign", "jacobian_level",
        "clip_gradients", "gaussian_noise", "pgd_training", "norm_sphere", "stablemax",
    }  # fmt: skip
    assert {"loss", "accuracy", "weight_norm", "jacobian_norm", "centroid_alignment"} <= set(registry.metrics)
    assert all(p.builtin and len(p.digest) >= 16 for p in registry.regularizers.values())


def test_the_list_of_builtins_holds_every_file_of_their_rooms():
    import pkgutil

    from grokbench import metrics, observers, regularizers, tasks

    files = {
        f"{room.__name__}.{module.name}"
        for room in (tasks, regularizers, metrics, observers)
        for module in pkgutil.iter_modules(room.__path__)
        if not module.name.startswith("_")
    }
    assert set(BUILTINS) == files


def test_a_plugin_file_adds_its_factories(tmp_path):
    file = write(tmp_path, "clip.py", GOOD.format(name="gradient_clip"))
    registry = load_registry([file])
    plugin = registry.regularizers["gradient_clip"]
    assert (plugin.origin, plugin.builtin, plugin.kind) == ("file clip.py", False, "regularizers")
    assert plugin.make({"limit": 0.5}).transform
    assert not registry.broken


def test_the_same_file_twice_is_one_provider(tmp_path):
    file = write(tmp_path, "clip.py", GOOD.format(name="gradient_clip"))
    registry = load_registry([file, str(file), tmp_path / "." / "clip.py"])
    assert "gradient_clip" in registry.regularizers and not registry.broken


def test_a_file_hides_no_other_module(tmp_path):
    load_registry([write(tmp_path, "json.py", GOOD.format(name="gradient_clip"))])
    import json

    assert json.dumps([1]) == "[1]"


BROKEN = {
    "raises on import": ("raise RuntimeError('no such GPU')\n", "RuntimeError: no such GPU"),
    "does not parse": ("def f(:\n", "SyntaxError"),
    "imports what is not there": ("import a_module_not_there\n", "No module named 'a_module_not_there'"),
    "misspells a hook": (
        GOOD.format(name="clip").replace("grokbench_regularizers", "grokbench_regularizer"),
        "no hook is called 'grokbench_regularizer', expected one of: grokbench_tasks, grokbench_regularizers, "
        "grokbench_metrics, grokbench_observers, did you mean 'grokbench_regularizers'?",
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
    assert [broken.origin for broken in registry.broken] == ["file broken.py"]
    assert said in str(registry.broken[0]) and "file broken.py is left out: " in str(registry.broken[0])
    assert {"baseline", "before", "after"} <= set(registry.regularizers)


def test_hooks_of_others_need_no_mark(tmp_path):
    imported = "from grokbench.hookspecs import grokbench_tasks\n" + GOOD.format(name="clip")
    assert not load_registry([write(tmp_path, "clip.py", imported)]).broken


def test_the_line_is_named_that_breaks_a_file(tmp_path):
    (broken,) = load_registry([write(tmp_path, "broken.py", "x = 1\ny = (\n")]).broken
    assert str(broken) == "file broken.py is left out: SyntaxError: '(' was never closed (line 2)"


def test_a_file_of_that_name_in_this_folder_is_pointed_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, "clip.py", GOOD.format(name="other"))
    with pytest.raises(PluginError, match=r"; clip\.py is in this folder: add --plugin clip\.py$"):
        load_registry().get("regularizers", "clip")
    with pytest.raises(PluginError) as read:
        load_registry([file]).get("regularizers", "clip")
    assert "in this folder" not in str(read.value)


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


def test_a_name_registered_twice_names_both_providers(tmp_path):
    files = [write(tmp_path, name, GOOD.format(name="clip")) for name in ("one.py", "two.py")]
    with pytest.raises(PluginError) as caught:
        load_registry(files)
    assert str(caught.value) == (
        "two regularizers are named 'clip': one from file one.py, one from file two.py; rename one of the two factories"
    )


def test_a_name_of_a_builtin_is_taken(tmp_path):
    with pytest.raises(PluginError, match="two .* 'grokalign': one built in, one from file x.py"):
        load_registry([write(tmp_path, "x.py", GOOD.format(name="grokalign"))])


def test_one_name_may_serve_two_kinds(tmp_path):
    registry = load_registry([write(tmp_path, "x.py", GOOD.format(name="xor"))])
    assert "xor" in registry.tasks and "xor" in registry.regularizers


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


class Entry(SimpleNamespace):
    def load(self):
        import importlib.util

        spec = importlib.util.spec_from_file_location(self.module, self.file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def entry(file, package="clipping", module="clipping_plugin"):
    return Entry(name="x", dist=SimpleNamespace(name=package, version="1.2"), file=file, module=module)


def test_an_installed_package_comes_through_its_entry_point(monkeypatch, tmp_path):
    good = entry(write(tmp_path, "good.py", GOOD.format(name="gradient_clip")))
    bad = entry(write(tmp_path, "bad.py", "raise RuntimeError('too old')\n"), "rotten", "rotten_plugin")
    asked = []
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **by: asked.append(by) or [bad, good])
    registry = load_registry()
    assert asked == [{"group": "grokbench"}]
    assert registry.regularizers["gradient_clip"].origin == "package clipping 1.2"
    assert str(registry.broken[0]) == "package rotten 1.2 is left out: RuntimeError: too old"


def factory(
    strength: float = 0.1, count: int = 2, norm: Literal["squared", "frobenius"] = "squared", on: bool = True,
    betas: tuple[float, float] = (0.9, 0.99), needed: str | None = None,
):  # fmt: skip
    """Parameters of every type."""
    if strength > 10:
        raise ValueError("strength must be at most 10, got too much")
    return strength, count, norm, on, betas, needed


PLUGIN = Plugin("regularizers", "method", factory, "file x.py", "0" * 64)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"strength": 1, "count": 3, "norm": "frobenius", "on": False, "betas": [0.5, 0.6], "needed": "a"},
        {"strength": -1e-3, "needed": None},
    ],
)
def test_good_parameters_have_no_faults(given):
    assert list(PLUGIN.faults(given)) == []


@pytest.mark.parametrize(
    ("given", "parameter", "said"),
    [
        ({"strenght": 1.0}, "strenght", "method has no parameter 'strenght', expected one of: strength, count, norm"),
        ({"strenght": 1.0}, "strenght", "did you mean 'strength'?"),
        ({"strength": "high"}, "strength", "expected a valid number, got the text 'high'"),
        ({"strength": True}, "strength", "expected a valid number, got true"),
        ({"count": 2.5}, "count", "expected a valid integer, got the number 2.5"),
        ({"count": "2"}, "count", "expected a valid integer, got the text '2'"),
        ({"norm": "cubed"}, "norm", "expected 'squared' or 'frobenius', got the text 'cubed'"),
        ({"on": 1}, "on", "expected a valid boolean, got the number 1"),
        ({"betas": [0.5]}, "betas", "got a list"),
        ({"betas": 0.5}, "betas", "got the number 0.5"),
    ],
)
def test_wrong_parameters_are_named_with_what_was_expected(given, parameter, said):
    ((name, sentence),) = PLUGIN.faults(given)
    assert name == parameter and said in sentence


def test_a_parameter_without_default_is_asked_for():
    def bare(size: int):
        return size

    plugin = Plugin("tasks", "bare", bare, "file x.py", "")
    assert list(plugin.faults({})) == [("size", "bare needs the parameter 'size', which has no default")]


def test_making_says_what_the_factory_refuses():
    with pytest.raises(PluginError, match=r"method \(file x.py\) refuses its parameters: strength must be at most 10"):
        PLUGIN.make({"strength": 11.0})
    with pytest.raises(PluginError, match="method has no parameter 'nope'"):
        PLUGIN.make({"nope": 1})


def test_resolving_fills_in_defaults_and_writes_numbers_one_way():
    assert PLUGIN.resolve({"count": 3}) == {
        "strength": 0.1, "count": 3, "norm": "squared", "on": True, "betas": (0.9, 0.99), "needed": None,
    }  # fmt: skip
    assert isinstance(PLUGIN.resolve({"strength": 1})["strength"], float)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(PluginError, match="no task 'sparse_party', expected one of: xor, .*did you mean 'sparse_par"):
        load_registry().get("tasks", "sparse_party")


def test_an_edit_of_equal_length_within_a_second_is_seen(tmp_path, monkeypatch):
    """Python's own cache goes by a file's length and whole seconds."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "mine.py"
    source = "from grokbench import Regularizer, hookimpl\n\ndef mine(strength: float = 0.1) -> Regularizer:\n"
    source += '    """Mine."""\n    return Regularizer()\n\n@hookimpl\ndef grokbench_regularizers():\n    yield mine\n'
    for value in ("0.1", "0.2"):
        file.write_text(source.replace("0.1", value), encoding="utf-8")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        found = load_registry([file]).get("regularizers", "mine")
        assert found.parameters["strength"].default == float(value)
    assert not (tmp_path / "__pycache__").exists()


def test_a_plugin_that_ends_the_program_is_left_out(tmp_path):
    (tmp_path / "leaves.py").write_text("import sys\n\nsys.exit(3)\n")
    found = load_registry([tmp_path / "leaves.py"])
    assert [broken.origin for broken in found.broken] == ["file leaves.py"] and "SystemExit: 3" in str(found.broken[0])


def test_a_plugin_file_may_import_the_files_beside_it_and_they_count_in_its_digest(tmp_path):
    mine, helper = tmp_path / "mine.py", tmp_path / "helper.py"
    mine.write_text(
        "from grokbench import Regularizer, hookimpl\n\nfrom . import other\nfrom .helper import GAIN\n\n\n"
        'def mine(gain: float = GAIN) -> Regularizer:\n    """Mine."""\n    return Regularizer()\n\n\n'
        "@hookimpl\ndef grokbench_regularizers():\n    yield mine\n"
    )
    (tmp_path / "other.py").write_text("")
    helper.write_text("GAIN = 0.5\n")
    first = load_registry([mine]).regularizers["mine"]
    helper.write_text("GAIN = 5.0\n")  # of the same length, within the second
    second = load_registry([mine]).regularizers["mine"]
    assert (first.resolve({}), second.resolve({})) == ({"gain": 0.5}, {"gain": 5.0})
    assert first.digest != second.digest


def test_plugin_files_of_one_name_in_two_folders_do_not_meet(tmp_path):
    for folder, name in (("a", "one"), ("b", "two")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(
            "from grokbench import Regularizer, hookimpl\n\n\n"
            f'def {name}() -> Regularizer:\n    """Mine."""\n    return Regularizer()\n\n\n'
            f"@hookimpl\ndef grokbench_regularizers():\n    yield {name}\n"
        )
    registry = load_registry([tmp_path / "a" / "mine.py", tmp_path / "b" / "mine.py"])
    assert {"one", "two"} <= set(registry.regularizers) and not registry.broken


FIELDS = (
    "prepare, init, perturb, objective, penalty, transform, optimizer, project, privileges, neutral, facts, rotates, "
    "revision"
)
BREAKS = {  # how a factory goes wrong, and what is said of it
    "an unknown field": (
        lambda: Regularizer(penality=None),
        f"Regularizer has no field 'penality', expected one of: {FIELDS}, did you mean 'penalty'?",
    ),
    "a field without its name": (
        lambda: Regularizer(None),
        "Regularizer takes its fields by name, as in Regularizer(prepare=...)",
    ),
    "a field left out": (
        lambda: Metric(better="higher"),
        "Metric needs the fields that were left out: 'measure'",
    ),
    "a setting of an optimizer": (
        lambda: AdamW(learning_rate=0.1),
        "AdamW has no field 'learning_rate', expected one of: lr, weight_decay, betas, eps",
    ),
    "something else": (
        lambda: len(3),
        "TypeError: object of type 'int' has no len()",
    ),
}


@pytest.mark.parametrize(("method", "said"), BREAKS.values(), ids=BREAKS)
def test_a_factory_that_breaks_is_told_the_fields_of_the_record(method, said):
    with pytest.raises(PluginError) as caught:
        Plugin("regularizers", "method", method, "file x.py", "").make({})
    assert str(caught.value) == f"method (file x.py) breaks: {said}"
