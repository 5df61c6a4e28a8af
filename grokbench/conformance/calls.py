"""Calls of every function of a plugin on one replica, recorded outside the engine's vmap."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import torch
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.conformance.short_runs import containers, data, entries, same, tensors
from grokbench.conformance.subjects import Subject
from grokbench.engine.groups import cast
from grokbench.step import Step, StepContext
from grokbench.step.build import build_step
from grokbench.types import Batch, Params

__all__ = ["ARGUMENTS", "METRIC", "WRAPPED", "Call", "call_functions", "steps"]

METRIC = "it"  # the label of a metric that is checked
CACHES = ("probe.known",)  # containers that a plugin may change

ARGUMENTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {  # kind -> function of its record -> names of its arguments
    "tasks": {
        "splits": ("key",),
        "shared": ("device",),
        "init": ("key",),
        "embed": ("params", "inputs"),
        "forward": ("params", "inputs"),
        "loss": ("outputs", "targets"),
        "correct": ("outputs", "targets"),
    },
    "regularizers": {
        "prepare": ("params", "task", "train", "key"),
        "init": ("params", "about"),  # or only `params`
        "perturb": ("batch", "state", "at"),
        "hidden": ("h", "site", "state", "at"),
        "hidden_always": ("h", "site"),
        "penalty": ("local", "state", "at"),
        "transform": ("grads", "state", "at"),
        "rate": ("at",),
        "claims": ("roles", "shapes"),
        "update": ("params", "grads", "state", "at"),
        "project": ("params", "state", "at"),
        "eval_params": ("params", "state"),
    },
    "metrics": {"measure": ("probe",)},
}

# Functions of a record that return a function -> the names of the returned function's arguments.
WRAPPED: Mapping[str, tuple[str, ...]] = {"objective": ("outputs", "targets")}

Record = TypeVar("Record")


@dataclass(frozen=True)
class Call:
    """One call of a plugin's function.

    Attributes:
        function: the field of the record that holds the function, by name.
        arguments: name -> value.
        result: the value returned.
        modified: paths of the tensors, and of entries of dicts and lists, that the call changed in its arguments.
    """

    function: str
    arguments: Mapping[str, Any]
    result: Any
    modified: tuple[str, ...]


def with_recording(kind: str, record: Record, calls: list[Call]) -> Record:
    """Return the record with functions that append their calls to `calls`.

    Args:
        kind: "tasks", "regularizers" or "metrics".
        record: a record of that kind.
        calls: receives every call.
    """
    recording = {
        name: _recording(name, names, function, calls)
        for name, names in ARGUMENTS[kind].items()
        if (function := getattr(record, name))
    }
    wrappers = {name: names for name, names in WRAPPED.items() if getattr(record, name, None)}
    recording |= {name: _recording_wrapper(name, names, record, calls) for name, names in wrappers.items()}
    return replace(record, **recording)  # type: ignore[type-var]


def _recording_wrapper(
    name: str, names: tuple[str, ...], record: Any, calls: list[Call]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wrap a function that returns another function, so that the calls of the returned function are recorded."""
    return lambda wrapped: _recording(name, names, getattr(record, name)(wrapped), calls)


def _recording(
    name: str, names: tuple[str, ...], function: Callable[..., Any], calls: list[Call]
) -> Callable[..., Any]:
    """Wrap a function so that its calls are recorded."""

    @wraps(function)  # the engine looks at signatures
    def recorded(*given: Any, **options: Any) -> Any:
        arguments = dict(zip(names, given, strict=False)) | options
        before = [(path, now, now.clone(), now._version) for path, now in tensors(arguments)]
        held = [(path, now, entries(now)) for path, now in containers(arguments) if path not in CACHES]
        result = function(*given, **options)
        modified = [path for path, now, then, version in before if now._version != version or not same(now, then)]
        modified += [f"{path}.{entry}" for path, now, then in held for entry in _changed_entries(then, entries(now))]
        calls.append(Call(name, arguments, result, tuple(modified)))
        return result

    return recorded


def _changed_entries(then: Mapping[Any, Any], now: Mapping[Any, Any]) -> list[Any]:
    """Return the entries of a container that were added, removed or replaced; all entries if their order changed."""
    missing = object()
    changed = [entry for entry in {**then, **now} if then.get(entry, missing) is not now.get(entry, missing)]
    return changed or (list(now) if list(now) != list(then) else [])


def steps(subject: Subject, calls: list[Call] | None = None) -> Iterator[tuple[str, Step]]:
    """Yield each step that a plugin takes part in, with the label of the step's task.

    Args:
        subject: a task, regularizer or metric.
        calls: receives every call of the plugin's functions; None: calls are not recorded.
    """
    kind = subject.plugin.kind
    for label, task in subject.tasks():
        if kind == "tasks":
            yield label, build_step(with_recording(kind, task, calls) if calls is not None else task, [], {})
        elif kind == "regularizers":
            method = subject.regularizer()
            yield label, build_step(task, [with_recording(kind, method, calls) if calls is not None else method], {})
        else:
            metric = subject.metric()
            yield (
                label,
                build_step(task, [], {METRIC: with_recording(kind, metric, calls) if calls is not None else metric}),
            )


def call_functions(step: Step, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    """Call each part of a step on one replica, always with the same arguments.

    Args:
        step: the step of a task with at most one regularizer or metric.
        dtype: the dtype of parameters and data.

    Returns:
        The results by the name of the part.
    """
    task, key = step.task, random.fold(random.key(0), "rehearsal")
    splits = cast(data(task), dtype)
    params, initial = (cast(task.init(random.key(seed)), dtype) for seed in (0, 1))
    measured = {"measure": step.evaluate(list(step.metrics), params, splits, key, {}, initial)}
    if step.metrics:  # the other parts call no metric
        return measured
    batch = Batch(*(part[: task.batch_size] for part in splits["train"]))
    some = Batch(*(part[:3] for part in splits["train"]))
    counts = {"step": torch.tensor(3), "epoch": torch.tensor(1)}
    context = StepContext(
        batch, step.keys(key), **counts, train=splits["train"], reserved=some if step.reserve else None
    )
    states = step.init(params, random.key(0))
    outputs = task.outputs(params, batch.inputs)
    results: dict[str, Any] = measured | {"splits": splits, "init": (task.init(random.key(0)), states)}
    results["correct"] = task.correct(outputs, batch.targets)
    results["prepare"] = step.prepare(params, splits["train"], key)
    results["objective"] = step.objective(params, states, context)
    for phase, tree in (("transform", _gradients(task.trained(params))), ("project", task.trained(params))):
        results[phase] = step.through(phase, tree, params, states, outputs, context)
    if step.has("update"):
        results["update"] = step.update(_gradients(task.trained(params)), params, states, outputs, context)
    if step.has("rate"):
        results["rate"] = step.rate(params, states, outputs, context)
    results["eval_params"] = step.evaluated(params, states)
    if step.optimizer is not task.optimizer:
        results["optimizer"] = _optimize(step, params)
    return results


def _gradients(params: Params) -> Params:
    """Draw normal numbers in the shapes and the precision of the parameters."""
    return {name: random.normal(random.fold(random.key(0), name), tuple(p.shape)).to(p) for name, p in params.items()}


def _optimize(step: Step, params: Params) -> tuple[Params, Any]:
    """Update a stack of two replicas twice with a method's own optimizer, which may write into its arguments."""

    def stacked(tree: Params) -> Params:
        return pytree.tree_map(lambda tensor: torch.stack([tensor, 0.5 * tensor]), tree)

    updated, state = stacked(params), step.optimizer.init(stacked(params))
    for _ in range(2):
        updated, state = step.optimizer.update(updated, stacked(_gradients(params)), state)
    return updated, state
