"""What evaluations say: when a replica memorised and grokked, when it is done, and how it ended."""

import math

from grokbench.criterion import parse_condition
from grokbench.engine.stopping import StoppingMonitor
from grokbench.records import Curve, Outcome

CRITERION = {"test_accuracy": parse_condition("> 0.8"), "noise_accuracy": parse_condition(">= 0.5")}


def monitor(stop="grokked", budget=10):
    return StoppingMonitor(3, CRITERION, stop, budget)


def values(test, noise=1.0, train=0.0):
    return {"test_accuracy": test, "noise_accuracy": noise, "train_accuracy": train}


def judged(monitor, accuracies, finite=True):
    """The outcomes of evaluations at epochs 0, 1, 2, ..."""
    return [monitor.judge(epoch, values(test), finite) for epoch, test in enumerate(accuracies)]


def test_training_ends_at_the_first_evaluation_at_which_everything_holds():
    replica = monitor()
    assert replica.judge(0, values(0.9, noise=0.4), True) is None
    assert replica.judge(1, values(0.8), True) is None
    assert replica.judge(2, values(0.81, noise=0.5), True) is Outcome.GROKKED
    assert (replica.grokked_at, replica.epochs) == (2, 2)


def test_the_budget_censors():
    replica = monitor(budget=2)
    assert judged(replica, [0.1, 0.2, 0.3]) == [None, None, Outcome.CENSORED]
    assert replica.run("identity").grokked_at is None


def test_grokking_at_the_budget_is_grokking():
    assert judged(monitor(budget=1), [0.1, 0.9])[-1] is Outcome.GROKKED


def test_a_figure_runs_to_the_budget_and_keeps_the_first_epoch():
    figure = monitor(stop="budget", budget=4)
    assert judged(figure, [0.1, 0.9, 0.1, 0.9, 0.2]) == [None] * 4 + [Outcome.GROKKED]
    assert figure.run("identity").grokked_at == 1


def test_a_sustained_criterion_starts_anew_when_it_breaks():
    sustained = monitor(stop=3)
    assert judged(sustained, [0.9, 0.9, 0.1, 0.9, 0.9, 0.9]) == [None] * 5 + [Outcome.GROKKED]
    assert sustained.run("identity").grokked_at == 3


def test_a_sustained_criterion_that_is_cut_short_by_the_budget_is_censored():
    sustained = monitor(stop=3, budget=2)
    assert judged(sustained, [0.1, 0.9, 0.9])[-1] is Outcome.CENSORED
    assert sustained.run("identity").grokked_at is None


def test_a_loss_that_is_not_finite_diverges():
    replica = monitor()
    replica.judge(0, values(0.1), True)
    assert replica.judge(1, values(math.nan), False) is Outcome.DIVERGED
    assert replica.run("identity").grokked_at is None


def test_a_replica_that_grokked_before_diverging_has_grokked():
    figure = monitor(stop="budget")
    figure.judge(0, values(0.9), True)
    assert figure.judge(1, values(math.nan), False) is Outcome.GROKKED
    assert figure.run("identity").grokked_at == 0


def test_a_sustained_criterion_that_is_cut_short_by_divergence_has_diverged():
    sustained = monitor(stop=3)
    sustained.judge(0, values(0.9), True)
    assert sustained.judge(1, values(math.nan), False) is Outcome.DIVERGED
    assert sustained.run("identity").grokked_at is None


def test_memorising_is_the_first_train_accuracy_of_99_percent():
    replica = monitor()
    for epoch, train in enumerate([0.5, 0.989, 0.99, 0.5, 1.0]):
        replica.judge(epoch, values(0.1, train=train), True)
    assert replica.memorised_at == 2


def test_memorising_needs_a_train_accuracy():
    replica = monitor()
    replica.judge(0, {"test_accuracy": 0.1, "noise_accuracy": 0.1}, True)
    assert replica.memorised_at is None


def test_the_run_holds_curves_the_last_values_and_the_facts():
    replica = monitor()
    for epoch, test in ((0, 0.1), (4, 0.9)):
        replica.judge(epoch, values(test), True)
        replica.record(epoch, {"test_accuracy": test} | ({"norm": 2.0} if epoch == 0 else {}))
    run = replica.run("identity", prepare_seconds=1.5, group=(3, 4))
    assert run.curves == {"test_accuracy": Curve((0, 4), (0.1, 0.9)), "norm": Curve((0,), (2.0,))}
    assert run.final == {"test_accuracy": 0.9, "norm": 2.0}
    assert (run.identity, run.seed, run.epochs, run.prepare_seconds, run.group) == ("identity", 3, 4, 1.5, (3, 4))
