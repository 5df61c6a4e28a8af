"""A provider of plugins that could not be loaded: the reason, and the line in its file."""

import traceback
from dataclasses import dataclass
from pathlib import Path

from grokbench.errors import PluginError
from grokbench.plugins.missing import advice_on
from grokbench.records import Origin

__all__ = ["Broken"]

FRAMES = 3  # innermost frames of a traceback that are kept


@dataclass(frozen=True)
class Broken:
    """A provider that could not be loaded.

    Attributes:
        origin: the provider, as in `Plugin.origin`.
        why: the exception in one line, or this program's own message about the provider.
        traceback: the traceback of the exception.
        file: the plugin file, resolved; None for other providers.
        line: the innermost line of that file in the traceback; None if the traceback does not contain the file.
    """

    origin: Origin
    why: str
    traceback: str
    file: Path | None = None
    line: int | None = None

    @classmethod
    def of(cls, origin: Origin, file: Path | None, error: BaseException) -> "Broken":
        """Describe a provider whose loading raised `error`; for `origin` and `file`, see the attributes."""
        text = "".join(traceback.format_exception(error, limit=-FRAMES))
        return cls(origin, _why(error), text, file, _line(error, file) if file else None)

    def __str__(self) -> str:
        """Name the provider, the reason and the line."""
        return f"{self.origin} is left out: {self.why}{f' (line {self.line})' if self.line else ''}"


def _why(error: BaseException) -> str:
    """Return the last line of an exception; for this program's own errors, the message without the type."""
    text = str(error) if type(error) is PluginError else "".join(traceback.format_exception_only(error))
    line = (text.strip().splitlines() or [type(error).__name__])[-1]
    return f"{line}{advice_on(error)}" if isinstance(error, ModuleNotFoundError) else line


def _line(error: BaseException | None, file: Path) -> int | None:
    """Find the innermost line of a file in the traceback of an error, or else of the error that caused it."""
    if error is None:
        return None
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines[-1] if lines else _line(before, file)
