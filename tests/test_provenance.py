"""Provenance: what a published number must carry, and nothing that names a machine."""

import getpass
import json
import platform
import subprocess
import sys

import pytest

from grokbench import __version__, provenance


@pytest.fixture(autouse=True)
def _fresh():
    provenance.git_state.cache_clear()


def test_the_environment_is_plain_data_without_paths_or_host_names():
    found = provenance.environment()
    text = json.dumps(found)
    assert found["grokbench"] == __version__ and found["python"] == platform.python_version()
    assert found["torch"] and found["numpy"] and found["scipy"] and found["cores"] >= 1
    assert found["machine"].startswith(found["cpu"])
    assert "/home" not in text and "/tmp" not in text and sys.prefix not in text
    assert platform.node() not in text.split('"') and f"/{getpass.getuser()}" not in text


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    assert provenance.environment()["no-such-package"] is None


def run_git(folder, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_git_state_of_a_tracked_file(tmp_path):
    file = tmp_path / "plugin.py"
    file.write_text("x = 1\n")
    assert provenance.git_state(file) is None
    run_git(tmp_path, "init")
    run_git(tmp_path, "add", "plugin.py")
    run_git(tmp_path, "commit", "-m", "first")
    provenance.git_state.cache_clear()
    state = provenance.git_state(file)
    assert len(state["commit"]) == 40 and state["dirty"] is False
    file.write_text("x = 2\n")
    provenance.git_state.cache_clear()
    assert provenance.git_state(file) == {"commit": state["commit"], "dirty": True}


def test_a_file_that_the_repository_around_it_does_not_track_has_no_state(tmp_path):
    run_git(tmp_path, "init")
    run_git(tmp_path, "commit", "--allow-empty", "-m", "first")
    (tmp_path / "installed.py").touch()
    assert provenance.git_state(tmp_path / "installed.py") is None


def test_without_git_there_is_no_state(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.git_state(tmp_path / "plugin.py") is None


@pytest.fixture
def plugin(tmp_path):
    (tmp_path / "method.py").write_text("from . import _a\nfrom .absent.deep import x\nfrom ._b import y\n")
    (tmp_path / "_a.py").write_text("from ._c import z\n")
    (tmp_path / "_b.py").write_text("from .method import w\n")  # a circle does no harm
    (tmp_path / "_c.py").write_text("z = 1\n")
    (tmp_path / "unrelated.py").write_text("u = 1\n")
    return tmp_path / "method.py"


def test_the_digest_is_that_of_the_file_and_the_siblings_it_imports(plugin, tmp_path):
    before = provenance.source_digest(plugin)
    assert len(before) == 64 and before == provenance.source_digest(str(plugin))
    (tmp_path / "unrelated.py").write_text("u = 2\n")
    assert provenance.source_digest(plugin) == before
    for sibling in ("_a.py", "_b.py", "_c.py", "method.py"):
        (tmp_path / sibling).write_text((tmp_path / sibling).read_text() + "# changed\n")
        after = provenance.source_digest(plugin)
        assert after != before
        before = after


def test_the_digest_does_not_depend_on_the_folder(plugin, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("method.py", "_a.py", "_b.py", "_c.py"):
        (elsewhere / name).write_bytes((tmp_path / name).read_bytes())
    assert provenance.source_digest(elsewhere / "method.py") == provenance.source_digest(plugin)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        provenance.source_digest(tmp_path / "absent.py")
