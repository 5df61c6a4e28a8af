"""What an installation holds, and that the files that describe it agree."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

import grokbench

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_version_is_said_once_and_cited_as_such():
    assert PYPROJECT["project"]["dynamic"] == ["version"]
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "grokbench.__version__"}
    assert str(CITATION["version"]) == grokbench.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", grokbench.__version__)


def test_the_installed_version_and_command():
    try:
        assert version("grokbench") == grokbench.__version__
    except PackageNotFoundError:
        pytest.skip("grokbench is on the path, and not installed")
    (command,) = entry_points(group="console_scripts", name="grokbench")
    assert command.value == "grokbench.__main__:main"


def test_the_licence():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("MIT License") and PYPROJECT["project"]["license"] == CITATION["license"] == "MIT"


def test_types_and_suites_are_shipped():
    assert files("grokbench").joinpath("py.typed").is_file()
    shipped = {entry.name for entry in files("grokbench.suites").iterdir() if entry.name.endswith(".yaml")}
    assert shipped == {file.name for file in (ROOT / "suites").glob("*.yaml")}
    package_data = PYPROJECT["tool"]["setuptools"]["package-data"]
    assert package_data == {
        "grokbench": ["py.typed", "templates/**"],
        "grokbench.report.charts": ["fonts/*"],
        "grokbench.report.html": ["report.*"],
        "grokbench.submissions": ["*.json"],
        "grokbench.suites": ["*.yaml"],
    }


def test_every_folder_of_python_is_a_package_that_is_shipped():
    setuptools = PYPROJECT["tool"]["setuptools"]
    inner = [file.parent.relative_to(ROOT) for file in ROOT.glob("grokbench/**/__init__.py")]
    outer = [Path(folder) for folder in ("tasks", "regularizers", "metrics", "suites")]
    expected = {".".join(folder.parts) for folder in inner} | {f"grokbench.{folder}" for folder in outer}
    assert set(setuptools["packages"]) == expected
    assert setuptools["package-dir"] == {"grokbench": "grokbench", **{f"grokbench.{f}": str(f) for f in outer}}
    for folder in outer:
        assert (ROOT / folder / "__init__.py").is_file() and (files(f"grokbench.{folder}") / "__init__.py").is_file()
