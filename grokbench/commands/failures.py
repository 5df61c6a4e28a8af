"""Explanations of failed replicas: for each cell the error, its line in a plugin, and what to do next."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from grokbench.conformance.advice import OF_THE_STEP, explain
from grokbench.conformance.subjects import Subject
from grokbench.engine.out_of_memory import describes_exhaustion
from grokbench.plugins import Registry
from grokbench.plugins.missing import advice
from grokbench.plugins.plugin import Plugin
from grokbench.plugins.source_lines import frames, innermost_frame, written
from grokbench.records import Cell, Run
from grokbench.store.status import alike
from grokbench.text.escape import printable

__all__ = ["explained", "explanations"]

TORCH_ERRORS = ("RuntimeError", "ValueError", "IndexError", "NotImplementedError")  # the types that torch raises
# Groups are halved when memory runs out, down to two seeds.
OUT_OF_MEMORY = "Next: two seeds of this cell do not fit in memory; --device cuda:0 starts one worker instead of two"
_MISSING = re.compile(r"No module named '([\w.]+)'")
_EXCEPTION = re.compile(r"^(?P<type>[\w.]+)(: (?P<said>.*))?$")


def explanations(failed: Sequence[tuple[Cell, Run]], registry: Registry, files: Sequence[str]) -> Iterator[str]:
    """Explain failed replicas, one paragraph for each cell and error.

    Args:
        failed: the failed runs, each with its cell.
        registry: the plugins of the suite.
        files: the plugin files as the user gave them.
    """
    cells = {cell.key: cell for cell, _ in failed}
    for key, cell in cells.items():
        runs = [run for other, run in failed if other.key == key]
        for error, seeds in alike(runs).items():
            lines = explained(error, cell, registry, files).splitlines()
            yield "\n".join(map(printable, [f"{cell.name}, {seeds}:", *lines]))


def explained(error: str, cell: Cell, registry: Registry, files: Sequence[str]) -> str:
    """Explain an error in two or three lines: what went wrong, where, and what to do next.

    Args:
        error: a traceback. Any other text is already a message for the user, and is returned unchanged.
        cell: the cell of the failed replica.
        registry: the plugins of the suite.
        files: the plugin files as the user gave them.
    """
    exception = _exception(error)
    if not exception:
        return error.strip()
    if describes_exhaustion(*exception):
        return f"{_in_words(*exception)}\n{OUT_OF_MEMORY}"
    own = [plugin for plugin in _plugins(cell, registry) if not plugin.builtin]
    sources = {plugin.name: Subject(plugin, registry).file.resolve() for plugin in own}
    within = (innermost_frame(frames(error), file) for file in sources.values())
    frame = next(filter(None, within), None)
    blamed = [plugin for plugin in own if frame and Path(frame.filename).resolve() == sources[plugin.name]] or own
    checks = dict.fromkeys(f"grokbench check {_named(plugin, files)}" for plugin in blamed)
    place = [f"At {written(frame)}"] if frame else []
    missing = _MISSING.fullmatch(exception[1]) if exception[0] == "ModuleNotFoundError" else None
    more = advice(missing[1], frames(error)) if missing else ""
    return "\n".join([f"{_in_words(*exception)}{more}", *place, *(f"Next: {check}" for check in checks)])


def _exception(error: str) -> tuple[str, str] | None:
    """Return the type of the exception in a traceback and the first line of its message; None for any other text."""
    _, traceback, end = error.rpartition('\n  File "')
    last = next((line for line in end.splitlines()[1:] if not line.startswith(" ")), "") if traceback else ""
    found = _EXCEPTION.match(last)
    return (found["type"].rpartition(".")[2], (found["said"] or "").rstrip(". ")) if found else None


def _in_words(kind: str, said: str) -> str:
    """Explain an exception by its type and message."""
    if known := OF_THE_STEP.get(kind):
        return known.what
    if kind in TORCH_ERRORS and (known := explain(said)):
        return known.sentence(said)
    return f"{kind}: {said}" if said else kind


def _plugins(cell: Cell, registry: Registry) -> Iterator[Plugin]:
    """Yield the cell's plugins, methods first, because most plugins of users are methods."""
    names = [origin.split(".", maxsplit=1) for origin in cell.origins]
    for kind, name in sorted(names, key=lambda each: each[0] != "regularizers"):
        if plugin := getattr(registry, kind).get(name):
            yield plugin


def _named(plugin: Plugin, files: Sequence[str]) -> str:
    """Return the plugin's file as the user gave it, or else the plugin's name; both are quoted for a shell."""
    given = next((file for file in files if plugin.file == Path(file).resolve()), plugin.name)
    return shlex.quote(given)
