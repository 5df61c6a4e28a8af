"""Problems in a YAML file: what is wrong, and how it is said, one line each."""

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from yaml.error import MarkedYAMLError

__all__ = [
    "MAX_LINES",
    "KeyPath",
    "Place",
    "Problem",
    "did_you_mean",
    "dotted",
    "listing",
    "nearest",
    "short",
    "shown",
    "syntax_hint",
]

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]  # line and column, both from 1

MAX_LINES = 50  # of one error message
MAX_NAMES = 100  # compared in search of the nearest one
_NO_PLACE: Place = (1, 1)

_SYNTAX = (
    (r"more than", "{problem}, expected a suite, which is a page or two"),
    (r"'\\t'|tab", "a tab, expected spaces: YAML is indented with spaces only"),
    (r"found character '(?P<it>.)' that cannot start", "text that begins with {it}, expected it in quotes"),
    (r"chomping or indentation|comment or a line break", 'text that begins with > or |, expected quotes: "> 0.80"'),
    (r"another document", "a second document, expected one suite in one file"),
    (r"mapping values are not allowed", "a colon that starts a value here, expected quotes or another indentation"),
    (r"could not find expected ':'", "a line without a colon, expected 'key: value'"),
    (r"<block end>", "this line does not continue what stands above, expected the indentation of its neighbours"),
    (r"expected ',' or '(?P<it>[\]}])'", "a list or mapping that goes on, expected a comma or a closing {it}"),
    (r"node content", "a value is missing here, expected one, or a comma or a closing bracket before"),
    (r"end of stream", "a quoted text that the file ends in, expected a closing quotation mark"),
    (r"escape", "an unknown escape in a quoted text, expected single quotes or a doubled backslash"),
)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a suite. `place` is found from `path` where it is None."""

    path: KeyPath
    text: str  # "what was wrong, expected ..., did you mean ...?"
    place: Place | None = None
    at_key: bool = False  # the key is wrong, not its value
    origin: str | None = None  # stands for file and place where it is not in the file


def listing(file: str, problems: Iterable[Problem]) -> str:
    """Problems with their places as lines `file:line:column: key.path: text`, in the order of the file."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.place or _NO_PLACE)
    lines = [_line(file, problem) for problem in ordered[:MAX_LINES]]
    return "\n".join([*lines, f"{file}: and more like these"] if len(ordered) > MAX_LINES else lines)


def _line(file: str, problem: Problem) -> str:
    line, column = problem.place or _NO_PLACE
    path = f"{dotted(problem.path)}: " if problem.path else ""
    return f"{problem.origin or f'{file}:{line}:{column}'}: {path}{problem.text}"


def dotted(path: KeyPath) -> str:
    """A key path as people write it: `skip[0].task`, `tasks."a b".epochs`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in path]
    return "".join(parts).removeprefix(".")


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[\w-]{1,60}", key) else json.dumps(short(key), ensure_ascii=not key.isprintable())


def short(text: str, limit: int = 60) -> str:
    """A text cut to `limit` characters for a sentence."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown(value: Any) -> str:
    """A value of a suite in words, short enough for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {short(value)!r}"
    if isinstance(value, int | float):
        return f"the number {short(str(value))}"
    return "a list" if isinstance(value, list) else "a mapping"


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that is most like a word, upper and lower case aside; None if none is."""
    folded = {name.casefold(): name for name in islice(names, MAX_NAMES)}
    near = difflib.get_close_matches(word[:80].casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the nearest name, or nothing; says which letter is not what it looks like."""
    name = nearest(word, names)
    if name is None:
        return ""
    odd = next((letter for letter in word if ord(letter) > 127 and letter not in name), None)
    letter = f" ({odd!r} here is {unicodedata.name(odd, hex(ord(odd)))})" if odd else ""
    return f", did you mean {name!r}?{letter}"


def syntax_hint(error: MarkedYAMLError) -> str:
    """PyYAML's complaint as a sentence about the line it points to."""
    problem = f"{error.problem or error.context}"
    for pattern, sentence in _SYNTAX:
        found = re.search(pattern, problem)
        if found:
            return sentence.format(problem=problem, **found.groupdict())
    return f"this is not YAML: {problem}"
