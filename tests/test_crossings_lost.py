"""Grokking that is lost, and the crossing after which it never is: monitors against a plain reimplementation."""

import math
import random
from dataclasses import replace

import pytest
import torch

from grokbench.criterion import parse_condition
from grokbench.engine import start
from grokbench.engine.crossings import CrossingsMonitor, margins
from grokbench.engine.loop import TrainingLoop
from grokbench.random import key as random_key
from grokbench.records import LASTING, Crossings

from .helpers.small_cells import make_cell, make_step, small

CRITERION = {"test_accuracy": parse_condition("> 0.8")}
ALLOWED = {"test_accuracy": 2 * math.sqrt(0.8 * 0.2 / 100)}  # of 100 examples: 0.08


def course(accuracies, hold=4, allowed=ALLOWED):
    monitor = CrossingsMonitor(hold, allowed)
    for epoch, accuracy in enumerate(accuracies):
        monitor.record(epoch, {"test_accuracy": accuracy}, CRITERION, math.isfinite(accuracy))
    return monitor.result()


def plain(accuracies, hold, allowed):
    """The same record, read off a whole course at once."""
    holds = [value > 0.8 for value in accuracies]
    crossings = [t for t in range(len(holds)) if holds[t] and (t == 0 or not holds[t - 1])]
    if not crossings:
        return Crossings(lost=0)
    followed = {t: holds[t + 1 : t + 1 + hold] for t in crossings}
    whole = {t: after for t, after in followed.items() if len(after) == hold}
    lasting = next((t for t, after in whole.items() if sum(after) >= LASTING * hold - 1e-9), None)
    strict = next((t for t, after in whole.items() if all(after)), None)
    still_open = [t for t in crossings if t not in whole]
    later = range(crossings[0] + 1, len(holds))
    below, lost = [t for t in later if not holds[t]], [t for t in later if accuracies[t] < 0.8 - allowed]
    return Crossings(
        first=crossings[0],
        lasting=lasting,
        missed=0 if lasting is None else hold - sum(followed[lasting]),
        watched=len(later),
        below=len(below),
        below_at=min(below, default=None),
        worst={"test_accuracy": min(accuracies[t] for t in later)} if later else {},
        open_since=min(still_open, default=None) if lasting is None else None,
        lost=len(lost),
        lost_at=min(lost, default=None),
        strict=strict,
        strict_since=min((t for t in still_open if all(followed[t])), default=None) if strict is None else None,
    )


def test_random_courses_against_a_plain_reimplementation():
    draw = random.Random(0)
    kinds = set()
    for _ in range(500):
        hold, allowed, stays = draw.choice([2, 5, 20, 40]), draw.choice([0.0, 0.08]), draw.choice([0.5, 0.9, 0.98])
        high = [draw.random() < stays for _ in range(draw.randrange(90))]
        accuracies = [draw.uniform(0.81, 1.0) if up else draw.uniform(0.65, 0.79) for up in high]
        found = course(accuracies, hold, {"test_accuracy": allowed})
        assert found == plain(accuracies, hold, allowed)
        kinds.add(
            (found.lasting is not None, found.strict is not None, found.lasting == found.strict, bool(found.lost))
        )
    assert len(kinds) >= 6  # lasting and strict, at one crossing and at two, lost and not


def test_a_dip_within_two_binomial_standard_deviations_is_not_a_loss():
    found = course([0.1, 0.9, 0.73, 0.9, 0.71, 0.9])
    assert (found.below, found.below_at, found.lost, found.lost_at) == (2, 2, 1, 4)


def test_what_is_not_finite_is_lost():
    assert course([0.9, math.nan]).lost == 1


def test_a_metric_that_is_no_accuracy_is_lost_at_any_violation():
    assert course([0.9, 0.8, 0.79], allowed={}).lost == 2


def test_a_metric_that_has_to_stay_low_is_lost_above_its_threshold():
    low = parse_condition("< 0.3")
    assert [low.lost(value, 0.1) for value in (0.2, 0.3, 0.39, 0.41, math.inf)] == [False, False, False, True, True]


def test_grokking_may_last_before_it_is_strict():
    wobbling = [0.9] + [0.9] * 10 + [0.7] + [0.9] * 30
    kept = course(wobbling, hold=20)
    assert (kept.lasting, kept.missed, kept.strict) == (0, 1, 12)
    stopped = course(wobbling[:21], hold=20)  # where training ends
    assert (stopped.lasting, stopped.strict, stopped.strict_since) == (0, None, 12)


MEASURED = {
    "test_accuracy": {"use": "accuracy", "parameters": {"split": "test"}, "every": None},
    "attacked": {"use": "pgd_accuracy", "parameters": {"split": "test"}, "every": None},
}


def test_only_the_accuracy_of_a_split_has_a_margin():
    criterion = {"test_accuracy": "> 0.9", "attacked": "> 0.5", "train_loss": "< 0.1"}
    cell = replace(make_cell(small("xor"), 3, grokked=criterion), measured=MEASURED)
    assert margins(cell, {"train": 10, "test": 900}) == {"test_accuracy": pytest.approx(0.02)}
    assert margins(cell, {"train": 10}) == {}


def test_the_engine_takes_the_size_of_the_test_set_of_a_replica(tiny_data):
    for label in ("sparse_parity", "mnist"):  # data of each replica, and data that all share
        task = small(label)
        group, _ = start(make_step(task), (0, 1, 2), "cpu", torch.float32)
        shared = task.shared(torch.device("cpu")) if task.shared else {}
        drawn = task.splits(random_key(0)) | shared
        assert group.examples["test"] == len(drawn["test"].targets)
        assert group.examples["train"] == task.train_size
    cell = replace(make_cell(task, 3), measured=MEASURED)
    loop = TrainingLoop.begin(cell, make_step(task), None, (0, 1), "cpu", torch.float32, None)
    assert loop.monitors[1].crossings.margins == margins(cell, group.examples) != {}
