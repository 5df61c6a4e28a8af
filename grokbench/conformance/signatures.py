"""Checks of the signatures in a record: the engine must be able to call every function, by position."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from traceback import FrameSummary
from typing import Any, NamedTuple

from torch import Tensor

from grokbench.conformance.calls import ARGUMENTS, WRAPPED
from grokbench.optimizers import SGD
from grokbench.plugins.source_lines import innermost
from grokbench.regularizer import Regularizer, takes_about
from grokbench.text.suggest import did_you_mean
from grokbench.types import Optimizer

__all__ = ["RecordFault", "record_faults"]

Names = tuple[str, ...]

# Functions called outside a step, when it is built or when a run begins -> the names of their arguments.
CALLED_OUTSIDE: Mapping[str, Mapping[str, Names]] = {
    "tasks": {"fetch": ()},
    "regularizers": {"objective": ("loss",), "optimizer": ("optimizer",)},
    "metrics": {"fetch": ()},
    "observers": {
        "begin": ("planned",),
        "stored": ("run", "cell"),
        "progress": ("progress",),
        "finished": ("run", "cell"),
        "end": ("leaderboard",),
        "close": (),
    },
}
LAMBDA = "lambda "
NAMES = ("privileges", "inert", "facts", "splits", "split_names", "frozen")  # fields that hold several names each


class RecordFault(NamedTuple):
    """A field of a record that the engine cannot use.

    Attributes:
        message: what is wrong, as a clause.
        fix: what to do about it.
        place: the line of the plugin that defines the function; empty if it is defined elsewhere.
    """

    message: str
    fix: str
    place: str = ""


def record_faults(kind: str, record: Any, file: Path) -> Iterator[RecordFault]:
    """Yield the fields of a record that cannot be called, or that hold one text in place of several names.

    Args:
        kind: "tasks", "regularizers", "metrics" or "observers".
        record: a record of that kind.
        file: the plugin's file, whose folder is the plugin's code.
    """
    for field in NAMES:
        if isinstance(text := getattr(record, field, None), str):
            several = f'frozenset({{"{text}"}})' if field in ("privileges", "inert", "frozen") else f'("{text}",)'
            yield RecordFault(f"{field} is the text {text!r}, expected several names", f"write {field}={several}")
    for name, arguments in {**ARGUMENTS.get(kind, {}), **CALLED_OUTSIDE[kind]}.items():
        if (function := getattr(record, name)) is not None:
            yield from _call_faults(name, name, function, _expected(name, function, arguments), file)
    if kind == "regularizers":
        yield from _wrapper_faults(record, file)


def _expected(name: str, function: Any, arguments: Names) -> Names:
    """Return the arguments that a function is called with; `init` may leave out the last of its two arguments."""
    return arguments[:1] if name == "init" and "about" in arguments and not takes_about(function) else arguments


def _call_faults(what: str, name: str, function: Any, arguments: Names, file: Path) -> Iterator[RecordFault]:
    """Check that a function can be called with these arguments.

    Sentences in messages call the function `what`; the signature that they show has the name `name`.
    """
    call = f"{name}({', '.join(arguments)})"
    if not callable(function):
        fix = f"give a function, not what it returns: {name}, or partial({name}, ...) with its own parameters bound"
        yield RecordFault(f"{what} is a {type(function).__name__}, expected a function that is called as {call}", fix)
    elif odd := _unknown_bound_keyword(function):
        message = f"{what} is partial({_name(function)}, {odd}=...), and {_name(function)} has no parameter {odd!r}"
        known = inspect.signature(_bare(function)).parameters
        fix = f"bind one of its own: {', '.join(name for name in known if name not in arguments) or 'it has none'}"
        yield RecordFault(message, f"{fix}{did_you_mean(odd, known)}", _defined(function, file))
    elif (given := _signature(function)) and not _takes(given, arguments):
        message = f"{what} is called as {call}, but the function is {_name(function)}{_plain(given)}"
        yield RecordFault(message, _signature_fix(name, function, given, arguments), _defined(function, file))


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # a builtin may have no signature
        return None


def _unknown_bound_keyword(function: Any) -> str:
    """Return the first keyword of a `partial` that its function lacks; empty if there is none."""
    bound: list[str] = []
    while isinstance(function, partial):
        bound, function = [*function.keywords, *bound], function.func
    known = signature.parameters if bound and (signature := _signature(function)) else {}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return ""
    return next((name for name in bound if known and name not in known), "")


def _takes(signature: inspect.Signature, arguments: Names) -> bool:
    """Return whether a function takes these arguments by position, and has none of these names in another position."""
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return all(name not in arguments or name == at for name, at in zip(signature.parameters, arguments, strict=False))


def _signature_fix(name: str, function: Any, given: inspect.Signature, arguments: Names) -> str:
    """Suggest how to define or bind a function so that it can be called with these arguments."""
    own = [parameter for parameter in given.parameters if parameter not in arguments]
    if [parameter for parameter in given.parameters if parameter in arguments] == list(arguments) and own:
        bound = ", ".join(f"{parameter}={parameter}" for parameter in own)
        return f"give its own parameters their values in the factory: {name}=partial({_name(function)}, {bound})"
    if _name(function) == LAMBDA:
        return f"begin it as: lambda {', '.join(arguments)}:"
    keywords = ["*", *own] if own and isinstance(function, partial) else []
    return f"define it as: def {_name(function)}({', '.join([*arguments, *keywords])})"


def _plain(signature: inspect.Signature) -> str:
    """Write a signature without annotations and defaults."""
    bare = [p.replace(annotation=p.empty, default=p.empty) for p in signature.parameters.values()]
    return f"({', '.join(_with_star(bare))})"


def _with_star(parameters: list[inspect.Parameter]) -> Iterator[str]:
    """Yield the parameters, with `*` before the first keyword-only one."""
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield str(p)


def _bare(function: Any) -> Any:
    """Return the function without the arguments bound by `partial`, unwrapped."""
    while isinstance(function, partial):
        function = function.func
    return inspect.unwrap(function)


def _name(function: Any) -> str:
    """Return the name of a function, the name of the class of a callable object, or LAMBDA."""
    name: str = getattr(_bare(function), "__name__", type(_bare(function)).__name__)
    return LAMBDA if name == "<lambda>" else name


def _defined(function: Any, file: Path) -> str:
    """Return the line that defines a function, if it is in the plugin's folder."""
    code = getattr(_bare(function), "__code__", None)
    return innermost([FrameSummary(code.co_filename, code.co_firstlineno, code.co_name)], file) if code else ""


def _wrapper_faults(method: Regularizer, file: Path) -> Iterator[RecordFault]:
    """Check the loss and the optimizer that a method returns."""
    if wrap := method.objective:
        yield from _call_faults("the loss that objective returns", "loss", wrap(_mean), WRAPPED["objective"], file)
    if (change := method.optimizer) and not isinstance(made := change(SGD(lr=0.1)), Optimizer):
        fix = "return a grokbench.Optimizer, which updates dicts of tensors; one of torch.optim is bound to a network"
        message = f"optimizer returns a {type(made).__name__}, expected an Optimizer"
        yield RecordFault(message, fix, _defined(change, file))


def _mean(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute a loss, for `objective` to wrap."""
    return (outputs - targets[:, None]).square().mean()
