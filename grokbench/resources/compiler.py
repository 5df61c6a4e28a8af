"""The C++ compiler that `--compile` needs on a CPU, and the folder that keeps the compiled code."""

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

__all__ = ["code_folder", "compiler", "missing_compiler"]

DEFAULT = {"darwin": "clang++", "win32": "cl"}  # the choices of torch; on other platforms g++


def compiler() -> str:
    """Return the command of the C++ compiler that torch would start."""
    named = shlex.split(os.environ.get("CXX") or "")
    return named[0] if named else DEFAULT.get(sys.platform, "g++")


def missing_compiler() -> str:
    """Describe what this machine lacks to compile code, and the remedy; empty if nothing is missing."""
    if not shutil.which(compiler()):
        return f"there is no C++ compiler {compiler()}: install it, or name another one in $CXX"
    headers = Path(sysconfig.get_paths()["include"])
    if not (headers / "Python.h").is_file():
        return f"{headers} has no Python.h: install Python's headers (Debian: python3-dev)"
    return ""


def code_folder() -> Path:
    """Return the folder of compiled code: $TORCHINDUCTOR_CACHE_DIR, or `grokbench/compiled` in the user's cache."""
    if named := os.environ.get("TORCHINDUCTOR_CACHE_DIR"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "grokbench" / "compiled"
