"""A reader of YAML 1.2 that records the place of every key and value.

PyYAML parses the file. Scalars are read by the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema), so
`1e-3` is a number and `no`, `on` and `1:30` are text. Aliases, anchors, tags, merges, repeated keys and a second
document are refused; size, depth and number of nodes are bounded, so that no file can stall the program.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yaml.error import MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from grokbench.errors import SuiteError
from grokbench.suite.problems import KeyPath, Place, Problem, listing, syntax_hint
from grokbench.suite.yaml_composer import BoundedComposer, blamed, mark_place
from grokbench.suite.yaml_places import Document
from grokbench.text.suggest import short

__all__ = ["MAX_BYTES", "parse", "plain_scalar", "read"]

MAX_BYTES = 100_000
MAX_DIGITS = 100

# Characters that YAML forbids, and line breaks on which YAML 1.1 and 1.2 disagree.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class _Builder:
    """A converter of composed nodes into data, which notes places and problems."""

    def __init__(self) -> None:
        self.keys: dict[KeyPath, Place] = {}
        self.values: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []

    def build(self, node: Node, path: KeyPath) -> Any:
        self.values[path] = mark_place(node.start_mark)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return dict(self._items(node, path))
        return self._scalar(node, path) if isinstance(node, ScalarNode) else None

    def _items(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        seen: dict[str, Place] = {}
        for key_node, value_node in node.value:
            place = mark_place(key_node.start_mark)
            key = self._key(key_node, path)
            if key in seen:
                text = f"a second {short(key)!r}, the first is in line {seen[key][0]}, expected every key once"
                self.problems.append(Problem((*path, key), text, place))
                continue
            seen[key] = self.keys[*path, key] = place
            yield key, self.build(value_node, (*path, key))

    def _key(self, node: Node, path: KeyPath) -> str:
        place = mark_place(node.start_mark)
        if not isinstance(node, ScalarNode):
            self.problems.append(Problem(path, "a key that is a list or a mapping, expected text", place))
            return f"line {place[0]} column {place[1]}"
        name = str(node.value) if node.style is None else self._quoted(node, path)
        if node.style is None and name == "<<":
            self.problems.append(Problem(path, "the merge key '<<', expected the keys themselves", place))
        elif not isinstance(self._scalar(node, path), str):
            text = f'the key {short(name) or "(empty)"} is not text, expected it in quotes: "{short(name)}"'
            self.problems.append(Problem(path, text, place))
        return name

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        if node.style is not None:
            return self._quoted(node, path)
        if len(node.value) > MAX_DIGITS and (_INT.fullmatch(node.value) or _FLOAT.fullmatch(node.value)):
            text = f"a number of {len(node.value)} digits, expected at most {MAX_DIGITS}"
            self.problems.append(Problem(path, text, mark_place(node.start_mark)))
            return None
        return plain_scalar(node.value)

    def _quoted(self, node: ScalarNode, path: KeyPath) -> str:
        text = str(node.value)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            self.problems.append(
                Problem(path, "an escape that does not stand for a Unicode character", mark_place(node.start_mark))
            )
            return ascii(text)
        return text


def plain_scalar(text: str) -> Any:
    """Read an unquoted scalar by the YAML 1.2 core schema."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:] if base != 10 else text, base)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def parse(text: str, file: str) -> Document:
    """Read a YAML text; problems that do not end the reading, such as repeated keys, are kept in the document.

    Args:
        text: the YAML.
        file: the name of the file in messages.

    Raises:
        SuiteError: the text is not YAML, is empty or is too large; the message includes the problems found so far.
    """
    _check_characters(text, file)
    composer, builder = BoundedComposer(text), _Builder()
    try:
        root = composer.get_single_node()
    except (ValueError, OverflowError):  # of chr(), for "\U00110000"
        place = mark_place(composer.get_mark())
        raise SuiteError(
            listing(file, [Problem((), "an escape that does not stand for a Unicode character", place)])
        ) from None
    except MarkedYAMLError as error:
        place = mark_place(blamed(error))
        raise SuiteError(listing(file, [*composer.problems, Problem((), syntax_hint(error), place)])) from None
    if root is None:
        raise SuiteError(f"{file}:1:1: the file is empty, expected a suite")
    data = builder.build(root, ())
    return Document(file, data, builder.keys, builder.values, (*composer.problems, *builder.problems))


def read(path: str | Path) -> Document:
    """Read a YAML file in UTF-8 of at most MAX_BYTES.

    Raises:
        SuiteError: the file cannot be read, is too large or is not UTF-8, or `parse` raises the error.
    """
    raw = _read_bytes(Path(path))
    if len(raw) > MAX_BYTES:
        line, column = _count(raw[:MAX_BYTES].decode("utf-8", "replace"))
        text = f"more than {MAX_BYTES} bytes, expected a suite, which is a page or two"
        raise SuiteError(f"{path}:{line}:{column}: {text}")
    try:
        return parse(raw.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        line, column = _count(raw[: error.start].decode("utf-8", "replace"))
        text = f"the byte 0x{raw[error.start]:02x} is not UTF-8, expected the file saved as UTF-8"
        raise SuiteError(f"{path}:{line}:{column}: {text}") from None


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise SuiteError(f"{path}: this is a folder, expected a suite file ending in .yaml")
        if path.exists() and not path.is_file():
            raise SuiteError(f"{path}: this is not an ordinary file, expected a suite file ending in .yaml")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SuiteError(f"{path}: cannot be read ({reason}), expected a suite file ending in .yaml") from None


def _check_characters(text: str, file: str) -> None:
    found = _FORBIDDEN.search(text)
    if found:
        line, column = _count(text[: found.start()])
        character = f"U+{ord(found.group()):04X}"
        raise SuiteError(f"{file}:{line}:{column}: the character {character} is not allowed in a suite, remove it")


def _count(before: str) -> Place:
    return before.count("\n") + 1, len(before) - before.rfind("\n")
