"""The versions of what a user's plugin imports: recorded with its runs, shown by `compare`, and never stale."""

import shutil
from importlib.metadata import version

import pytest

from grokbench.plugins import load_registry
from grokbench.plugins.imported import imported_versions
from grokbench.plugins.owner import Owner
from grokbench.plugins.sources import find_sources
from grokbench.store import Store

from .helpers import tiny
from .helpers.result_folders import edit
from .helpers.tiny import files_of, grokbench, run

IMPORTS = """
import os, torch.nn as nn
import numpy
import no_such_module_anywhere
import grokbench.random
from .beside import helper


def late():
    import rich.console
"""


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "beside.py").write_text("from click import echo\n\nhelper = echo\n")
    (tmp_path / "mine.py").write_text(IMPORTS)
    return tmp_path / "mine.py"


def test_installed_packages_are_found_in_the_file_and_in_those_beside_it(plugin):
    found = imported_versions(find_sources(Owner.of_file(plugin)))
    assert found == {"click": version("click"), "rich": version("rich")}


def test_only_plugins_of_users_are_examined(registry, tmp_path):
    assert not any(plugin.imports for plugin in registry)
    (tmp_path / "p.py").write_text(f"import click\n{tiny.PLUGIN}")
    (steady, *_) = load_registry([tmp_path / "p.py"]).of_file(tmp_path / "p.py")
    assert steady.imports == {"click": version("click")}


def test_a_run_records_versions_and_another_version_is_not_stale_but_another_helper_is(here, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_strength.py").write_text("strength = 1.0\n")
    (tmp_path / "p.py").write_text(f"import click, own_strength\n{tiny.PLUGIN}")
    suite, out = tiny.write(tmp_path), tmp_path / "out"
    options = ("--plugin", tmp_path / "p.py", "--with", "steady", "--seeds", "1000,1001")
    assert run(suite, out, *options).status == 0
    recorded = [one.provenance.get("imports") for one in Store.load(out).runs()]
    assert recorded.count({"click": version("click")}) == 2 and recorded.count(None) == 4
    other = shutil.copytree(out, tmp_path / "other")
    for file in files_of(other, "steady"):
        edit(file, lambda found: found["run"]["provenance"].update(imports={"click": "0.1"}))
    said = " ".join(grokbench("compare", out, other).out.split())
    assert f"version of click, which a plugin imports: {version('click')} in A, 0.1 in B" in said
    assert "no test between cells" not in said
    assert "0 replicas left" in run(suite, other, *options, "--dry-run").out
    (tmp_path / "own_strength.py").write_text("strength = 0.0\n")
    assert "2 replicas left" in run(suite, other, *options, "--dry-run").out
