"""The comparison of a suite with its schema, and messages about the differences."""

from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from grokbench.suite.problems import KeyPath, Problem
from grokbench.suite.schema import SuiteShape, fields_at
from grokbench.text.suggest import did_you_mean, nearest, shown

__all__ = ["expected", "shape_problems"]


def shape_problems(data: Any) -> list[Problem]:
    """List the values of a suite's data that do not fit the schema."""
    try:
        SuiteShape.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        misspelt = {_meant(details["loc"]) for details in found if details["type"] == "extra_forbidden"}
        return [_problem(d) for d in found if not (d["type"] == "missing" and d["loc"] in misspelt)]
    return []


def _meant(path: KeyPath) -> KeyPath:
    """Guess the key path that an unknown key was meant to be, so that this key path is not reported as missing too."""
    return (*path[:-1], nearest(str(path[-1]), fields_at(path[:-1])) or "")


def _problem(details: ErrorDetails) -> Problem:
    path: KeyPath = details["loc"]
    at_key = path[-1:] == ("[key]",) or details["type"] == "extra_forbidden"
    path = path[:-1] if path[-1:] == ("[key]",) else path
    return Problem(path, _sentence(path, details), at_key=at_key)


def _sentence(path: KeyPath, details: ErrorDetails) -> str:
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "suite":
        return str(context["text"])
    if kind == "missing":
        return f"is missing, expected {fields_at(path[:-1])[str(path[-1])].description}"
    if kind == "extra_forbidden":
        names = list(fields_at(path[:-1]))
        return f"an unknown key, expected one of {', '.join(names)}{did_you_mean(str(path[-1]), names)}"
    if kind == "literal_error":
        choices = _choices(fields_at(path[:-1])[str(path[-1])].annotation)
        near = did_you_mean(value, choices) if isinstance(value, str) else ""
        return f"{shown(value)}, expected {expected(details)}{near}"
    return f"{shown(value)}, expected {expected(details)}"


def _choices(annotation: Any) -> list[str]:
    """List the values of a `Literal` anywhere within a type."""
    parts = get_args(annotation)
    return [choice for part in parts for choice in ([part] if isinstance(part, str) else _choices(part))]


def expected(details: ErrorDetails) -> str:
    """Describe the value that pydantic expected, in the words of a suite."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        sign, bound = next(iter(context.items()))
        words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
        return f"{words[sign]} {bound}"
    return {
        "string_type": "text",
        "string_too_short": "text that is not empty",
        "string_too_long": f"at most {context.get('max_length')} characters",
        "string_pattern_mismatch": "letters, digits, '.', '_' and '-' only: it names a folder",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "dict_type": "a mapping (lines 'key: value')",
        "model_type": "a mapping (lines 'key: value')",
        "dataclass_type": "a mapping (lines 'key: value')",
        "list_type": "a list (lines '- item')",
        "tuple_type": "a list",
        "literal_error": context.get("expected"),
        "missing": "one more entry",
        "none_required": "nothing",
        "too_short": "at least one entry",
        "too_long": f"at most {context.get('max_length')} entries",
    }.get(kind) or f"another value ({details['msg']})"
