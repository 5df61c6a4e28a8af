"""What the tests of a plugin need: every conformance question as a test, and where a phase stands, made by hand.

`grokbench new` writes such tests.
"""

import inspect
from collections.abc import Callable
from functools import partial
from types import ModuleType

import torch

from grokbench import random
from grokbench.conformance import QUESTIONS, Answer, Subject, Verdict, answer
from grokbench.conformance.short_runs import data
from grokbench.conformance.targets import find
from grokbench.plugins import load_registry
from grokbench.plugins.plugin import Plugin
from grokbench.regularizer import At, Regularizer
from grokbench.step import StepContext, build_step
from grokbench.task import Task
from grokbench.types import Batch, Params, State

__all__ = ["Verdict", "questions_of", "standpoint"]


def questions_of(module: ModuleType) -> dict[str, Callable[[], Answer]]:
    """Every question to the plugins of a module, by their names: called, it gives the plugin's answer.

    The keys are for `pytest.mark.parametrize`, so that pytest names the question that failed. The module is that of a
    plugin file, or what an installed package's entry point names.

    Raises:
        PluginError: it yields no plugin, one that cannot be registered, or one whose name is taken.
    """
    registry = load_registry()
    plugins = [plugin for plugin in registry if _is_from(plugin, module)]
    if not plugins:
        registry, plugins = find(str(module.__file__), ())
    return {
        f"{plugin.name}-{question.name.replace(' ', '_')}": partial(answer, question, Subject(plugin, registry))
        for plugin in plugins
        for question in QUESTIONS[plugin.kind]
    }


def _is_from(plugin: Plugin, module: ModuleType) -> bool:
    return f"{inspect.unwrap(plugin.factory).__module__}.".startswith(f"{module.__name__}.")


def standpoint(task: Task, seed: int = 0) -> At:
    """What a phase may look at in the first step of a replica of a task, on the CPU and in float64.

    `dataclasses.replace(standpoint(task), step=torch.tensor(3))` stands elsewhere. The linearized network that a
    penalty is given is `linearize(at.forward, at.batch.inputs)`.
    """
    caught = []

    def catch(grads: Params, state: State, at: At) -> tuple[Params, State]:
        caught.append(at)
        return grads, state

    step = build_step(task, [Regularizer(transform=catch, privileges=frozenset({"extra_gradients"}))], {})
    params, batch = task.init(random.key(seed)), Batch(*(part[: task.batch_size] for part in data(task, seed)["train"]))
    keys = step.keys(random.fold(random.key(seed), "standpoint"))
    context = StepContext(batch, keys, step=torch.tensor(0), epoch=torch.tensor(0))
    outputs = task.outputs(params, batch.inputs)
    step.through("transform", task.trained(params), params, step.init(params), outputs, context)
    return caught[0]
