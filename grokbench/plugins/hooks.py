"""Checks of a provider's hooks: each hook has a known name and the mark of a hook, and yields functions."""

from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from grokbench import hookspecs
from grokbench.errors import PluginError
from grokbench.text.suggest import did_you_mean

__all__ = ["KINDS", "check_hooks", "yielded"]

KINDS = ("tasks", "regularizers", "metrics", "observers")
HOOKS = tuple(f"{hookspecs.PROJECT}_{kind}" for kind in KINDS)
MARK = f"{hookspecs.PROJECT}_impl"  # the attribute that `hookimpl` sets on a function


def check_hooks(module: ModuleType) -> None:
    """Refuse a hook that would never be called.

    Raises:
        PluginError: the hook's name is misspelt, or `@hookimpl` is missing.
    """
    own = {name: each for name, each in vars(module).items() if isinstance(each, FunctionType)}
    for name, function in own.items():
        if hasattr(function, MARK) and name not in HOOKS:
            near = did_you_mean(name, HOOKS)
            raise PluginError(f"no hook is called {name!r}, expected one of: {', '.join(HOOKS)}{near}")
        if not hasattr(function, MARK) and name in HOOKS and function.__module__ == module.__name__:
            raise PluginError(f"{name} is not marked as a hook: write @hookimpl on the line above its def")


def yielded(kind: str, given: Any) -> Iterator[Callable[..., Any]]:
    """Yield the factories that a hook gives.

    Args:
        kind: one of KINDS.
        given: the hook's return value, an iterable of functions.

    Raises:
        PluginError: the value is not an iterable of functions with names.
    """
    hook, expected = f"{hookspecs.PROJECT}_{kind}", "expected functions that make records, as in `yield my_method`"
    if not isinstance(given, Iterable):
        raise PluginError(f"{hook} returns a value of type {type(given).__name__}; {expected}")
    for factory in given:
        if not (callable(factory) and getattr(factory, "__name__", "").isidentifier()):
            what = "a function without a name" if callable(factory) else f"a value of type {type(factory).__name__}"
            raise PluginError(f"{hook} yields {what}; {expected}, not `yield my_method()`")
        yield factory
