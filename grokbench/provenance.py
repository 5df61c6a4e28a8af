"""Provenance of numbers: versions, machine, git state.

Provenance holds no path and no host name, because it is published with a leaderboard.
"""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from grokbench import __version__
from grokbench.resources import cores

__all__ = ["device_name", "environment", "git_state"]

PACKAGES = ("torch", "numpy", "scipy")
GIT_SECONDS = 5.0  # a repository on a slow disk must not delay a run


def environment() -> dict[str, Any]:
    """Describe this program and this machine as plain data, without importing torch. This never fails.

    Returns:
        `grokbench`, `python`, `torch`, `numpy`, `scipy`: versions (None if not installed); `platform`, `cpu`, `cores`
        (the number that this process may use), `machine` (processor and cores in words); `git`: see `git_state`.
    """
    cpu, count = _cpu(), cores().amount
    return {
        "grokbench": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": " ".join([platform.system(), platform.machine(), *platform.libc_ver()]).strip(),
        "cpu": cpu,
        "cores": count,
        "machine": f"{cpu}, {count} core{'' if count == 1 else 's'}",
        "git": git_state(Path(__file__)),
    }


def device_name(device: str) -> str:
    """Return the name of a device's hardware: of the processor, or of the GPU."""
    if device == "cpu":
        return str(environment()["cpu"])
    import torch

    return torch.cuda.get_device_name(device)


@cache
def git_state(file: Path) -> dict[str, Any] | None:
    """Find the git state of the repository that tracks a file.

    Returns:
        `commit`, and `dirty`: whether tracked files are changed (None if git does not say). The result is None if no
        repository tracks the file (an installed wheel), if there is no commit yet, or if git is not installed.
    """
    if _git(file.parent, "ls-files", "--error-unmatch", file.name) is None:
        return None
    commit = _git(file.parent, "rev-parse", "HEAD")
    changes = _git(file.parent, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    """Run git in a folder and return its output; None if it fails in any way."""
    quiet = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def _cpu() -> str:
    """Return the processor's model name; without one, its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return (models or [platform.processor() or platform.machine() or "unknown processor"])[0]
