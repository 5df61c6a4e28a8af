"""Methods that an option adds to a suite, as in `grokbench run quick --with my_method`; options written in YAML."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from grokbench.errors import SuiteError
from grokbench.suite.yaml12 import parse
from grokbench.suite.yaml_places import Document
from grokbench.text.options import Option
from grokbench.text.suggest import short

__all__ = ["TakenLabel", "entries", "with_methods"]

EXPECTED = "expected a regularizer's name, or an entry of a suite such as 'half: {use: grokalign, strength: 0.5}'"


class TakenLabel(SuiteError):
    """An added method has a label that the suite already uses."""


def with_methods(document: Document, methods: Sequence[str]) -> Document:
    """Add regularizers to the document of a suite; their mistakes are reported at the option, not in the file.

    Args:
        document: the suite.
        methods: each is a name or an entry in YAML.

    Raises:
        SuiteError: a method is neither a name nor an entry.
        TakenLabel: the suite already has the label of a method.
    """
    for method in methods:
        for label, entry in entries(method, "methods", EXPECTED).items():
            document = _with_entry(document, label, entry)
    return document


def entries(given: str, keyword: str, expected: str) -> dict[str, Any]:
    """Read the value of an option: a name alone, or entries in YAML.

    Args:
        given: the value.
        keyword: the option's keyword, see `Option`.
        expected: the end of the error message, which says what was expected.

    Raises:
        SuiteError: the value is neither a name nor entries.
    """
    written = parse(given, str(Option(keyword))) if given.strip() else None
    data = {written.data: {}} if written and isinstance(written.data, str) else written and written.data
    if not written or written.problems or not isinstance(data, dict) or not data:
        raise SuiteError(f"{Option(keyword, short(given))}: {expected}")
    return data


def _with_entry(document: Document, label: str, entry: Any) -> Document:
    there = document.data.get("regularizers") if isinstance(document.data, dict) else None
    if not isinstance(there, dict):
        return document  # a mistake in the suite, which is reported elsewhere
    if label in there:
        use = entry.get("use") if isinstance(entry, dict) else None
        other = f"expected another label, such as '{label}_2: {{use: {use if isinstance(use, str) else label}}}'"
        raise TakenLabel(f"{Option('methods', short(label))}: a label that the suite has already, {other}")
    data = document.data | {"regularizers": there | {label: entry}}
    grafts = {**document.grafts, ("regularizers", label): Option("methods")}
    return dataclasses.replace(document, data=data, grafts=grafts)
