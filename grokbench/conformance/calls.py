"""Every function of a plugin called once on one replica, outside the engine's map, with its arguments watched."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch.utils import _pytree as pytree

from grokbench import random
from grokbench.conformance.short_runs import containers, data, entries, same, tensors
from grokbench.conformance.subjects import Subject
from grokbench.engine.groups import cast
from grokbench.step import Step, StepContext, build_step
from grokbench.types import Batch, Params

__all__ = ["ARGUMENTS", "METRIC", "WRAPPED", "Visit", "rehearse", "steps"]

METRIC = "it"  # the label of a metric under examination
CACHES = ("probe.known",)  # containers that are there to be filled

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
        "prepare": ("params", "task", "key"),
        "init": ("params",),
        "perturb": ("batch", "state", "at"),
        "penalty": ("local", "state", "at"),
        "transform": ("grads", "state", "at"),
        "project": ("params", "state", "at"),
    },
    "metrics": {"measure": ("probe",)},
}

WRAPPED: Mapping[str, tuple[str, ...]] = {"objective": ("outputs", "targets")}  # what these return is watched

Record = TypeVar("Record")


@dataclass(frozen=True)
class Visit:
    """One call of a plugin's function."""

    function: str
    arguments: Mapping[str, Any]
    result: Any
    wrote: tuple[str, ...]  # paths of the tensors, and of entries of dicts and lists, that it changed in its arguments


def spied(kind: str, record: Record, visits: list[Visit]) -> Record:
    """The record with every function reporting its visits."""
    spies = {
        name: _spy(name, names, function, visits)
        for name, names in ARGUMENTS[kind].items()
        if (function := getattr(record, name))
    }
    wrappers = {name: names for name, names in WRAPPED.items() if getattr(record, name, None)}
    spies |= {name: _spy_on_what_it_returns(name, names, record, visits) for name, names in wrappers.items()}
    return replace(record, **spies)  # type: ignore[type-var]


def _spy_on_what_it_returns(
    name: str, names: tuple[str, ...], record: Any, visits: list[Visit]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda wrapped: _spy(name, names, getattr(record, name)(wrapped), visits)


def _spy(name: str, names: tuple[str, ...], function: Callable[..., Any], visits: list[Visit]) -> Callable[..., Any]:
    def visited(*given: Any) -> Any:
        arguments = dict(zip(names, given, strict=True))
        before = [(path, now, now.clone(), now._version) for path, now in tensors(arguments)]
        held = [(path, now, entries(now)) for path, now in containers(arguments) if path not in CACHES]
        result = function(*given)
        wrote = [path for path, now, then, version in before if now._version != version or not same(now, then)]
        wrote += [f"{path}.{entry}" for path, now, then in held for entry in _exchanged(then, entries(now))]
        visits.append(Visit(name, arguments, result, tuple(wrote)))
        return result

    return visited


def _exchanged(then: Mapping[Any, Any], now: Mapping[Any, Any]) -> list[Any]:
    """The entries of a container that are new, are gone, or are another object than before; all if they moved."""
    gone = object()
    changed = [entry for entry in {**then, **now} if then.get(entry, gone) is not now.get(entry, gone)]
    return changed or (list(now) if list(now) != list(then) else [])


def steps(subject: Subject, visits: list[Visit] | None = None) -> Iterator[tuple[str, Step]]:
    """The steps in which a plugin takes part, by the label of their task; `visits` collects its calls."""
    kind = subject.plugin.kind
    for label, task in subject.tasks():
        if kind == "tasks":
            yield label, build_step(spied(kind, task, visits) if visits is not None else task, [], {})
        elif kind == "regularizers":
            method = subject.regularizer()
            yield label, build_step(task, [spied(kind, method, visits) if visits is not None else method], {})
        else:
            metric = subject.metric()
            yield label, build_step(task, [], {METRIC: spied(kind, metric, visits) if visits is not None else metric})


def rehearse(step: Step, dtype: torch.dtype = torch.float64) -> dict[str, Any]:
    """What each part of a step gives for one replica, always at the same arguments, in one precision."""
    task, key = step.task, random.fold(random.key(0), "rehearsal")
    splits = cast(data(task), dtype)
    params = cast(task.init(random.key(0)), dtype)
    batch = Batch(*(part[: task.batch_size] for part in splits["train"]))
    context = StepContext(batch, step.keys(key), step=torch.tensor(3), epoch=torch.tensor(1))
    states = step.init(params)
    outputs = task.outputs(params, batch.inputs)
    told: dict[str, Any] = {"splits": splits, "init": (task.init(random.key(0)), states)}
    told["correct"] = task.correct(outputs, batch.targets)
    told["prepare"] = step.prepare(params, key)
    told["objective"] = step.objective(params, states, context)
    for phase, moved in (("transform", _gradients(task.trained(params))), ("project", task.trained(params))):
        told[phase] = step.through(phase, moved, params, states, outputs, context)
    if step.optimizer is not task.optimizer:
        told["optimizer"] = _optimize(step, params)
    told["measure"] = step.evaluate(list(step.metrics), params, splits, key, {}, cast(task.init(random.key(1)), dtype))
    return told


def _gradients(params: Params) -> Params:
    """Normal draws in the shapes and the precision of the parameters."""
    return {name: random.normal(random.fold(random.key(0), name), tuple(p.shape)).to(p) for name, p in params.items()}


def _optimize(step: Step, params: Params) -> tuple[Params, Any]:
    """Two updates of a stack of two replicas by a method's own optimizer; it may write into what it is handed."""

    def stacked(tree: Params) -> Params:
        return pytree.tree_map(lambda tensor: torch.stack([tensor, 0.5 * tensor]), tree)

    moved, state = stacked(params), step.optimizer.init(stacked(params))
    for _ in range(2):
        moved, state = step.optimizer.update(moved, stacked(_gradients(params)), state)
    return moved, state
