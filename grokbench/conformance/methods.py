"""Questions for regularizers beyond purity and training: fair comparisons with the baseline, and cost."""

from dataclasses import replace
from typing import Any, get_args

import torch
from torch import Tensor
from torch.func import vmap

from grokbench import engine, random
from grokbench.conformance.answers import Answer, Question, failed, not_applicable, passed
from grokbench.conformance.calls import steps
from grokbench.conformance.data_access import SplitsRead, with_other_data, with_recorded_reads
from grokbench.conformance.short_runs import SEEDS, data, distance, epochs_for, replica, same, trained
from grokbench.conformance.small_plugins import ROTATED
from grokbench.conformance.subjects import Subject
from grokbench.engine import timing
from grokbench.records import Cell, Recipe, Use
from grokbench.regularizer import Privilege, Regularizer
from grokbench.step import Step
from grokbench.step.build import build_step
from grokbench.task import Task
from grokbench.types import Batch, Params

__all__ = ["QUESTIONS"]

NEUTRAL = 1e-12  # relative tolerance, after 20 steps in float64
ROTATION = 1e-9  # the same, for full and rotated coordinates, which round differently
WITHHELD = ("extra_labels", "test_accuracy")  # the privileges that cover data other than the replica's training set


def names_exist(subject: Subject) -> Answer:
    """Check that the declared privileges exist, and that the factory has the neutral parameters."""
    method, known = subject.regularizer({}), get_args(Privilege)
    if unknown := sorted(set(method.privileges) - set(known)):
        return failed(f"it declares the privilege {unknown[0]!r}", f"choose among {', '.join(known)}")
    for _, fault in subject.plugin.faults(dict(method.neutral or {})):
        return failed(f"its neutral parameters: {fault}", "let `neutral` map parameters of the factory to values")
    return passed()


def uses_withheld_data_only_if_declared(subject: Subject) -> Answer:
    """Check that a `prepare` that reads data beyond the training set declares it."""
    method = subject.regularizer()
    if method.prepare is None:
        return not_applicable("it has no prepare, and no other phase can reach withheld data")
    if declared := sorted(set(WITHHELD) & set(method.privileges)):
        return not_applicable(f"it declares {' and '.join(declared)}")
    for label, task in subject.tasks():
        if read := _reads(method, task):
            return failed(f"on {label}, prepare reads {read} and declares nothing", _WITHHELD_FIX)
    return passed()


def _reads(method: Regularizer, task: Task) -> str:
    """Describe the withheld data on which a `prepare` depends; empty if there is none."""
    read: SplitsRead = set()
    params, key = task.init(random.key(0)), random.key(1)
    train = data(task)["train"]
    prepared = build_step(with_recorded_reads(task, read), [method], {}).prepare(params, train, key)
    if read:
        return f"the data of {' and '.join(sorted(read))}"
    others = build_step(with_other_data(task), [method], {}).prepare(params, train, key)
    return "" if same(prepared, others) else "data that it was not trained on"


_WITHHELD_FIX = (
    "use `train`, the replica's own training set, in place of the task's splits, or "
    'declare it, privileges=frozenset({"extra_labels"})'
)


def keeps_the_pairing(subject: Subject) -> Answer:
    """Check that data, initialisation and batch order equal the baseline's bit for bit, also after training."""
    for label, step in steps(subject):
        received: list[Params] = []
        same_reserve = [Regularizer(reserve=step.reserve)] if step.reserve else []  # reserving replaces rows of batches
        pairing = _pairing(_recording_prepare(step, received))
        plain = _pairing(build_step(step.task, same_reserve, {}))
        if step.regularizers[0].prepare:  # compare what it received: changing the parameters is its purpose
            pairing["initialisation"] |= {name: torch.stack([p[name] for p in received]) for name in received[0]}
        for what in plain:
            if not same(pairing[what], plain[what]):
                return failed(f"on {label}, {what} differs from the baseline's for the same seeds", _PAIRING_FIX)
    return passed()


_PAIRING_FIX = "change nothing in place, and derive keys with random.fold: pairing by seed needs equal data and draws"


def _recording_prepare(step: Step, received: list[Params]) -> Step:
    """Return the step with a `prepare` that appends the parameters it receives to `received`."""
    (method,) = step.regularizers
    if method.prepare is None:
        return step
    prepare = method.prepare

    def recorded(params: Params, task: Task, train: Batch, key: Tensor) -> Params:
        received.append({name: p.clone() for name, p in params.items()})
        return prepare(params, task, train, key)

    return build_step(step.task, [replace(method, prepare=recorded)], {})


def _pairing(step: Step) -> dict[str, Any]:
    """Collect what is paired across methods: the initialisation, and data, keys and batch order after one epoch."""
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    initial = {name: p.clone() for name, p in group.params.items()}
    data = {split: tuple(part.clone() for part in batch) for split, batch in group.splits.items()}
    group = engine.train_epoch(step, group, 0)
    order = [batch for batch, _ in engine.epoch_batches(step, group, 1)]
    return {"initialisation": initial, "data": (data, group.splits), "keys": group.keys, "batch order": order}


def is_the_baseline_when_neutral(subject: Subject) -> Answer:
    """Check that a method at its neutral parameters trains like the baseline, with all its phases called."""
    neutral = subject.regularizer().neutral
    if neutral is None:
        return not_applicable("it names no neutral parameters, at which it would be the baseline")
    for label, task in subject.tasks():
        ends = [
            trained(build_step(task, methods, {}), SEEDS, epochs_for(task)).params
            for methods in ([subject.regularizer(subject.settings | dict(neutral))], [])
        ]
        apart = max(distance(*(replica(params, row) for params in ends)) for row in range(len(SEEDS)))
        if not apart < NEUTRAL:
            return failed(
                f"on {label}, at {dict(neutral)} it differs from the baseline by {apart:.1e} after 20 steps",
                "correct `neutral`, or leave it out if no parameters make the method the baseline",
            )
    return passed()


def rotates_as_declared(subject: Subject) -> Answer:
    """Check that a method that declares `rotates` trains the same network in rotated coordinates."""
    if not subject.regularizer().rotates:
        return not_applicable("it does not declare that it rotates with the inputs: it trains in full coordinates")
    ends = []
    for rotate in (False, True):
        task = subject.registry.get("tasks", ROTATED.use).make({**ROTATED.parameters, "rotate": rotate})
        group = trained(build_step(task, [subject.regularizer()], {}), SEEDS, epochs_for(task))
        outputs = vmap(task.outputs)(group.params, group.splits["test"].inputs)
        ends.append({"outputs": outputs})
    if not (apart := distance(*ends)) < ROTATION:
        return failed(f"full and rotated outputs differ by {apart:.1e} after 20 steps", _ROTATION_FIX)
    return passed()


_ROTATION_FIX = (
    "leave `rotates` out, and it trains in full coordinates; or use only what commutes with a rotation of the inputs: "
    "sums of whole columns of the input weights, and columns times numbers that a rotation keeps (norms, inner "
    "products), never a sum, mean or sign of a column's elements"
)


def costs(subject: Subject) -> Answer:
    """Measure the time of a step with the method and of the baseline's step; the times are not judged."""
    task = subject.registry.get("tasks", COSTED).make({})
    if not set(subject.regularizer({}).facts) <= set(task.facts):
        return not_applicable(f"{COSTED}, on which steps are timed, lacks the facts that it needs")
    recipe = Recipe(task=Use(COSTED, {}))
    cells = [Cell(COSTED, name, name, recipe, 1, 1, {}) for name in ("method", "baseline")]
    timed_steps = [build_step(task, methods, {}) for methods in ([subject.regularizer({})], [])]
    timings = list(timing.measure(cells, timed_steps, "cpu", torch.float32))
    if any(not timed.seconds_per_epoch for timed in timings):
        return not_applicable("this machine is too busy now to time a step: its clocks disagree")
    per_epoch = {timed.identity: sorted(timed.seconds_per_epoch)[timing.ROUNDS // 2] for timed in timings}
    if "method" not in per_epoch:
        return not_applicable("it cannot be trained; the other answers say why")
    method, baseline = (1e3 * per_epoch[name] / task.steps for name in ("method", "baseline"))
    return passed(f"{method - baseline:+.2f} ms per step: {method:.2f} ms, the baseline {baseline:.2f} ms ({COSTED})")


COSTED = "sparse_parity"  # at its defaults, where an epoch is one full-batch step


QUESTIONS = (
    Question("names", "its privileges and neutral parameters are names that exist", names_exist),
    Question("withheld data", "it uses withheld data only if it declares it", uses_withheld_data_only_if_declared),
    Question("pairing", "data, initialisation, batch order are the baseline's, bit for bit", keeps_the_pairing),
    Question("neutral", "at its neutral parameters it equals the baseline, to 1e-12", is_the_baseline_when_neutral),
    Question("rotation", "it rotates with the inputs if it declares it, to 1e-9", rotates_as_declared),
    Question("cost", "its added cost per step, measured but not judged", costs),
)
