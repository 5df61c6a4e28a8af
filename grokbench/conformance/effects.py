"""Questions about effects: methods that change nothing, and parameters and settings that move no number."""

import math
from dataclasses import replace
from typing import NamedTuple

import torch

from grokbench import engine, random
from grokbench.conformance.answers import Answer, Question, failed, hint, not_applicable, passed
from grokbench.conformance.short_runs import distance, epochs_for, same
from grokbench.conformance.subjects import Subject
from grokbench.conformance.variations import other_settings
from grokbench.engine.mapping import over_replicas
from grokbench.regularizer import Regularizer
from grokbench.step.build import build_step
from grokbench.task import Task
from grokbench.types import Params

__all__ = ["QUESTIONS"]

STEPS = 50
RUNS = ((2, 1), (6, 4), (STEPS, 2))  # pairs: updates, trial tasks; most effects show in the first pair
ROWS = (0, 1)  # seeds
NOTHING = 1e-12  # relative tolerance, in float64: a method that returns x + (y - x) for y rounds differently
EXPLODED = 1e3  # multiple of the baseline's weights
SETTINGS = ("lr", "weight_decay")  # settings of a task's optimizer


class Start(NamedTuple):
    """A start of a short run.

    Attributes:
        scale: a factor of the initial parameters.
        late: whether to begin in the middle of the budget, after any warm-up.
    """

    scale: float
    late: bool


STARTS = (Start(1.0, False), Start(4.0, False), Start(1.0, True))


def _end(task: Task, methods: list[Regularizer], start: Start, steps: int) -> Params:
    """Train two replicas and return the parameters that evaluations see."""
    step = build_step(task, methods, {})
    group, _ = engine.start(step, ROWS, "cpu", torch.float64)
    begin = task.epochs // 2 if start.late else 0
    params = {name: start.scale * p for name, p in group.params.items()}
    group = replace(group, params=params, steps=torch.tensor(begin * task.steps))
    for epoch in range(begin, begin + epochs_for(task, steps)):
        group = engine.train_epoch(step, group, epoch)
    with torch.no_grad():
        evaluated: Params = over_replicas(step, step.evaluated)(group.params, group.states)
    return evaluated


def has_an_effect(subject: Subject) -> Answer:
    """Check that a method at its defaults trains to other weights than the baseline."""
    method, defaults = subject.regularizer({}), subject.plugin.resolve({})
    if method.neutral is not None and all(defaults[name] == value for name, value in method.neutral.items()):
        return not_applicable("its defaults are its neutral parameters")
    tasks = list(subject.tasks())
    if method.project and (exploded := _explosion(method, *tasks[0])):
        return exploded
    for steps, count in RUNS:
        for _, task in tasks[:count]:
            for start in STARTS:
                if not distance(_end(task, [method], start, steps), _end(task, [], start, steps)) < NOTHING:
                    return passed()
    message = f"at its defaults it does nothing: its weights are the baseline's after {STEPS} steps"
    return failed(f"on {', '.join(label for label, _ in tasks)}, {message}", _NO_EFFECT)


def _explosion(method: Regularizer, label: str, task: Task) -> Answer | None:
    """Compare the size of the weights with the baseline's, to detect a sum that should be a mean."""
    own, plain = (_end(task, methods, STARTS[0], STEPS) for methods in ([method], []))
    if (times := _size(own) / _size(plain)) <= EXPLODED:
        return None
    size = "not finite" if math.isnan(times) else f"{times:.1e} times the baseline's"
    return hint(f"on {label}, its weights are {size} after {STEPS} steps", _LARGE)


_NO_EFFECT = (
    "check what each phase returns: its first argument holds the gradients or the updated parameters, and at.params "
    "holds the parameters before the update. Check also that every phase is in the record, and that claims names a "
    "parameter. If the defaults are meant to be the baseline, declare it: neutral={...}"
)
_LARGE = "project gets the updated params, so do not add the update again; to scale the update, use `rate`"


def _size(params: Params) -> float:
    return float(torch.stack([p.abs().max() for p in params.values()]).max()) or 1.0


def uses_its_parameters(subject: Subject) -> Answer:
    """Check that another value of each parameter changes a number within 50 steps."""
    inert = subject.regularizer().inert
    unused = [name for name in subject.plugin.parameters if name not in inert and not _moves(subject, name)]
    if not unused:
        return passed()
    names = " and ".join(unused)
    many = len(unused) > 1
    used = "are they used" if many else "is it used"
    message = f"the parameter{'s' * many} {names} moved no number in {STEPS} steps: {used}?"
    declared = ", ".join(f'"{name}"' for name in unused)
    return hint(message, f"use {names}, or leave it out; if it acts later, declare it: inert=frozenset({{{declared}}})")


def _moves(subject: Subject, name: str) -> bool:
    """Return whether another value of a parameter changes a number; True if there is no other value to try."""
    pairs, tasks = list(other_settings(subject.plugin, subject.settings, name)), [task for _, task in subject.tasks()]
    compared = False
    for steps, count in RUNS:
        for task in tasks[:count]:
            for start in STARTS:
                for one, other in pairs:
                    try:
                        if not same(_end(task, [one], start, steps), _end(task, [other], start, steps)):
                            return True
                        compared = True
                    except Exception:  # the value is refused in training; other questions test the defaults
                        continue
    return not compared


def uses_the_settings(subject: Subject) -> Answer:
    """Check that an optimizer of the method's own uses the learning rate and the weight decay of the task."""
    method = subject.regularizer()
    if method.optimizer is None and method.update is None:
        return not_applicable("it has no optimizer of its own")
    known = {*method.inert, *subject.plugin.parameters}
    unused = [setting for setting in SETTINGS if setting not in known and _is_ignored(subject, method, setting)]
    if not unused:
        return passed()
    declared = ", ".join(f'"{setting}"' for setting in unused)
    fix = f"use at.{' and at.'.join(unused)}, or the setting of the wrapped optimizer; if it is intentionally unused"
    message = f"ten times the task's {' and '.join(unused)} gives the same weights: its optimizer ignores this setting"
    return hint(message, f"{fix}, declare it: inert=frozenset({{{declared}}})")


def _is_ignored(subject: Subject, method: Regularizer, setting: str) -> bool:
    """Return whether the method updates parameters to the same values if a setting of the task is multiplied by ten.

    A method's own `update` is tried for one step, after which its parameters do not yet depend on other parameters.
    """
    compared = False
    for _, task in subject.tasks():
        optimizer = task.optimizer
        other = replace(task, optimizer=replace(optimizer, **{setting: 10.0 * getattr(optimizer, setting)}))
        names = _own_names(task, method)
        if task.steps > 1 or not names or not getattr(optimizer, setting):
            continue
        for start in STARTS:
            one, ten = (_end(each, [method], start, 1 if method.update else 5) for each in (task, other))
            if not same({name: one[name] for name in names}, {name: ten[name] for name in names}):
                return False
        compared = True
    return compared


def _own_names(task: Task, method: Regularizer) -> list[str]:
    """Name the parameters that the method's own optimizer updates."""
    step, params = build_step(task, [method], {}), task.init(random.key(0))
    return list(step.claimed(params) if method.update else task.trained(params))


QUESTIONS = (
    Question("effect", "at its defaults it changes the weights", has_an_effect),
    Question("sensitivity", "every parameter changes a number within 50 steps", uses_its_parameters),
    Question("settings", "a method's own optimizer uses the task's learning rate and weight decay", uses_the_settings),
)
