"""What the evaluations of one replica say: its curves, when it memorised, when it grokked, how it ended.

Plain numbers in, a `Run` out; the engine keeps one logbook per replica. Epochs are completed passes over the training
set; evaluation 0 stands before any update.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grokbench.conditions import Condition
from grokbench.records import Curve, Outcome, Run

__all__ = ["MEMORISED", "Logbook"]

MEMORISED = 0.99  # train accuracy at which a replica has memorised its training data


@dataclass
class Logbook:
    """The evaluations of one replica so far."""

    seed: int
    conditions: Mapping[str, Condition]
    stop: str | int  # "grokked", "budget", or for how many evaluations in a row the criterion must have held
    budget: int
    epochs: int = 0
    grokked_at: int | None = None
    memorised_at: int | None = None
    held: int = 0  # evaluations in a row at which the criterion held
    outcome: Outcome | None = None  # None while in training
    curves: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)

    def record(self, epoch: int, values: Mapping[str, float]) -> None:
        """Enter measured values into the curves."""
        for label, value in values.items():
            epochs, measured = self.curves.setdefault(label, ([], []))
            epochs.append(epoch)
            measured.append(value)

    def judge(self, epoch: int, values: Mapping[str, float], finite: bool) -> Outcome | None:
        """Decide at an evaluation whether the replica is done, and how; `finite`: every loss in training was."""
        self.epochs = epoch
        if self.memorised_at is None and values.get("train_accuracy", 0.0) >= MEMORISED:
            self.memorised_at = epoch
        self._watch_criterion(epoch, values)
        if not (finite and math.isfinite(values.get("train_loss", 0.0))):
            self.outcome = Outcome.GROKKED if self._counts() else Outcome.DIVERGED
        elif self._may_stop():
            self.outcome = Outcome.GROKKED
        elif epoch >= self.budget:
            self.outcome = Outcome.GROKKED if self._counts() else Outcome.CENSORED
        return self.outcome

    def _watch_criterion(self, epoch: int, values: Mapping[str, float]) -> None:
        """`grokked_at` is the first of the evaluations for which the criterion has to hold."""
        holds = all(condition.holds(values[label]) for label, condition in self.conditions.items())
        sustained = isinstance(self.stop, int)
        self.held = self.held + 1 if holds else 0
        if holds and (self.grokked_at is None or (sustained and self.held == 1)):
            self.grokked_at = epoch

    def _may_stop(self) -> bool:
        if isinstance(self.stop, int):
            return self.held >= self.stop
        return self.stop == "grokked" and self.grokked_at is not None

    def _counts(self) -> bool:
        """When training ends early or at the budget: a criterion that had to hold longer has not been met."""
        return self.grokked_at is not None and not isinstance(self.stop, int)

    def run(self, identity: str, **facts: Any) -> Run:
        """The record of a replica that is done."""
        assert self.outcome is not None
        grokked = self.outcome is Outcome.GROKKED
        curves = {label: Curve(tuple(epochs), tuple(values)) for label, (epochs, values) in self.curves.items()}
        return Run(
            identity=identity,
            seed=self.seed,
            outcome=self.outcome,
            grokked_at=self.grokked_at if grokked else None,
            memorised_at=self.memorised_at,
            epochs=self.epochs,
            final={label: curve.values[-1] for label, curve in curves.items()},
            curves=curves,
            **facts,
        )
