"""Problems in a YAML file, each with its place, and the lines that report them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from yaml.error import MarkedYAMLError

from grokbench.text.escape import printable
from grokbench.text.options import Option
from grokbench.text.suggest import short

__all__ = [
    "MAX_LINES",
    "KeyPath",
    "Place",
    "Problem",
    "TooLargeError",
    "dotted",
    "listing",
    "syntax_hint",
]

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]  # line and column, counted from 1

MAX_LINES = 50  # most lines of an error message
_NO_PLACE: Place = (1, 1)

_SYNTAX = (
    (r"'\\t'|tab", "a tab, expected spaces: YAML is indented with spaces only"),
    (r"found character '(?P<it>.)' that cannot start", "text that begins with {it}, expected it in quotes"),
    (r"chomping or indentation|comment or a line break", 'text that begins with > or |, expected quotes: "> 0.80"'),
    (r"another document", "a second document, expected one suite in one file"),
    (r"mapping values are not allowed", "a colon that starts a value here, expected quotes or another indentation"),
    (r"could not find expected ':'", "a line without a colon, expected 'key: value'"),
    (r"<block end>", "this line does not continue the lines above, expected the indentation of its neighbours"),
    (
        r"expected ',' or '(?P<it>[\]}])'",
        "the list or mapping neither goes on nor ends here, expected a comma or a closing {it}",
    ),
    (r"node content", "a value is missing here, expected a value here, or a comma or a closing bracket before"),
    (r"end of stream", "the file ends within a quoted text, expected a closing quotation mark"),
    (r"escape", "an unknown escape in a quoted text, expected single quotes or a doubled backslash"),
)


class TooLargeError(MarkedYAMLError):
    """A YAML file has more values, or deeper nesting, than the reader accepts."""


@dataclass(frozen=True)
class Problem:
    """A mistake in a suite.

    Attributes:
        path: the key path.
        text: "what was wrong, expected .... Did you mean ...?".
        place: line and column; None until they have been looked up by `path`.
        at_key: True if the key is wrong, False if its value is.
        origin: the option that added the key path; None for a key path in the file.
    """

    path: KeyPath
    text: str
    place: Place | None = None
    at_key: bool = False
    origin: Option | None = None


def listing(file: str, problems: Iterable[Problem]) -> str:
    """List problems as lines `file:line:column: key.path: text`, in the order of the file.

    Args:
        file: the name of the file in messages.
        problems: the problems, in any order. Equal problems are listed once; a problem without a place is listed first.
    """
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.place or _NO_PLACE)
    lines = [_line(file, problem) for problem in ordered[:MAX_LINES]]
    return "\n".join([*lines, f"{file}: and more like these"] if len(ordered) > MAX_LINES else lines)


def _line(file: str, problem: Problem) -> str:
    line, column = problem.place or _NO_PLACE
    path = f"{dotted(problem.path)}: " if problem.path else ""
    return printable(f"{problem.origin or f'{file}:{line}:{column}'}: {path}{problem.text}")


def dotted(path: KeyPath) -> str:
    """Format a key path for messages: `skip[0].task`, `tasks."a b".epochs`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in path]
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,60}", key) else json.dumps(short(key), ensure_ascii=not key.isprintable())


def syntax_hint(error: MarkedYAMLError) -> str:
    """Turn PyYAML's error into a sentence about the line to which it points."""
    problem = f"{error.problem or error.context}"
    if isinstance(error, TooLargeError):
        return f"{problem}, expected a suite, which is a page or two"
    for pattern, sentence in _SYNTAX:
        found = re.search(pattern, problem)
        if found:
            return sentence.format(problem=problem, **found.groupdict())
    return f"this is not YAML: {problem}"
