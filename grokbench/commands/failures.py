"""What is said of replicas that failed: for each cell what went wrong, where in a plugin, and what to do next."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from grokbench.conformance.advice import OF_THE_STEP, words
from grokbench.conformance.subjects import Subject
from grokbench.engine.out_of_memory import tells_of_exhaustion
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin
from grokbench.plugins.source_lines import frames, innermost_frame, written
from grokbench.records import Cell, Run
from grokbench.store.status import alike
from grokbench.text.escape import printable

__all__ = ["explained", "explanations"]

TORCHS = ("RuntimeError", "ValueError", "IndexError", "NotImplementedError")  # what torch raises
# Groups are halved where memory runs out, down to two seeds.
LESS = "Next: two seeds of this cell do not fit; a CUDA device that is named once (--device cuda:0) has one worker"
_EXCEPTION = re.compile(r"^(?P<type>[\w.]+)(: (?P<said>.*))?$")


def explanations(failed: Sequence[tuple[Cell, Run]], registry: Registry, files: Sequence[str]) -> Iterator[str]:
    """A paragraph for each cell and error; `files` are the plugin files as they were given."""
    cells = {cell.key: cell for cell, _ in failed}
    for key, cell in cells.items():
        runs = [run for other, run in failed if other.key == key]
        for error, seeds in alike(runs).items():
            lines = explained(error, cell, registry, files).splitlines()
            yield "\n".join(map(printable, [f"{cell.name}, {seeds}:", *lines]))


def explained(error: str, cell: Cell, registry: Registry, files: Sequence[str]) -> str:
    """A traceback in two or three lines; what is no traceback is a sentence for the user already."""
    exception = _exception(error)
    if not exception:
        return error.strip()
    if tells_of_exhaustion(*exception):
        return f"{_in_words(*exception)}\n{LESS}"
    own = [plugin for plugin in _plugins(cell, registry) if not plugin.builtin]
    sources = {plugin.name: Subject(plugin, registry).file.resolve() for plugin in own}
    within = (innermost_frame(frames(error), file) for file in sources.values())
    frame = next(filter(None, within), None)
    blamed = [plugin for plugin in own if frame and Path(frame.filename).resolve() == sources[plugin.name]] or own
    checks = dict.fromkeys(f"grokbench check {_named(plugin, files)}" for plugin in blamed)
    place = [f"At {written(frame)}"] if frame else []
    return "\n".join([_in_words(*exception), *place, *(f"Next: {check}" for check in checks)])


def _exception(error: str) -> tuple[str, str] | None:
    """Type and message of the exception that a traceback ends with; a message may have several lines."""
    _, traceback, end = error.rpartition('\n  File "')
    last = next((line for line in end.splitlines()[1:] if not line.startswith(" ")), "") if traceback else ""
    found = _EXCEPTION.match(last)
    return (found["type"].rpartition(".")[2], (found["said"] or "").rstrip(". ")) if found else None


def _in_words(kind: str, said: str) -> str:
    if known := OF_THE_STEP.get(kind):
        return known.what
    if kind in TORCHS and (known := words(said)):
        return known.told(said)
    return f"{kind}: {said}" if said else kind


def _plugins(cell: Cell, registry: Registry) -> Iterator[Plugin]:
    """The cell's methods first, since what is new is mostly one of them."""
    names = [origin.split(".", maxsplit=1) for origin in cell.origins]
    for kind, name in sorted(names, key=lambda each: each[0] != "regularizers"):
        if plugin := getattr(registry, kind).get(name):
            yield plugin


def _named(plugin: Plugin, files: Sequence[str]) -> str:
    """As `grokbench check` takes it."""
    given = next((file for file in files if plugin.file == Path(file).resolve()), plugin.name)
    return shlex.quote(given)
