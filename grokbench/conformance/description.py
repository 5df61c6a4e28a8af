"""Questions for every plugin before anything runs: its docstring, parameters, defaults and record."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from typing import Any

import numpy
from torch import Tensor

from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.signatures import record_faults
from grokbench.conformance.subjects import Subject

__all__ = ["QUESTIONS", "RECORD"]

RECORD = "record"  # the question on which all other questions depend
RECORDS = {  # kind of plugin -> an article, and the class that its factories make
    "tasks": ("a", "Task"),
    "regularizers": ("a", "Regularizer"),
    "metrics": ("a", "Metric"),
    "observers": ("an", "Observer"),
}
MUTABLE = (list, dict, set, bytearray, numpy.ndarray, Tensor)


def is_described(subject: Subject) -> Answer:
    """Check that the docstring, which `grokbench list` and `show` print, begins with a sentence."""
    plugin = subject.plugin
    first = (inspect.getdoc(plugin.factory) or "").partition("\n")[0]
    fix = f"begin the docstring of {plugin.name} with a sentence of 10 to 160 characters that ends with a full stop"
    if not first:
        return failed(f"{plugin.name} has no docstring", fix)
    if not (first.endswith((".", ":")) and 10 < len(first) < 160):
        return failed(f"the docstring of {plugin.name} begins with {first!r}", fix)
    return passed()


def has_types_and_defaults(subject: Subject) -> Answer:
    """Check that every parameter has a type, so that a suite can be checked, and a default of that type."""
    plugin = subject.plugin
    for name, parameter in plugin.parameters.items():
        if parameter.annotation is parameter.empty:
            return failed(f"the parameter {name!r} has no type", f"annotate it: {name}: float = ...")
        if parameter.default is parameter.empty:
            return failed(f"the parameter {name!r} has no default", "give it the value of its paper")
    for name, fault in plugin.faults(plugin.resolve({})):
        return failed(f"the default of {name!r}: {fault}", "let type and default agree: 1.0 for float")
    return passed()


def has_no_mutable_default(subject: Subject) -> Answer:
    """Check that no default is mutable: all calls share a default, so one replica would change it for the next."""
    functions = {subject.plugin.name: subject.plugin.factory, **_functions(subject)}
    for name, function in functions.items():
        for parameter, default in _defaults(function):
            if isinstance(default, MUTABLE):
                return failed(
                    f"the default of {parameter!r} in {name} is a {type(default).__name__}, shared by every call",
                    "use a tuple, a number or None as the default, and make the mutable value inside",
                )
    return passed()


def _functions(subject: Subject) -> dict[str, Callable[..., Any]]:
    """Return the functions of the record by field, without the arguments bound by `partial`."""
    record, found = subject.plugin.make({}), {}
    for field in fields(record):
        function = getattr(record, field.name)
        while isinstance(function, partial):
            function = function.func
        if callable(function):
            found[field.name] = function
    return found


def _defaults(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a function with their defaults."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # a builtin may have no signature
        return
    yield from ((name, parameter.default) for name, parameter in parameters.items())


def makes_its_record(subject: Subject) -> Answer:
    """Check that the factory returns an object of the class that its hook expects, such as a `Task`.

    Check also that the engine can call the functions of this object.
    """
    plugin = subject.plugin
    record, (article, name) = plugin.make({}), RECORDS[plugin.kind]
    if type(record).__name__ != name:
        return failed(
            f"{plugin.name} returns a {type(record).__name__}, expected {article} {name}",
            f"return the {name} from the factory, or yield it from the hook of its own kind",
        )
    for fault in record_faults(plugin.kind, record, subject.file):
        return failed(*fault)
    return passed()


QUESTIONS = (
    Question("description", "it has a docstring that begins with a sentence", is_described),
    Question("parameters", "every parameter has a type and a default of that type", has_types_and_defaults),
    Question(RECORD, "it makes its record with the defaults, and its functions can be called", makes_its_record),
    Question("defaults", "no default is a mutable value, which calls would share", has_no_mutable_default),
)
