"""Entries of a suite given on the command line, such as `grokbench run quick --with my_method`."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from grokbench.errors import SuiteError
from grokbench.suite.yaml12 import Document, parse
from grokbench.text.suggest import short

__all__ = ["TakenLabel", "entries", "with_methods"]

OPTION = "--with"
EXPECTED = "expected a regularizer's name, or an entry of a suite such as 'half: {use: grokalign, strength: 0.5}'"


class TakenLabel(SuiteError):
    """The label of an added method is in use."""


def with_methods(document: Document, methods: Sequence[str]) -> Document:
    """Add regularizers to the document of a suite; problems with them are reported of `--with`, not of the file.

    Args:
        document: of the suite.
        methods: names, or entries of a suite in YAML.

    Raises:
        SuiteError: a text is neither a name nor an entry.
        TakenLabel: a label is in use.
    """
    for method in methods:
        for label, entry in entries(method, OPTION, EXPECTED).items():
            document = _with_entry(document, label, entry)
    return document


def entries(given: str, option: str, expected: str) -> dict[str, Any]:
    """Parse the value of an option that gives entries.

    Args:
        given: a name, or a YAML mapping of names to parameters.
        option: such as `--with`, for the message.
        expected: for the message.

    Returns:
        Name -> parameters.

    Raises:
        SuiteError: the value is neither.
    """
    written = parse(given, option) if given.strip() else None
    data = {written.data: {}} if written and isinstance(written.data, str) else written and written.data
    if not written or written.problems or not isinstance(data, dict) or not data:
        raise SuiteError(f"{option} {short(given)!r}: {expected}")
    return data


def _with_entry(document: Document, label: str, entry: Any) -> Document:
    there = document.data.get("regularizers") if isinstance(document.data, dict) else None
    if not isinstance(there, dict):
        return document  # a mistake in the suite, reported when it is checked
    if label in there:
        use = entry.get("use") if isinstance(entry, dict) else None
        other = f"expected another one, such as '{label}_2: {{use: {use if isinstance(use, str) else label}}}'"
        raise TakenLabel(f"{OPTION} {short(label)}: a label that the suite has already, {other}")
    data = document.data | {"regularizers": there | {label: entry}}
    origins = {**document.origins, ("regularizers", label): OPTION}
    return dataclasses.replace(document, data=data, origins=origins)
