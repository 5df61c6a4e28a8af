"""What tasks are asked beyond purity and training: are their replicas paired by seed, and are they as they say?"""

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
    """A key gives the same data and initialisation every time, and another key gives others."""
    for label, task in subject.tasks():
        for what, draw in (("initialisation", task.init), ("data", task.splits)):
            first, again, other = (draw(random.key(seed)) for seed in (0, 0, 1))
            if not same(first, again):
                return failed(f"on {label}, one key gives two {what}s", "draw with grokbench.random from the key alone")
            if first and same(first, other):
                return failed(f"on {label}, every key gives the same {what}", _KEYED[what])
    return passed()


_KEYED = {
    "initialisation": "draw it from the key: random.uniform(random.fold(key, 'init', name), shape)",
    "data": "draw it from the key, or hand data that is the same for every seed over through `shared`",
}


def draws_in_float64(subject: Subject) -> Answer:
    """The engine casts: float32 and float64 runs start from the same numbers."""
    for label, task in subject.tasks():
        drawn: dict[str, Any] = {"init": task.init(random.key(0)), **data(task)}
        if task.embed:
            if complaint := _embedding_complaint(task):
                return failed(f"on {label}, {complaint}", "embed with inputs.to(dtype of the parameters)")
            drawn = {"init": drawn["init"], **{f"{name}.targets": part.targets for name, part in data(task).items()}}
        for path, _, dtype in shapes(drawn):
            if dtype not in (torch.float64, torch.int64):
                fix = "end the draw with .double(), or .long() for classes; the engine casts to the precision of a run"
                return failed(f"on {label}, {path} is {dtype}, expected torch.float64, or torch.int64 for classes", fix)
    return passed()


EMBEDDED = (torch.float64, torch.int64, torch.uint8)  # inputs that the engine casts, and whole numbers that embed does


def _embedding_complaint(task: Task) -> str:
    """What is wrong with inputs that a task embeds: images may lie there as bytes, and become what parameters are."""
    for dtype in (torch.float32, torch.float64):
        params = {name: p.to(dtype) for name, p in task.init(random.key(0)).items()}
        for split, batch in data(task).items():
            if batch.inputs.dtype not in EMBEDDED:
                return f"{split}.inputs is {batch.inputs.dtype}, expected torch.float64, torch.int64 or torch.uint8"
            inputs = batch.inputs.to(dtype) if batch.inputs.is_floating_point() else batch.inputs
            if (became := task.embedded(params, inputs).dtype) != dtype:
                return f"embed makes {became} of {split}.inputs where the parameters are {dtype}"
    return ""


def has_the_splits_it_names(subject: Subject) -> Answer:
    """`split_names` and `train_size` are true, and inputs and targets go together."""
    for label, task in subject.tasks():
        if complaint := _split_complaint(task):
            fix = "let split_names and train_size say what splits and shared provide"
            return failed(f"on {label}, {complaint}", fix)
    return passed()


def _split_complaint(task: Task) -> str:
    own, shared = task.splits(random.key(0)), task.shared(torch.device("cpu")) if task.shared else {}
    if sorted([*own, *shared]) != sorted(task.split_names) or "train" not in task.split_names:
        return f"the splits are {', '.join([*own, *shared])}, but split_names are {', '.join(task.split_names)}"
    splits: dict[str, Any] = own | shared
    for name, batch in splits.items():
        if len(batch.inputs) != len(batch.targets):
            return f"the split {name} has {len(batch.inputs)} inputs and {len(batch.targets)} targets"
    found = len(splits["train"].inputs)
    return "" if found == task.train_size else f"train_size is {task.train_size}, but there are {found} examples"


def names_the_roles_of_its_parameters(subject: Subject) -> Answer:
    """Methods choose layers by their roles."""
    for label, task in subject.tasks():
        params = task.init(random.key(0))
        if set(task.roles) != set(params):
            parts = f"roles are of {', '.join(task.roles)}, and the parameters are {', '.join(params)}"
            return failed(f"on {label}, {parts}", _ROLES)
        for name, role in task.roles.items():
            if role not in ROLES:
                return failed(f"on {label}, the role of {name} is {role!r}", _ROLES)
    return passed()


_ROLES = f"let `roles` map every parameter to one of {', '.join(ROLES)}"


def can_be_judged(subject: Subject) -> Answer:
    """The criterion is about metrics that are always recorded, and the budget ends with an evaluation."""
    for label, task in subject.tasks():
        recorded = standard_labels(task)
        for metric, condition in task.grokked.items():
            if metric not in recorded:
                fix = f"choose among {', '.join(recorded)}"
                return failed(f"on {label}, the criterion is about {metric!r}, which is not recorded", fix)
            parse_condition(condition)
        if task.epochs % task.evaluate_every:
            complaint = f"a budget of {task.epochs} epochs is evaluated every {task.evaluate_every}"
            return failed(f"on {label}, {complaint}", "let epochs be a multiple of evaluate_every")
    return passed()


QUESTIONS = (
    Question("keys", "its key decides data and initialisation, and another key gives others", draws_by_its_key),
    Question("draws", "it draws in float64, from which the engine casts", draws_in_float64),
    Question("splits", "its splits and the size of its training set are as declared", has_the_splits_it_names),
    Question("roles", "every parameter has a role", names_the_roles_of_its_parameters),
    Question("criterion", "its criterion and budget can be judged", can_be_judged),
)
