"""Helpers of a plugin are part of its source, however they are imported."""

import sys
from types import ModuleType

import pytest

from grokbench.errors import PluginError
from grokbench.plugins import load_registry, sources
from grokbench.plugins.digests import digests_of, source_digests
from grokbench.plugins.missing import advice_on
from grokbench.plugins.owner import Owner
from grokbench.plugins.sources import find_sources

from .helpers.plugin_files import GOOD, write

WAYS = {  # the import in the plugin -> the file that it loads
    "import own_helper": "own_helper.py",
    "import own_package.deep.module as m": "own_package/deep/module.py",
    "import own_package": "own_package/__init__.py",
    "from own_helper import f": "own_helper.py",
    "from own_package import module": "own_package/module.py",
    "from own_package.module import *": "own_package/module.py",
    "from own_space import module": "own_space/module.py",
    "def late():\n    from own_helper import f": "own_helper.py",
    "from . import own_helper": "own_helper.py",
    "from .own_package import f": "own_package/__init__.py",
    "from .own_package import module": "own_package/module.py",
    "from .own_package.deep.module import f": "own_package/deep/module.py",
    "import importlib\nimportlib.import_module('own_helper')": "own_helper.py",
    "import importlib\nimportlib.import_module('.own_helper', __package__)": "own_helper.py",
    "from importlib import import_module as load\nload('own_helper')": "own_helper.py",
    "import importlib\ndef late(name='own_'):\n    importlib.import_module(name + 'helper')": "own_helper.py",
    "__import__('own_helper')": "own_helper.py",
    "import runpy\nrunpy.run_path('own_helper.py')": "own_helper.py",
    "exec(open('own_helper.py').read())": "own_helper.py",
    "import own_first": "own_last.py",  # a helper of a helper of a helper
    "from .own_package import climbs": "own_helper.py",
}
FILES = {
    "own_helper.py": "f = 1\n",
    "own_package/__init__.py": "f = 1\n",
    "own_package/module.py": "f = 1\n",
    "own_package/climbs.py": "from ..own_helper import f\n",
    "own_package/deep/__init__.py": "",
    "own_package/deep/module.py": "f = 1\n",
    "own_space/module.py": "f = 1\n",
    "own_first.py": "def late():\n    from own_second import f\n",
    "own_second.py": "import own_last\n",
    "own_last.py": "import own_first\n",  # a circle does no harm
    "own_data.txt": "1",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def digests(file):
    return digests_of(find_sources(Owner.of_file(file)))


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_helper_changes_the_digest(folder, way):
    plugin, helper = write(folder, "mine.py", f"{way}\n"), folder / WAYS[way]
    before = digests(plugin)
    helper.write_text(f"# a comment\n{helper.read_text()}")
    assert digests(plugin) == before or before.keys() == {1, 2} and digests(plugin)[2] == before[2]
    helper.write_text(f"{helper.read_text()}changed = 1\n")
    assert not set(digests(plugin).items()) & set(before.items())


def test_what_is_not_imported_does_not_count(folder):
    plugin = write(folder, "mine.py", "import own_helper, json, click, numpy, grokbench\n")
    found = find_sources(Owner.of_file(plugin))
    assert {file.name for file in found.contents} == {"mine.py", "own_helper.py"}
    assert found.others == {"json", "click", "numpy", "grokbench"}


def test_a_plugin_without_other_helpers_keeps_its_digests(folder):
    plugin = write(folder, "mine.py", "from .own_helper import f\nfrom .own_package import deep\n")
    (folder / "own_package" / "__init__.py").write_text('"""No code."""\n')
    assert digests(plugin) == source_digests(plugin) and digests(plugin).keys() == {1, 2}


def test_the_digest_does_not_depend_on_the_folder(folder, tmp_path_factory):
    plugin = write(folder, "mine.py", "from .own_package.deep.module import f\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("mine.py", *FILES):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    assert digests(elsewhere / "mine.py") == digests(plugin) and digests(plugin).keys() == {3}


def test_a_helper_on_the_path_counts_and_an_installed_one_does_not(folder, tmp_path_factory):
    plugin = write(tmp_path_factory.mktemp("other"), "mine.py", "import own_helper, own_library\n")
    library = tmp_path_factory.mktemp("env") / "site-packages"
    library.mkdir()
    (library / "own_library.py").write_text("f = 1\n")
    sys.path.insert(0, str(library))  # the fixture restores the path
    assert [file.name for file in find_sources(Owner.of_file(plugin)).contents] == ["mine.py", "own_helper.py"]


def test_a_helper_that_only_loading_shows_counts_and_is_read_again(folder):
    disguised = "import importlib\ngetattr(importlib, 'import_' + 'module')('own_' + 'helper')\n"
    plugin = write(folder, "mine.py", disguised + GOOD.format(name="clip"))
    before = load_registry([plugin]).regularizers["clip"].origin
    assert before.digests.keys() == {3} and sys.modules["own_helper"].f == 1
    (folder / "own_helper.py").write_text("f = 25\n")
    after = load_registry([plugin]).regularizers["clip"].origin
    assert not before.agrees_with(after) and sys.modules["own_helper"].f == 25


def test_a_distribution_counts_as_far_as_it_is_imported(folder, monkeypatch):
    (folder / "own_package" / "plugin.py").write_text("import own_package.module\nfrom .deep import module\n")
    (folder / "own_package" / "unrelated.py").write_text("u = 1\n")
    module = ModuleType("own_package.plugin")
    module.__file__ = str(folder / "own_package" / "plugin.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found = find_sources(Owner.of_module(module))
    assert {found.name(file) for file in found.contents} == {
        f"own_package/{name}"
        for name in ("__init__.py", "plugin.py", "module.py", "deep/__init__.py", "deep/module.py")
    }


def test_a_source_without_bounds_is_refused(folder, monkeypatch):
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    plugin = write(folder, "mine.py", "import own_first\n" + GOOD.format(name="clip"))
    (broken,) = load_registry([plugin]).broken
    assert "mine.py and the modules that it imports from its folder or distribution are more than 3 files" in str(
        broken
    )
    assert "expected a plugin in a folder of its own. Move the plugin and" in str(broken)


def test_an_installed_plugin_is_of_its_distribution(folder):
    record = folder / "own_package-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: own-package\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text("[grokbench]\nown = own_package.plugin\n")
    plugin = folder / "own_package" / "plugin.py"
    plugin.write_text("import click, own_package.module\n" + GOOD.format(name="own_clip"))
    before = load_registry().regularizers["own_clip"]
    assert str(before.origin) == "package own-package 1.0" and [*before.imports] == ["click"]
    (folder / "own_package" / "module.py").write_text("f = 2\n")
    assert not before.origin.agrees_with(load_registry().regularizers["own_clip"].origin)


# ---- imports that fail


FAILING = {
    "import mine_helper": "No module named 'mine_helper': mine_helper.py lies beside mine.py, in a folder that Python "
    "does not search; write `from .mine_helper import ...` or `from . import mine_helper`",
    "from mine_package.deep import f": "No module named 'mine_package': mine_package/ lies beside mine.py, in a folder "
    "that Python does not search; write `from .mine_package import ...` or `from . import mine_package`",
    "import not_here.deep": "No module named 'not_here', which is not installed here: pip install not_here",
    "from .not_here import f": "mine.py imports not_here.py, which is not in the same folder; copy not_here.py there",
    "import mine": "No module named 'mine', which is not installed here: pip install mine",  # the library that it wraps
    "import json.not_here": "No module named 'json.not_here' (line 1)",
}


@pytest.mark.parametrize("statement", FAILING)
def test_a_failing_import_says_what_works(tmp_path, statement):
    (tmp_path / "mine_helper.py").write_text("f = 1\n")
    (tmp_path / "mine_package").mkdir()
    (tmp_path / "mine_package" / "deep.py").write_text("f = 1\n")
    (broken,) = load_registry([write(tmp_path, "mine.py", f"{statement}\n")]).broken
    assert FAILING[statement] in str(broken)


def test_an_import_that_fails_in_a_factory_says_what_works(tmp_path):
    (tmp_path / "mine_helper.py").write_text("f = 1\n")
    text = GOOD.format(name="clip").replace("    return", "    import mine_helper\n\n    return", 1)
    plugin = load_registry([write(tmp_path, "mine.py", text)]).regularizers["clip"]
    with pytest.raises(PluginError, match="needs the Python module 'mine_helper': mine_helper.py lies beside mine.py"):
        plugin.make({})


def test_an_error_without_a_name_has_no_advice():
    assert advice_on(ModuleNotFoundError("odd")) == ""
