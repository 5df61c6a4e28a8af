"""Digests of a plugin's source: the plugin's file and the files in the same folder that it imports.

The digest decides whether a stored result was made by the present source, so editing a comment must not change it.
Version 2 therefore leaves out comments, docstrings, blank lines and trailing blanks. Version 1 covers the whole source;
it is kept for comparison with results that have no other digest. Both digests hash text, because the output of
`ast.dump` differs between versions of Python.

Versions 1 and 2 cover the files in the plugin's folder that it imports by `from .name import`. A user's plugin with
other helpers has only a digest of version 3, which covers all helpers. Its results with other versions are then stale,
because it is unknown which helpers made them.
"""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

from grokbench.plugins.sources import Sources

__all__ = ["DIGITS", "code_of", "digests_of", "source_digests", "with_siblings"]

DIGITS = 16  # length of a stored digest
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
NEWLINE = "\0"  # replaces a line end within a string; this character occurs in no source

Span = tuple[int, int]  # offsets in a text: of the first character, and of the one after the last


def source_digests(module_file: str | Path) -> dict[int, str]:
    """Compute the digests of a plugin's file and the files in its folder that it imports, directly or indirectly.

    A digest includes the file names but not the folder, so a plugin has the same digests wherever it is installed.

    Returns:
        Version of the digest -> the first DIGITS hexadecimal digits of a sha256.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: a file is not valid Python.
    """
    files = sorted(with_siblings(Path(module_file)), key=lambda file: file.name)
    sources = [(file.name, file.read_bytes()) for file in files]
    return {1: _digest(sources), 2: _digest((name, code_of(source).encode()) for name, source in sources)}


def digests_of(sources: Sources) -> dict[int, str]:
    """Compute the digests of a user's plugin with all its helpers.

    Helpers without code, such as an empty `__init__.py`, do not count.

    Returns:
        Version of the digest -> its first DIGITS hexadecimal digits: version 3, or versions 1 and 2 if they cover
        all files.

    Raises:
        OSError: a file cannot be read.
        SyntaxError: the plugin's own file, or one that versions 1 and 2 cover, is not valid Python.
    """
    covered = {file.resolve() for file in with_siblings(sources.file)}
    codes = {file: _code_or_bytes(file, content) for file, content in sources.contents.items()}
    if all(file in covered or not code for file, code in codes.items()):
        return source_digests(sources.file)
    return {3: _digest(sorted((sources.name(file), code) for file, code in codes.items() if code))}


def _code_or_bytes(file: Path, content: bytes) -> bytes:
    """Return the code of a Python file; for a compiled module, and for a file that cannot be imported, all bytes."""
    try:
        return code_of(content).encode() if file.suffix == ".py" else content
    except (SyntaxError, ValueError):
        return content


def _digest(contents: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in contents:
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:DIGITS]


def with_siblings(file: Path) -> set[Path]:
    """Find the files that `source_digests` covers, a module's file and the files beside it that it imports."""
    found, waiting = set(), [file]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            names = _relative_imports(current.read_bytes())
            waiting += [path for name in names if (path := file.with_name(f"{name}.py")).exists()]
    return found


@lru_cache(maxsize=4096)  # plugins share siblings
def _relative_imports(source: bytes) -> list[str]:
    """List the siblings that are imported: `a` in `from .a import x`, `a` and `b` in `from . import a, b`."""
    found = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ImportFrom) and n.level == 1]
    return [name for n in found for name in ([n.module.split(".")[0]] if n.module else [a.name for a in n.names])]


@lru_cache(maxsize=4096)  # plugins share siblings, and a process may load them more than once
def code_of(source: bytes) -> str:
    """Cut comments, docstrings, blank lines and trailing blanks out of a module; strings stay unchanged.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    text = _decoded(source)
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    comments, strings = _comments_and_strings(text, starts)
    cut = {*comments, *_docstrings(text, starts)}
    pieces, at = [], 0
    for start, end in sorted({*cut, *strings}, key=lambda span: (span[0], -span[1])):
        if start >= at:  # otherwise the previous span contains this one, as an f-string may contain a comment
            pieces += [text[at:start], "" if (start, end) in cut else text[start:end].replace("\n", NEWLINE)]
            at = end
    lines = ("".join(pieces) + text[at:]).split("\n")
    return "\n".join(line for line in (line.rstrip(" \t\f") for line in lines) if line)


def _decoded(source: bytes) -> str:
    """Decode a source as Python does, by its byte-order mark or encoding comment; every line ends with a newline."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return source.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def _comments_and_strings(text: str, starts: list[int]) -> tuple[list[Span], list[Span]]:
    """Find comments and strings; an f-string counts as one string, with everything in it."""
    comments, strings, opened = list[Span](), list[Span](), list[int]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
        if kind == "COMMENT":
            comments.append((start, end))
        elif kind == "STRING":
            strings.append((start, end))
        elif kind.endswith("STRING_START"):  # since Python 3.12 the parts of an f-string are tokens
            opened.append(start)
        elif kind.endswith("STRING_END"):
            strings.append((opened.pop(), end))
    return comments, strings


def _docstrings(text: str, starts: list[int]) -> Iterator[Span]:
    """Find the statements that are docstrings, with the parentheses around them."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            statement = node.body[0]
            ends = (statement.lineno, statement.col_offset), (statement.end_lineno or 0, statement.end_col_offset or 0)
            start, end = (starts[line - 1] + _column(lines[line - 1], offset) for line, offset in ends)
            yield start, end


def _column(line: str, offset: int) -> int:
    """Turn an offset in bytes of UTF-8, as in syntax trees, into an offset in characters."""
    return len(line.encode()[:offset].decode())
