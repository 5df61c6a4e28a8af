"""Explanations of why a factory fails. Where Python's message names a constructor, the explanation names fields."""

import re
from dataclasses import fields
from typing import Any

from grokbench.plugins.missing import advice_on
from grokbench.text.suggest import did_you_mean

__all__ = ["refusal"]

_UNKNOWN = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required .*arguments?: (.+)")
_UNNAMED = re.compile(r"(\w+)\.__init__\(\) takes .*positional arguments? but")


def refusal(error: Exception) -> str:
    """Describe why a factory failed, in words that follow its name: `refuses its parameters: ...`, for example."""
    if isinstance(error, ModuleNotFoundError):
        if advice := advice_on(error):
            return f"needs the Python module {(error.name or '').partition('.')[0]!r}{advice}"
    if isinstance(error, ValueError):
        return f"refuses its parameters: {error}"
    return f"breaks: {_about_fields(error) or f'{type(error).__name__}: {error}'}"


def _about_fields(error: Exception) -> str:
    """Describe the wrong fields of a record; empty if the error has another cause."""
    said = str(error) if isinstance(error, TypeError) else ""
    for pattern in (_UNKNOWN, _MISSING, _UNNAMED):
        if (found := pattern.match(said)) and (known := _fields(found[1])):
            if pattern is _UNKNOWN:
                near = did_you_mean(found[2], known)
                return f"{found[1]} has no field {found[2]!r}, expected one of: {', '.join(known)}{near}"
            if pattern is _MISSING:
                return f"{found[1]} needs the fields that were left out: {found[2]}"
            return f"{found[1]} takes its fields by name, as in {found[1]}({known[0]}=...)"
    return ""


def _fields(record: str) -> list[str]:
    """List the fields of a class of records that factories make; none for another class."""
    # Imported only here, because shell completion works without torch.
    from grokbench import SGD, AdamW, Metric, Observer, Regularizer, Task

    made: tuple[Any, ...] = (Regularizer, Task, Metric, Observer, SGD, AdamW)
    return [field.name for each in made if each.__name__ == record for field in fields(each)]
