"""Questions for tasks besides purity and training: pairing by seed, and true descriptions."""

from typing import Any, get_args

import torch

from grokbench import random
from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.short_runs import data, same, shapes
from grokbench.conformance.subjects import Subject
from grokbench.criterion import parse_condition
from grokbench.plan.metrics import standard_labels
from grokbench.task import Task
from grokbench.types import Role

__all__ = ["QUESTIONS"]

ROLES = get_args(Role)


def draws_by_its_key(subject: Subject) -> Answer:
    """Check that equal keys give equal data and initialisations, and that different keys give different ones."""
    for label, task in subject.tasks():
        for what, draw in (("initialisation", task.init), ("data", task.splits)):
            first, again, other = (draw(random.key(seed)) for seed in (0, 0, 1))
            if not same(first, again):
                return failed(f"on {label}, one key gives two {what}s", "draw with grokbench.random from the key only")
            if first and same(first, other):
                return failed(f"on {label}, every key gives the same {what}", _KEY_FIXES[what])
    return passed()


_KEY_FIXES = {
    "initialisation": "draw it from the key: random.uniform(random.fold(key, 'init', name), shape)",
    "data": "draw it from the key, or provide data that is the same for every seed through `shared`",
}


def draws_in_float64(subject: Subject) -> Answer:
    """Check that draws are float64, so that runs in both precisions start from the same numbers, cast by the engine."""
    for label, task in subject.tasks():
        drawn: dict[str, Any] = {"init": task.init(random.key(0)), **data(task)}
        if task.embed:
            if fault := _embedding_fault(task):
                return failed(f"on {label}, {fault}", "embed with inputs.to(dtype of the parameters)")
            drawn = {"init": drawn["init"], **{f"{name}.targets": part.targets for name, part in data(task).items()}}
        for path, _, dtype in shapes(drawn):
            if dtype not in (torch.float64, torch.int64):
                fix = "end the draw with .double(), or .long() for classes; the engine casts to the precision of a run"
                return failed(f"on {label}, {path} is {dtype}, expected torch.float64, or torch.int64 for classes", fix)
    return passed()


EMBEDDED = (torch.float64, torch.int64, torch.uint8)  # the engine casts float inputs, `embed` casts integers


def _embedding_fault(task: Task) -> str:
    """Describe what is wrong with embedded inputs, which may be bytes and must get the parameters' dtype."""
    for dtype in (torch.float32, torch.float64):
        params = {name: p.to(dtype) for name, p in task.init(random.key(0)).items()}
        for split, batch in data(task).items():
            if batch.inputs.dtype not in EMBEDDED:
                return f"{split}.inputs is {batch.inputs.dtype}, expected torch.float64, torch.int64 or torch.uint8"
            inputs = batch.inputs.to(dtype) if batch.inputs.is_floating_point() else batch.inputs
            if (embedded := task.embedded(params, inputs).dtype) != dtype:
                return f"embed makes {embedded} of {split}.inputs where the parameters are {dtype}"
    return ""


def has_declared_splits(subject: Subject) -> Answer:
    """Check that `split_names` and `train_size` are correct, and that inputs and targets have equal lengths."""
    for label, task in subject.tasks():
        if fault := _split_fault(task):
            fix = "let split_names and train_size describe what splits and shared return"
            return failed(f"on {label}, {fault}", fix)
    return passed()


def _split_fault(task: Task) -> str:
    """Describe what is wrong with the splits; empty if nothing is."""
    own, shared = task.splits(random.key(0)), task.shared(torch.device("cpu")) if task.shared else {}
    if sorted([*own, *shared]) != sorted(task.split_names) or "train" not in task.split_names:
        return f"the splits are {', '.join([*own, *shared])}, but split_names are {', '.join(task.split_names)}"
    splits: dict[str, Any] = own | shared
    for name, batch in splits.items():
        if len(batch.inputs) != len(batch.targets):
            return f"the split {name} has {len(batch.inputs)} inputs and {len(batch.targets)} targets"
    found = len(splits["train"].inputs)
    return "" if found == task.train_size else f"train_size is {task.train_size}, but there are {found} examples"


def has_roles(subject: Subject) -> Answer:
    """Check that every parameter has a known role, by which methods choose layers."""
    for label, task in subject.tasks():
        params = task.init(random.key(0))
        if set(task.roles) != set(params):
            message = f"`roles` names {', '.join(task.roles)}, but the parameters are {', '.join(params)}"
            return failed(f"on {label}, {message}", _ROLES_FIX)
        for name, role in task.roles.items():
            if role not in ROLES:
                return failed(f"on {label}, the role of {name} is {role!r}", _ROLES_FIX)
    return passed()


_ROLES_FIX = f"let `roles` map every parameter to one of {', '.join(ROLES)}"


def can_be_judged(subject: Subject) -> Answer:
    """Check that the criterion uses metrics that are always recorded, and that the budget ends with an evaluation."""
    for label, task in subject.tasks():
        recorded = standard_labels(task)
        for metric, condition in task.grokked.items():
            if metric not in recorded:
                fix = f"choose among {', '.join(recorded)}"
                return failed(f"on {label}, the criterion is about {metric!r}, which is not recorded", fix)
            parse_condition(condition)
        if task.epochs % task.evaluate_every:
            fault = f"a budget of {task.epochs} epochs is evaluated every {task.evaluate_every}"
            return failed(f"on {label}, {fault}", "let epochs be a multiple of evaluate_every")
    return passed()


QUESTIONS = (
    Question("keys", "its key determines data and initialisation, another key gives others", draws_by_its_key),
    Question("draws", "it draws in float64, from which the engine casts", draws_in_float64),
    Question("splits", "its splits and the size of its training set are as declared", has_declared_splits),
    Question("roles", "every parameter has a role", has_roles),
    Question("criterion", "its criterion can be evaluated, and its budget ends with an evaluation", can_be_judged),
)
