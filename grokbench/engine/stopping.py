"""The stopping rule of one replica, which also records its curves, its outcome, and when it memorised and grokked.

Evaluations are plain numbers, and the result is a `Run`. Epochs are completed passes over the training set, so the
evaluation at epoch 0 precedes any update.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grokbench.criterion import Condition, Stop
from grokbench.engine.crossings import CrossingsMonitor
from grokbench.records import Curve, Outcome, Run

__all__ = ["MEMORISED", "StoppingMonitor"]

MEMORISED = 0.99  # train accuracy at which a replica has memorised its training data


@dataclass
class StoppingMonitor:
    """The evaluations of one replica so far, and the rule that decides when its training stops.

    Attributes:
        seed: the seed of the replica.
        conditions: metric label -> condition; the criterion holds if all conditions hold.
        stop: "grokked" to stop when the criterion holds; "budget" to train to the budget; the number of consecutive
            evaluations at which the criterion must hold; or {"hold": H} to stop once grokking has lasted for H epochs.
        budget: the maximum number of epochs.
        epochs: completed epochs.
        grokked_at: the epoch at which the criterion first held; with a number as `stop`, the first epoch of the latest
            streak.
        memorised_at: the first epoch with a train accuracy of at least MEMORISED.
        held: the number of latest consecutive evaluations at which the criterion held.
        crossings: the course of the criterion.
        outcome: None while in training.
        curves: metric label -> epochs and values.
        weights: epoch at which the weights were kept -> sha256 of the file.
    """

    seed: int
    conditions: Mapping[str, Condition]
    stop: Stop
    budget: int
    epochs: int = 0
    grokked_at: int | None = None
    memorised_at: int | None = None
    held: int = 0
    crossings: CrossingsMonitor = field(default_factory=CrossingsMonitor)
    outcome: Outcome | None = None
    curves: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)
    weights: dict[int, str] = field(default_factory=dict)

    def record(self, epoch: int, values: Mapping[str, float]) -> None:
        """Append an evaluation to the curves.

        Args:
            epoch: completed epochs.
            values: metric label -> value.
        """
        for label, value in values.items():
            epochs, measured = self.curves.setdefault(label, ([], []))
            epochs.append(epoch)
            measured.append(value)

    def judge(self, epoch: int, values: Mapping[str, float], finite: bool) -> Outcome | None:
        """Decide at an evaluation whether training stops.

        Args:
            epoch: completed epochs.
            values: metric label -> value; the criterion's metrics must be among them.
            finite: True if every training loss so far was finite.

        Returns:
            The outcome, or None if training goes on.
        """
        self.epochs = epoch
        if self.memorised_at is None and values.get("train_accuracy", 0.0) >= MEMORISED:
            self.memorised_at = epoch
        finite = finite and math.isfinite(values.get("train_loss", 0.0))
        self.crossings.record(epoch, values, self.conditions, finite)
        self._apply_criterion(epoch)
        if not finite:
            self.outcome = Outcome.GROKKED if self._counts() else Outcome.DIVERGED
        elif self._may_stop():
            self.outcome = Outcome.GROKKED
        elif epoch >= self.budget and not self.crossings.may_last(self.budget):
            self.outcome = Outcome.GROKKED if self._counts() else Outcome.CENSORED
        return self.outcome

    def _apply_criterion(self, epoch: int) -> None:
        """Update `held` and `grokked_at`, the first of the evaluations at which the criterion must hold."""
        holds = self.crossings.holds
        sustained = isinstance(self.stop, int)
        self.held = self.held + 1 if holds else 0
        if holds and (self.grokked_at is None or (sustained and self.held == 1)):
            self.grokked_at = epoch

    def _may_stop(self) -> bool:
        if isinstance(self.stop, int):
            return self.held >= self.stop
        if isinstance(self.stop, Mapping):
            return self.crossings.lasting is not None
        return self.stop == "grokked" and self.grokked_at is not None

    def _counts(self) -> bool:
        """Return whether a replica that ends now has grokked; it has not if the criterion had to hold for longer."""
        return self.grokked_at is not None and not isinstance(self.stop, int)

    def run(self, identity: str, **facts: Any) -> Run:
        """Return the run of a replica whose training has stopped.

        Args:
            identity: the identity of the cell.
            facts: further fields of `Run`.
        """
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
            crossings=self.crossings.result(),
            weights=self.weights,
            **facts,
        )
