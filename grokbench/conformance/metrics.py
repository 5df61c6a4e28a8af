"""What metrics are asked beyond purity."""

import math

import torch

from grokbench import engine, random
from grokbench.conformance.answers import Answer, Question, failed, not_applicable, passed
from grokbench.conformance.rehearsal import METRIC, steps
from grokbench.conformance.subjects import Subject
from grokbench.conformance.tasks import data
from grokbench.conformance.trials import SEEDS
from grokbench.conformance.withheld import Ledger, Noted
from grokbench.step import Step

__all__ = ["QUESTIONS"]

PRECISIONS = (torch.float32, torch.float64)
ALONE = 1e-9


def _measured(step: Step, seeds: tuple[int, ...], dtype: torch.dtype = torch.float64) -> list[list[float]]:
    """The metric of every seed, at the initialisation and after each of two epochs."""
    group, _ = engine.start(step, seeds, "cpu", dtype)
    values = []
    for epoch in range(3):
        values.append([row[METRIC] for row in engine.evaluate(step, group, [METRIC], epoch, {})])
        group = engine.train_epoch(step, group, epoch)
    return values


def is_a_finite_number(subject: Subject) -> Answer:
    """One number for each replica, in both precisions, on every small task that has its splits."""
    if not any(True for _ in steps(subject)):
        wanted = (*subject.metric().splits, *subject.metric().facts)
        return not_applicable(f"no small task has the splits and facts {', '.join(wanted)}")
    for label, step in steps(subject):
        for dtype in PRECISIONS:
            for values in _measured(step, SEEDS, dtype):
                if len(values) != len(SEEDS) or not all(math.isfinite(value) for value in values):
                    fix = "keep divisions and roots away from zero: x / norm.clamp_min(1e-8)"
                    return failed(f"on {label}, in {dtype}, it gives {values} for {len(SEEDS)} seeds", fix)
    return passed()


def is_the_same_alone(subject: Subject) -> Answer:
    """A seed in a group of three measures as beside a copy of itself."""
    for label, step in steps(subject):
        pairs = zip(_measured(step, SEEDS), _measured(step, (SEEDS[1], SEEDS[1])), strict=True)
        for group, alone in pairs:
            if not math.isclose(group[1], alone[0], rel_tol=ALONE, abs_tol=1e-12):
                fix = "measure one replica from its own parameters and data"
                return failed(f"on {label}, a seed measures {group[1]!r} in a group and {alone[0]!r} alone", fix)
    return passed()


def declares_its_splits(subject: Subject) -> Answer:
    """It looks at no split that it does not name in `splits`."""
    metric = subject.metric()
    for label, step in steps(subject):
        ledger: Ledger = set()
        params = step.task.init(random.key(0))
        step.evaluate([METRIC], params, Noted(data(step.task), ledger), random.key(1), {})
        if undeclared := sorted(ledger - set(metric.splits)):
            fix = f"name them: splits={tuple(sorted(ledger))!r}"
            return failed(f"on {label}, it reads the split {' and '.join(undeclared)}, which it does not declare", fix)
    return passed()


QUESTIONS = (
    Question("number", "it is one finite number for each replica", is_a_finite_number),
    Question("group", "a seed measures the same in a group and alone, to 1e-9", is_the_same_alone),
    Question("withheld data", "it declares the splits that it reads", declares_its_splits),
)
