"""Advice about an import that fails in a plugin."""

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from grokbench.plugins.files import PREFIX

__all__ = ["advice", "advice_on"]


def advice_on(error: ModuleNotFoundError) -> str:
    """Return what to do about an error, in the form of `advice`."""
    return advice(error.name or "", traceback.extract_tb(error.__traceback__))


def advice(module: str, frames: Iterable[traceback.FrameSummary]) -> str:
    """Return what to do about a module that was not found.

    Args:
        module: the full name of the module.
        frames: the traceback, outermost frame first.

    Returns:
        The end of a sentence that names the module; empty if there is no advice.
    """
    files = [Path(frame.filename) for frame in frames if not frame.filename.startswith("<")]
    importer = next((file for file in reversed(files) if "importlib" not in file.parts), Path())
    top, _, below = module.partition(".")
    if top.startswith(PREFIX):
        wanted = f"{below.partition('.')[0]}.py"
        return f": {importer.name} imports {wanted}, which is not in the same folder; copy {wanted} there"
    if helper := _beside(importer, top):
        return (
            f": {helper} lies beside {importer.name}, in a folder that Python does not search; write `from .{module} "
            f"import ...` or `from . import {top}`"
        )
    if not top or sys.modules.get(top) is not None:  # installed, but without this module
        return ""
    return f", which is not installed here: pip install {top}"


def _beside(importer: Path, top: str) -> str:
    """Return the name of the file or folder beside a plugin that holds a module; empty without one.

    A plugin with the same name as the library that it wraps does not count.
    """
    if importer.stem in ("", top) or not top.isidentifier():
        return ""
    folder = importer.parent
    return f"{top}.py" if (folder / f"{top}.py").is_file() else f"{top}/" if any((folder / top).glob("*.py")) else ""
