"""Checks of single values in a suite, for pydantic; each raises an error that says what was expected."""

from typing import Any

from pydantic import ValidatorFunctionWrapHandler
from pydantic_core import PydanticCustomError

from grokbench.criterion import EXPECTED, parse_condition
from grokbench.data.published import PUBLISHED
from grokbench.text.suggest import did_you_mean, shown
from grokbench.validation import is_count

__all__ = [
    "MAX_EPOCHS",
    "STOPS",
    "check_condition",
    "check_every",
    "check_stop",
    "check_unverified_data",
    "check_use",
    "check_weights",
]

MAX_EPOCHS = 10_000_000
STOPS = ("grokked", "budget", "hold")  # values of `stop` that are words


def check_condition(value: Any) -> Any:
    """Return a criterion's condition, such as "> 0.9", if it can be parsed."""
    try:
        parse_condition(value)
    except ValueError:
        raise _wrong(value, EXPECTED) from None
    return value


def check_stop(value: Any) -> Any:
    """Return the value of `stop` if it is grokked, budget, hold, {sustained: k} or {hold: H}."""
    (key, number) = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else (None, None)
    if value is None or value in STOPS or (key in ("sustained", "hold") and _is_count(number)):
        return value
    near = did_you_mean(value, STOPS) if isinstance(value, str) else ""
    raise _wrong(
        value,
        "grokked, budget, {sustained: k} with k >= 1 evaluations, {hold: H} with H >= 1 epochs, or hold for the task's "
        f"default H{near}",
    )


def check_every(value: Any, epochs: ValidatorFunctionWrapHandler) -> Any:
    """Return the value of `every` if it is {per_decade: k} or a number of epochs.

    Args:
        value: the value in the suite file.
        epochs: pydantic's own check of a number of epochs.
    """
    if isinstance(value, dict) and len(value) == 1 and _is_count(value.get("per_decade")):
        return value
    if isinstance(value, dict | list | str):
        raise _wrong(value, "a number of epochs, or {per_decade: k} with k of at least 1")
    return epochs(value)


def check_use(value: Any) -> Any:
    """Return the value of `use` if it is a name, or a list of different names."""
    names = value if isinstance(value, list) else [value]
    if value is not None and not (names and all(isinstance(name, str) and name for name in names)):
        raise _wrong(value, "the name of a plugin, or a list of names to combine")
    if len(set(names)) < len(names):
        raise _wrong(value, "every plugin once in a combination")
    return value


def check_labels(value: Any) -> Any:
    """Return the value of `task` or `regularizer` of a skip if it is a label, or a list of different labels."""
    labels = value if isinstance(value, list) else [value]
    if not (labels and all(isinstance(label, str) and label for label in labels)):
        raise _wrong(value, "a label, or a list of labels")
    if len(set(labels)) < len(labels):
        raise _wrong(value, "every label once")
    return value


def check_weights(value: Any) -> Any:
    """Return the value of `weights` if it is final, a list of epochs, or {epochs: [...], final: true or false}."""
    parts = value if isinstance(value, dict) else {"epochs": value} if isinstance(value, list) else {}
    epochs, final = parts.get("epochs", []), parts.get("final", False)
    sound = isinstance(epochs, list) and all(epoch == 0 or _is_count(epoch) for epoch in epochs)
    sound = sound and isinstance(final, bool) and bool(parts) and parts.keys() <= {"epochs", "final"}
    if value in (None, "final") or sound:
        return value
    near = did_you_mean(value, ["final"]) if isinstance(value, str) else ""
    raise _wrong(value, f"final, a list of epochs, or {{epochs: [...], final: true}}{near}")


def check_unverified_data(value: Any) -> Any:
    """Return the value of `unverified_data` if it is a list of data sets that are normally verified."""
    unknown = [name for name in value if name not in list(PUBLISHED)] if isinstance(value, list) else []
    if value is None or (isinstance(value, list) and not unknown):
        return value
    near = did_you_mean(unknown[0], PUBLISHED) if unknown and isinstance(unknown[0], str) else ""
    raise _wrong(value, f"a list of data sets: {', '.join(PUBLISHED)}{near}")


def _wrong(value: Any, expected: str) -> PydanticCustomError:
    return PydanticCustomError("suite", "{text}", {"text": f"{shown(value)}, expected {expected}"})


def _is_count(value: Any) -> bool:
    return is_count(value) and value <= MAX_EPOCHS
