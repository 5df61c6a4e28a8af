"""Helpers for the tests of a plugin: each conformance check as a test, and an `At` and a `Local` to call phases with.

`grokbench new` writes such tests.
"""

import inspect
from collections.abc import Callable
from functools import partial
from types import ModuleType

import torch
from torch import Tensor

from grokbench import random
from grokbench.at import At
from grokbench.conformance import QUESTIONS, Answer, Subject, Verdict, answer
from grokbench.conformance.targets import find
from grokbench.plugins import load_registry
from grokbench.plugins.plugin import Plugin
from grokbench.regularizer import Regularizer
from grokbench.step import StepContext
from grokbench.step.build import build_step
from grokbench.task import Task
from grokbench.types import Batch, Local, Params, State, linearize_hidden

__all__ = ["Verdict", "linearized", "questions_of", "standpoint"]


def questions_of(module: ModuleType) -> dict[str, Callable[[], Answer]]:
    """Collect the conformance checks of all plugins of a module.

    Args:
        module: the module of a plugin file, or the module that an installed package's entry point names.

    Returns:
        "PLUGIN-CHECK" -> a function that runs the check and returns its answer, whose `verdict` is a `Verdict`. Pass
        the keys to `pytest.mark.parametrize`, so that pytest names the check that failed.

    Raises:
        PluginError: the module yields no plugin, or a plugin that cannot be registered or whose name is taken.
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
    """Make the `At` of a first step, on the CPU and in float64.

    The parameters and the examples are those of the replica that `grokbench run` trains with this seed; the batch holds
    the first examples of the training set, in place of a drawn batch. `dataclasses.replace(standpoint(task),
    step=torch.tensor(3))` changes a field.

    Args:
        task: the replica's task.
        seed: the seed of the replica.
    """
    caught = []

    def catch(grads: Params, state: State, at: At) -> tuple[Params, State]:
        caught.append(at)
        return grads, state

    step = build_step(task, [Regularizer(transform=catch, privileges=frozenset({"extra_gradients"}))], {})
    key = _task_key(seed)
    splits = task.splits(key) | (task.shared(torch.device("cpu")) if task.shared else {})
    params, batch = task.init(key), Batch(*(part[: task.batch_size] for part in splits["train"]))
    keys = step.keys(random.fold(random.key(seed), "standpoint"))
    context = StepContext(batch, keys, step=torch.tensor(0), epoch=torch.tensor(0))
    outputs = task.outputs(params, batch.inputs)
    step.through("transform", task.trained(params), params, step.init(params, key), outputs, context)
    return caught[0]


def _task_key(seed: int) -> Tensor:
    """Return the key from which the engine draws data and initialisation of a seed."""
    return random.fold(random.key(seed), "task")


def linearized(task: Task, at: At, seed: int = 0) -> Local:
    """Make the `Local` that a penalty receives: the network, linearized at the batch of an `At`.

    Args:
        task: the task that `at` belongs to; its hidden activations are recorded if it names sites.
        at: the result of `standpoint`, possibly with other parameters. Gradients flow from `at.params`.
        seed: the seed of the replica, whose frozen parameters are used.
    """
    frozen = {name: p for name, p in task.init(_task_key(seed)).items() if name in task.frozen}
    params = {**at.params, **frozen}

    def forward(inputs: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        seen: dict[str, Tensor] = {}

        def site(h: Tensor, name: str) -> Tensor:
            seen[name] = h
            return h

        return task.forward(params, inputs, **({"site": site} if task.has_sites else {})), seen

    return linearize_hidden(forward, task.embedded(params, at.batch.inputs))
