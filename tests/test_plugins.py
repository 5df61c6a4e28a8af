"""Loading plugins one provider at a time: files, built-ins, installed packages, and names that meet."""

import importlib.metadata
import os
import sys
from types import SimpleNamespace

import pytest

from grokbench.errors import PluginError
from grokbench.plugins import BUILTINS, load_registry

from .helpers.plugin_files import GOOD, write

pytestmark = pytest.mark.usefixtures("nothing_installed")


def test_files_of_one_name_are_distinguished(tmp_path, monkeypatch):
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(write(tmp_path / name, "clip.py", GOOD.format(name=name)))
    registry = load_registry(files)
    assert [plugin.name for plugin in registry.of_file(files[1])] == ["two"]
    assert {str(plugin.origin) for file in files for plugin in registry.of_file(file)} == {"file clip.py"}
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
        "logit_temperature", "label_smoothing", "spectral_decoupling", "radial_suppression", "l1", "l2_to_init",
        "dropout", "gradient_noise", "clip_to_grok", "neuralgrok",
        "muon", "egd", "soap", "schedule_free", "sam", "lookahead", "ema", "swa", "cosine", "warm_up",
    }  # fmt: skip
    assert {"loss", "accuracy", "weight_norm", "jacobian_norm", "centroid_alignment"} <= set(registry.metrics)
    assert all(p.builtin and len(p.origin.digest) == 16 for p in registry.regularizers.values())


def test_the_list_of_builtins_holds_every_file_of_their_rooms():
    import pkgutil

    from grokbench import metrics, observers, regularizers, tasks

    files = {
        f"{package.__name__}.{module.name}"
        for package in (tasks, regularizers, metrics, observers)
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_")
    }
    assert set(BUILTINS) == files


def test_a_plugin_file_adds_its_factories(tmp_path):
    file = write(tmp_path, "clip.py", GOOD.format(name="gradient_clip"))
    registry = load_registry([file])
    plugin = registry.regularizers["gradient_clip"]
    assert (str(plugin.origin), plugin.builtin, plugin.kind) == ("file clip.py", False, "regularizers")
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


def test_a_file_of_that_name_in_this_folder_is_pointed_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, "clip.py", GOOD.format(name="other"))
    with pytest.raises(PluginError, match=r"; clip\.py is in this folder: add --plugin clip\.py$"):
        load_registry().get("regularizers", "clip")
    with pytest.raises(PluginError) as read:
        load_registry([file]).get("regularizers", "clip")
    assert "in this folder" not in str(read.value)


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
    assert str(registry.regularizers["gradient_clip"].origin) == "package clipping 1.2"
    assert str(registry.broken[0]) == "package rotten 1.2 is left out: RuntimeError: too old"


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(PluginError, match="no task 'sparse_party', expected one of: xor, .*Did you mean 'sparse_par"):
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
    assert not first.origin.agrees_with(second.origin)


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
