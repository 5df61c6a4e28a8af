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
