"""Questions for metrics beyond purity: finite numbers, grouping, splits, rotation and cost."""

import math
import time
from collections.abc import Iterator
from itertools import chain
from statistics import median

import torch

from grokbench import engine, random
from grokbench.conformance.answers import Answer, Question, failed, not_applicable, passed
from grokbench.conformance.calls import METRIC, steps
from grokbench.conformance.data_access import RecordedSplits, SplitsRead
from grokbench.conformance.short_runs import ALONE, PRECISIONS, SEEDS, data
from grokbench.conformance.small_plugins import ROTATED
from grokbench.conformance.subjects import Subject
from grokbench.engine import timing
from grokbench.plan.metrics import can_record
from grokbench.step import Step
from grokbench.step.build import build_step

__all__ = ["QUESTIONS"]


def _measured(step: Step, seeds: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[list[float]]:
    """Return the metric of every seed, at the initialisation and after each of two epochs."""
    group, _ = engine.start(step, seeds, "cpu", dtype)
    measured = []
    for epoch in range(3):
        if epoch:
            group = engine.train_epoch(step, group, epoch - 1)
        measured.append(engine.measure(step, group, [METRIC], epoch, {})[:, 0].tolist())
    return measured


def is_a_finite_number(subject: Subject) -> Answer:
    """Check that the metric is one finite number per replica, in both precisions, on every trial task."""
    for label, step in steps(subject):
        for dtype in PRECISIONS:
            for values in _measured(step, SEEDS, dtype):
                if len(values) != len(SEEDS) or not all(math.isfinite(value) for value in values):
                    fix = "keep divisions and roots away from zero: x / norm.clamp_min(1e-8)"
                    return failed(f"on {label}, in {dtype}, it gives {values} for {len(SEEDS)} seeds", fix)
    return passed()


def is_the_same_alone(subject: Subject) -> Answer:
    """Check that a seed has the same value in a group of three as in a group with a copy of itself."""
    for label, step in steps(subject):
        pairs = zip(_measured(step, SEEDS), _measured(step, (SEEDS[1], SEEDS[1])), strict=True)
        for group, alone in pairs:
            if not math.isclose(group[1], alone[0], rel_tol=ALONE, abs_tol=1e-12):
                fix = "measure one replica from its own parameters and data"
                return failed(f"on {label}, a seed measures {group[1]!r} in a group and {alone[0]!r} alone", fix)
    return passed()


def declares_its_splits(subject: Subject) -> Answer:
    """Check that the metric reads only the splits that it names in `splits`."""
    metric = subject.metric()
    for label, step in steps(subject):
        read: SplitsRead = set()
        params = step.task.init(random.key(0))
        step.evaluate([METRIC], params, RecordedSplits(data(step.task), read), random.key(1), {}, params)
        if undeclared := sorted(read - set(metric.splits)):
            fix = f"name them: splits={tuple(sorted(read))!r}"
            return failed(f"on {label}, it reads the split {' and '.join(undeclared)}, which it does not declare", fix)
    return passed()


def rotates_as_declared(subject: Subject) -> Answer:
    """Check that a metric that declares `rotates` gives the same number in rotated coordinates."""
    metric, values = subject.metric(), []
    if not metric.rotates:
        return not_applicable("it does not declare that it rotates with the inputs: rotated tasks refuse it")
    for rotate in (False, True):
        task = subject.registry.get("tasks", ROTATED.use).make({**ROTATED.parameters, "rotate": rotate})
        if not can_record(task, metric):
            return not_applicable(f"{ROTATED.use}, which can be rotated, cannot record it")
        values.append(torch.tensor(_measured(build_step(task, [], {METRIC: metric}), SEEDS), dtype=torch.float64))
    full, rotated = values
    if not torch.allclose(rotated, full, rtol=ALONE, atol=1e-12):
        apart = float((rotated - full).abs().max())
        return failed(f"in full and in rotated coordinates it differs by {apart:.1e}", _ROTATION_FIX)
    return passed()


_ROTATION_FIX = "leave `rotates` out, or use only lengths and inner products of the inputs"


def costs(subject: Subject) -> Answer:
    """Measure the time that the metric and the accuracy take for one replica; the times are not judged."""
    for label, step in _costed(subject):
        group, _ = engine.start(step, SEEDS, "cpu", torch.float32)
        milliseconds = {name: 1e3 * _seconds(step, group, name) / len(SEEDS) for name in step.metrics}
        own, accuracy = (milliseconds[name] for name in (METRIC, ACCURACY))
        return passed(f"{own:.2f} ms per replica, the accuracy on test data {accuracy:.2f} ms ({label})")
    return not_applicable("no trial task can record it")


def _costed(subject: Subject) -> Iterator[tuple[str, Step]]:
    """Yield the steps of tasks that can record the metric: first the tasks in COSTED, then the trial tasks."""
    accuracy = subject.registry.get("metrics", "accuracy").make({})
    full = ((name, subject.registry.get("tasks", name).make({})) for name in COSTED)
    small = ((f"{label}, small", task) for label, task in subject.tasks())
    for label, task in chain(full, small):
        if can_record(task, subject.metric()):
            yield label, build_step(task, [], {METRIC: subject.metric(), ACCURACY: accuracy})


def _seconds(step: Step, group: engine.Group, name: str) -> float:
    """Measure the median seconds of an evaluation of one metric, after a warm-up."""
    rounds = []
    for _ in range(1 + timing.ROUNDS):
        began = time.perf_counter()
        engine.evaluate(step, group, [name], 0, {})
        rounds.append(time.perf_counter() - began)
    return median(rounds[1:])


ACCURACY = "accuracy"
COSTED = ("sparse_parity", "modular_addition")  # at their defaults


QUESTIONS = (
    Question("number", "it is one finite number for each replica", is_a_finite_number),
    Question("group", "a seed measures the same in a group and alone, to 1e-9", is_the_same_alone),
    Question("withheld data", "it declares the splits that it reads", declares_its_splits),
    Question("rotation", "it is the same in rotated coordinates if it declares it, to 1e-9", rotates_as_declared),
    Question("cost", "its time beside that of accuracy, measured but not judged", costs),
)
