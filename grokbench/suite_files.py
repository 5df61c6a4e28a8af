"""Suite files: paths given by the user, and the suites installed with the program."""

import difflib
import os.path
from importlib import resources
from pathlib import Path

from grokbench.errors import SuiteError
from grokbench.text.suggest import did_you_mean, nearest, sentences, short

__all__ = ["committed_results", "find", "shipped_suites"]


def shipped_suites() -> dict[str, Path]:
    """Map the name of every suite installed with the program to its file, sorted by name."""
    files = (Path(str(item)) for item in resources.files("grokbench.suites").iterdir())
    return {file.stem: file for file in sorted(files) if file.suffix == ".yaml"}


def find(name_or_path: str) -> Path:
    """Return the file of a suite.

    Args:
        name_or_path: a path ending in `.yaml`, or the bare name of a shipped suite.

    Raises:
        SuiteError: there is no such file, or no shipped suite of that name.
    """
    path = Path(name_or_path)
    if name_or_path.endswith(".yaml"):
        try:
            there = path.exists() or path.is_symlink()
        except OSError as error:  # the name is too long, or the folder may not be read
            raise SuiteError(f"{short(str(path))}: {error.strerror}, expected a path to a suite") from None
        if not there:
            raise SuiteError(f"{path}: no such file, expected a path to a suite{_suggestion(path)}")
        return path
    shipped = shipped_suites()
    if name_or_path not in shipped:
        near = _of_suffix(path) or did_you_mean(name_or_path, shipped)
        known = f"expected a path ending in .yaml, or one of the shipped suites: {', '.join(shipped)}"
        raise SuiteError(sentences(f"no suite {name_or_path[:200]!r}{near}", known))
    return shipped[name_or_path]


def committed_results(suite: str) -> Path | None:
    """Return the packed results of a suite, `results/<suite>`, in the current folder or in the program's checkout.

    Args:
        suite: the name of the suite.

    Returns:
        The folder; None if there is none, or if the name could lead out of `results`.
    """
    checkout = Path(str(resources.files("grokbench.suites"))).parent
    folders = (root / "results" / suite for root in (Path(), checkout))
    plain = suite == Path(suite).name and suite not in ("", os.curdir, os.pardir)
    return next((folder for folder in folders if plain and (folder / "manifest.json").is_file()), None)


def _of_suffix(path: Path) -> str:
    """Suggest a file or a renaming for a path in `.yml` or `.YAML`, unless a shipped suite has a similar name."""
    if path.suffix.lower() not in (".yml", ".yaml"):
        return ""
    right = path.with_suffix(".yaml")
    if os.path.isfile(path) and not os.path.isfile(right):  # unlike Path.is_file, False if a name is too long
        return f". Rename {short(str(path))} to {short(right.name)}"
    shipped = not os.path.isfile(right) and nearest(path.name, shipped_suites())
    return "" if shipped else f". Did you mean the file {short(str(right))}?"


def _suggestion(path: Path) -> str:
    """Suggest the most similar suite file in the same folder, else the shipped suites."""
    beside = sorted(str(file) for file in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    near = difflib.get_close_matches(str(path), beside, n=1)
    return f". Did you mean {near[0]}?" if near else f" or one of the shipped suites: {', '.join(shipped_suites())}"
