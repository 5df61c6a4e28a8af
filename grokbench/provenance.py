"""Where numbers come from: versions, machine, git state, digests of source files.

Nothing here holds a path or a host name, since provenance is published with a leaderboard.
"""

import ast
import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from grokbench import __version__

__all__ = ["environment", "git_state", "source_digest"]

PACKAGES = ("torch", "numpy", "scipy")
GIT_SECONDS = 5.0  # a repository on a slow disk is no reason to hold up a run


def environment() -> dict[str, Any]:
    """Plain data about this program and this machine; never fails, and torch is not imported.

    Returns:
        `grokbench`, `python`, `torch`, `numpy`, `scipy`: versions (None where not installed); `platform`, `cpu`,
        `cores` (those this process may use), `machine` (both in words); `git`: see `git_state`.
    """
    cpu, cores = _cpu(), _cores()
    return {
        "grokbench": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": " ".join([platform.system(), platform.machine(), *platform.libc_ver()]).strip(),
        "cpu": cpu,
        "cores": cores,
        "machine": f"{cpu}, {cores} core{'' if cores == 1 else 's'}",
        "git": git_state(Path(__file__)),
    }


@cache
def git_state(file: Path) -> dict[str, Any] | None:
    """The `commit` of the repository that tracks `file`, and whether tracked files are changed (`dirty`).

    None where no repository tracks it (an installed wheel), it has no commit yet, or git is not there.
    """
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return None
    commit = _git(file.parent, "rev-parse", "HEAD")
    changes = _git(file.parent, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": None if changes is None else bool(changes)}


def source_digest(module_file: str | Path) -> str:
    """The sha256, in hexadecimal, of a plugin's file and the files beside it that it imports, directly or not.

    File names count, their folder does not: the same plugin has the same digest wherever it is installed.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is no Python.
    """
    digest = hashlib.sha256()
    for file in sorted(_with_siblings(Path(module_file)), key=lambda file: file.name):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _with_siblings(file: Path) -> set[Path]:
    found, waiting = set(), [file]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            names = _relative_imports(ast.parse(current.read_bytes()))
            waiting += [path for name in names if (path := file.with_name(f"{name}.py")).exists()]
    return found


def _relative_imports(module: ast.Module) -> Iterator[str]:
    """`a` of `from .a import x`, `a` and `b` of `from . import a, b`."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            yield from [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where it fails in any way."""
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _cpu() -> str:
    """The processor's model as its maker names it, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return (models or [platform.processor() or platform.machine() or "unknown processor"])[0]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
