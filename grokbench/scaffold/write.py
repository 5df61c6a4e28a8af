"""The files that `grokbench new` writes, from templates that are working plugins and tests themselves.

A template calls the plugin `new_name` and its kind `new_kind`; both are replaced as plain text.
"""

import keyword
import re
import tokenize
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from grokbench.errors import PluginError, StoreError
from grokbench.io import atomic

if TYPE_CHECKING:
    from grokbench.plugins import Registry

__all__ = ["check_name", "suite", "write_package", "write_plugin"]

_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PACKAGE = {"pyproject.toml": "pyproject.toml", "README.md": "README.md", ".gitignore": "gitignore"}
_CHECK = ".github/workflows/check.yml"


def check_name(kind: str, name: str, registry: "Registry") -> None:
    """Refuse a name that a new plugin cannot have.

    Args:
        kind: "regularizer", "task", "metric" or "observer".
        name: the name of the plugin, its function and its file.
        registry: the plugins whose names are taken.

    Raises:
        PluginError: the name is malformed, reserved or taken.
    """
    for complaint in chain(_malformed(kind, name), _taken(name, registry)):
        raise PluginError(f"{complaint}; choose another name")


def _malformed(kind: str, name: str) -> Iterator[str]:
    """Return why a text cannot name a plugin and its file."""
    if not _SNAKE.fullmatch(name):
        similar = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").lower()
        example = similar if _SNAKE.fullmatch(similar) else "soft_clip"
        yield f"{name!r} cannot name a {kind}: expected lower-case words joined by underscores, such as {example!r}"
    elif keyword.iskeyword(name):
        yield f"{name!r} is a word of the Python language"
    elif name in _words(_read(f"{kind}.py")) | _words(_read(f"tests/{kind}.py")):
        yield f"{name!r} is a word that the new file itself uses"


def _words(source: str) -> set[str]:
    """Collect the identifiers and keywords of Python source."""
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def _taken(name: str, registry: "Registry") -> Iterator[str]:
    """Return which plugin or Python module already has the name."""
    for plugin in registry:
        if plugin.name == name:
            yield f"there is a {plugin.kind[:-1]} {name!r} already ({plugin.origin})"
    if (module := find_spec(name)) and module.origin:
        yield f"there is a Python module {name!r} already, which {name}.py would hide from the files beside it"


def write_plugin(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a plugin file and its test.

    Args:
        kind: "regularizer", "task", "metric" or "observer".
        name: the plugin's name, see `check_name`.
        folder: the folder to write to, which is made if it does not exist.

    Returns:
        The paths written.

    Raises:
        StoreError: a file exists already (then nothing is written), or the folder cannot be written.
    """
    contents = {folder / f"{name}.py": f"{kind}.py", folder / f"test_{name}.py": f"tests/{kind}.py"}
    for path in contents:
        if path.exists() or path.is_symlink():
            raise StoreError(f"{path} exists already: choose another name, or another folder with --out.")
    for path, template in contents.items():
        atomic.write(path, _filled(template, kind, name).encode())
    return list(contents)


def write_package(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a package that pip can install.

    Args:
        kind: "regularizer", "task", "metric" or "observer".
        name: the plugin's name, see `check_name`.
        folder: the folder in which to make the package's own folder, `grokbench-<name>`.

    Returns:
        The paths written.

    Raises:
        StoreError: the package's folder exists already, or cannot be written.
    """
    module = f"grokbench_{name}"
    test = _filled(f"tests/{kind}.py", kind, name).replace(f"import {name}\n", f"import {module} as {name}\n")
    contents = {path: _filled(f"package/{template}", kind, name) for path, template in _PACKAGE.items()}
    contents[f"src/{module}/__init__.py"] = _filled(f"{kind}.py", kind, name)
    contents[f"tests/test_{name}.py"] = test
    contents[_CHECK] = _filled("package/check.yml", kind, name)
    project = folder / module.replace("_", "-")
    atomic.write_folder(project, {path: content.encode() for path, content in contents.items()})
    return [project / path for path in contents]


def suite(kind: str, name: str) -> str:
    """Return the YAML of a small suite with a new plugin.

    Args:
        kind: "task" or "metric".
        name: the name of the plugin.
    """
    return _filled(f"suites/{kind}.yaml", kind, name)


def _filled(template: str, kind: str, name: str) -> str:
    """Read a template with the placeholders replaced, and `a` before a vowel changed to `an`."""
    text = _read(template).replace("new_name", name).replace("new-name", name.replace("_", "-"))
    article = "n" if kind[0] in "aeiou" else ""
    return re.sub(r"\b([Aa]) new_kind", rf"\1{article} new_kind", text).replace("new_kind", kind)


def _read(template: str) -> str:
    return files("grokbench").joinpath("templates", template).read_text(encoding="utf-8")
