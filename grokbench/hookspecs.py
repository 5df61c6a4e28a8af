"""The four hooks of plugins. Each hook yields factories: ordinary functions that return a record.

A factory's `__name__` is its name in a suite. Its signature gives its parameters and their defaults, and its docstring
is its help. A plugin module needs nothing but a hook::

    from grokbench import Regularizer, hookimpl

    def gradient_clip(limit: float = 1.0) -> Regularizer:
        '''Clip every gradient element to [-limit, limit].'''
        return Regularizer(transform=partial(clip, limit=limit))

    def clip(grads, state, at, *, limit):
        return {name: g.clamp(-limit, limit) for name, g in grads.items()}, state

    @hookimpl
    def grokbench_regularizers():
        yield gradient_clip
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from grokbench.metric import Metric
    from grokbench.observer import Observer
    from grokbench.regularizer import Regularizer
    from grokbench.task import Task

__all__ = [
    "PROJECT",
    "grokbench_metrics",
    "grokbench_observers",
    "grokbench_regularizers",
    "grokbench_tasks",
    "hookimpl",
]

PROJECT = "grokbench"  # the name of the markers, and of the entry-point group

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def grokbench_tasks() -> "Iterable[Callable[..., Task]]":
    """Yield task factories, functions that return a `grokbench.Task`: data, network, recipe and criterion.

    Example::

        @hookimpl
        def grokbench_tasks():
            yield sparse_parity    # def sparse_parity(bits: int = 40, ...) -> Task
    """
    return ()


@hookspec
def grokbench_regularizers() -> "Iterable[Callable[..., Regularizer]]":
    """Yield regularizer factories, functions that return a `grokbench.Regularizer`: the phases of a method.

    Example::

        @hookimpl
        def grokbench_regularizers():
            yield grokfast_ema     # def grokfast_ema(alpha: float = 0.98, lamb: float = 2.0) -> Regularizer
    """
    return ()


@hookspec
def grokbench_metrics() -> "Iterable[Callable[..., Metric]]":
    """Yield metric factories, functions that return a `grokbench.Metric`: a number measured at evaluations.

    Example::

        @hookimpl
        def grokbench_metrics():
            yield weight_norm      # def weight_norm() -> Metric
    """
    return ()


@hookspec
def grokbench_observers() -> "Iterable[Callable[..., Observer]]":
    """Yield observer factories, functions that return a `grokbench.Observer`, which `--log NAME` adds to a run.

    An observer is not part of a suite and changes no number.

    Example::

        @hookimpl
        def grokbench_observers():
            yield diary            # def diary(file: str = "diary.txt") -> Observer
    """
    return ()
