"""Can the functions of a record be called as the engine calls them? Asked of signatures, before anything is called."""

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
from grokbench.regularizer import Regularizer
from grokbench.text.suggest import did_you_mean
from grokbench.types import Optimizer

__all__ = ["Misfit", "misfits"]

Names = tuple[str, ...]

WRAPPERS: Mapping[str, Mapping[str, Names]] = {  # what is called outside a step: when it is built, when a run begins
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
NAMES = ("privileges", "facts", "splits", "split_names", "frozen")  # fields that hold several names


class Misfit(NamedTuple):
    """Something in a record that cannot be used as it will be."""

    message: str
    fix: str
    place: str = ""  # the line that defines it, where it is the plugin's


def misfits(kind: str, record: Any, file: Path) -> Iterator[Misfit]:
    """The fields of a record that cannot be called as they will be, or that hold letters in place of names."""
    for field in NAMES:
        if isinstance(text := getattr(record, field, None), str):
            several = f'frozenset({{"{text}"}})' if field in ("privileges", "frozen") else f'("{text}",)'
            yield Misfit(f"{field} is the text {text!r}, expected several names", f"write {field}={several}")
    for name, arguments in {**ARGUMENTS.get(kind, {}), **WRAPPERS[kind]}.items():
        if (function := getattr(record, name)) is not None:
            yield from _called(name, name, function, arguments, file)
    if kind == "regularizers":
        yield from _made_by_wrappers(record, file)


def _called(what: str, name: str, function: Any, arguments: Names, file: Path) -> Iterator[Misfit]:
    call = f"{name}({', '.join(arguments)})"
    if not callable(function):
        fix = f"give a function, not what it returns: {name}, or partial({name}, ...) with its own parameters bound"
        yield Misfit(f"{what} is a {type(function).__name__}, expected a function that is called as {call}", fix)
    elif odd := _bound_to_nothing(function):
        message = f"{what} is partial({_name(function)}, {odd}=...), and {_name(function)} has no parameter {odd!r}"
        known = inspect.signature(_bare(function)).parameters
        fix = f"bind one of its own: {', '.join(name for name in known if name not in arguments) or 'it has none'}"
        yield Misfit(message, f"{fix}{did_you_mean(odd, known)}", _defined(function, file))
    elif (given := _signature(function)) and not _takes(given, arguments):
        message = f"{what} is called as {call}, and the function there is {_name(function)}{_plain(given)}"
        yield Misfit(message, _way_out(name, function, given, arguments), _defined(function, file))


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # a builtin may have none
        return None


def _bound_to_nothing(function: Any) -> str:
    """The first keyword of a `partial` that its function does not have; else empty."""
    bound: list[str] = []
    while isinstance(function, partial):
        bound, function = [*function.keywords, *bound], function.func
    known = signature.parameters if bound and (signature := _signature(function)) else {}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return ""
    return next((name for name in bound if known and name not in known), "")


def _takes(signature: inspect.Signature, arguments: Names) -> bool:
    """Whether it can be called with these arguments by position, and has none of their names at another place."""
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return all(name not in arguments or name == at for name, at in zip(signature.parameters, arguments, strict=False))


def _way_out(name: str, function: Any, given: inspect.Signature, arguments: Names) -> str:
    own = [parameter for parameter in given.parameters if parameter not in arguments]
    if [parameter for parameter in given.parameters if parameter in arguments] == list(arguments) and own:
        bound = ", ".join(f"{parameter}={parameter}" for parameter in own)
        return f"give its own parameters their values in the factory: {name}=partial({_name(function)}, {bound})"
    if _name(function) == LAMBDA:
        return f"begin it so: lambda {', '.join(arguments)}:"
    keywords = ["*", *own] if own and isinstance(function, partial) else []
    return f"define it so: def {_name(function)}({', '.join([*arguments, *keywords])})"


def _plain(signature: inspect.Signature) -> str:
    """The signature without annotations, and without the values of defaults."""
    bare = [p.replace(annotation=p.empty, default=p.empty) for p in signature.parameters.values()]
    return f"({', '.join(_with_star(bare))})"


def _with_star(parameters: list[inspect.Parameter]) -> Iterator[str]:
    starred = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield str(p)


def _bare(function: Any) -> Any:
    """The function itself: partial arguments taken off."""
    while isinstance(function, partial):
        function = function.func
    return inspect.unwrap(function)


def _name(function: Any) -> str:
    name: str = getattr(_bare(function), "__name__", type(_bare(function)).__name__)
    return LAMBDA if name == "<lambda>" else name


def _defined(function: Any, file: Path) -> str:
    """The line that defines it, if that is the plugin's."""
    code = getattr(_bare(function), "__code__", None)
    return innermost([FrameSummary(code.co_filename, code.co_firstlineno, code.co_name)], file) if code else ""


def _made_by_wrappers(method: Regularizer, file: Path) -> Iterator[Misfit]:
    """What it makes of a loss and of an optimizer."""
    if wrap := method.objective:
        yield from _called("the loss that objective returns", "loss", wrap(_mean), WRAPPED["objective"], file)
    if (change := method.optimizer) and not isinstance(made := change(SGD(lr=0.1)), Optimizer):
        fix = "return a grokbench.Optimizer, which updates dicts of tensors; torch.optim's are bound to one network"
        yield Misfit(f"optimizer returns a {type(made).__name__}, expected an Optimizer", fix, _defined(change, file))


def _mean(outputs: Tensor, targets: Tensor) -> Tensor:
    """A loss to wrap."""
    return (outputs - targets[:, None]).square().mean()
