"""The user's settings file: where suites are trained. It never says what is trained, which is the suite's affair.

The file is `grokbench/settings.yaml` in $XDG_CONFIG_HOME (by default `~/.config`), or the file that $GROKBENCH_SETTINGS
names. It may be missing.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from grokbench.errors import SuiteError
from grokbench.settings.ray import RaySettings
from grokbench.settings.slurm import SlurmSettings
from grokbench.suite.problems import KeyPath, Problem, listing
from grokbench.suite.shapes import expected
from grokbench.suite.yaml12 import read
from grokbench.text.suggest import did_you_mean, shown

__all__ = ["LauncherSettings", "Settings", "load_settings", "settings_file"]

STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class LauncherSettings:
    """The section `launcher:`.

    Attributes:
        name: the launcher that runs without `--launcher` use.
        ray: the settings of the launcher `ray`.
        slurm: the settings of the launcher `slurm`.
    """

    __pydantic_config__ = STRICT

    name: Literal["local", "slurm", "ray"] = "local"
    ray: RaySettings = RaySettings()
    slurm: SlurmSettings = SlurmSettings()


@dataclass(frozen=True)
class Settings:
    """The settings of a user.

    Attributes:
        launcher: where jobs run.
    """

    __pydantic_config__ = STRICT

    launcher: LauncherSettings = field(default_factory=LauncherSettings)


_SETTINGS = TypeAdapter(Settings)


def settings_file() -> Path:
    """Return the path of the settings file, which need not exist."""
    if named := os.environ.get("GROKBENCH_SETTINGS"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "grokbench" / "settings.yaml"


def load_settings() -> Settings:
    """Load the user's settings; without a file, the defaults.

    Raises:
        SuiteError: $GROKBENCH_SETTINGS names no file, the file is not YAML, or it has mistakes. The message has one
            line for each, `file:line:column: key.path: what was wrong, expected ...`.
    """
    file = settings_file()
    if not file.exists():
        if "GROKBENCH_SETTINGS" in os.environ:
            raise SuiteError(f"$GROKBENCH_SETTINGS: there is no file {file}; write it, or unset the variable")
        return Settings()
    if file.is_file() and _says_nothing(file):
        return Settings()
    document = read(file)
    problems = list(document.problems)
    try:
        settings = _SETTINGS.validate_python(document.data or {})
    except ValidationError as error:
        problems += [_problem(details) for details in error.errors(include_url=False)]
    if problems:
        placed = [Problem(p.path, p.text, p.place or document.place(p.path, p.at_key), p.at_key) for p in problems]
        raise SuiteError(listing(str(file), placed))
    return settings


def _says_nothing(file: Path) -> bool:
    """Return whether a file is empty or has only comments."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        return not any(line.partition("#")[0].strip() for line in lines)


def _problem(details: ErrorDetails) -> Problem:
    path: KeyPath = details["loc"]
    if details["type"] == "unexpected_keyword_argument":
        names = list(_names(path[:-1]))
        near = did_you_mean(str(path[-1]), names)
        return Problem(path, f"an unknown key, expected one of {', '.join(names)}{near}", at_key=True)
    return Problem(path, f"{shown(details['input'])}, expected {expected(details)}")


def _names(path: KeyPath) -> Any:
    """Return the keys of a section."""
    section: Any = Settings()
    for key in path:
        section = getattr(section, str(key))
    return section.__dataclass_fields__
