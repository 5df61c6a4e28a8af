"""The phases of a step: their order, what each may look at, frozen parameters, and combined methods."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
import torch

from grokbench.engine.gradients import look_ahead
from grokbench.metrics.standard import weight_norm
from grokbench.records import Outcome
from grokbench.regularizer import Regularizer
from grokbench.types import Batch, Optimizer

from .helpers.small_cells import (
    distance,
    epochs_for,
    make_step,
    method,
    pairs,
    plain,
    replica,
    small,
    spread,
    train_runs,
    trained,
)

pytestmark = pytest.mark.usefixtures("tiny_data")

PHASED = ["gaussian_noise", "pgd_training", "norm_sphere", "norm_sphere_cap", "stablemax"]
COMBINED = {  # label of a task -> methods whose order matters
    "xor": ["pgd_training", "gaussian_noise", "jacobian_level", "clip_gradients", "norm_sphere"],
    "sparse_parity": ["gaussian_noise", "stablemax", "grokalign", "norm_sphere_cap"],
    "modular_addition": ["gaussian_noise", "pgd_training", "stablemax", "orthograd", "norm_sphere"],
}


def follows(task, label, names, seeds=(4, 1000)):
    """The group of those seeds, each of which is its plain loop."""
    count = epochs_for(task)
    group = trained(task, [method(name) for name in names], seeds, count)
    for row, seed in enumerate(seeds):
        assert distance(replica(group.params, row), plain(label, names, seed, count, task)[0]) < 1e-9
    return group


# ---- order


@dataclass(frozen=True)
class Noted(Optimizer):
    """An optimizer that says when it is called."""

    inner: Optimizer | None = None
    seen: tuple[list, str] = ()
    decoupled = True

    def init(self, params):
        return self.inner.init(params)

    def update(self, params, grads, state):
        notes, name = self.seen
        notes.append(f"optimizer {name}")
        return self.inner.update(params, grads, state)


def noting(seen, name):
    """A method that adds nothing in any phase, and notes each."""

    def through(phase, which):
        def called(*given):
            seen.append(f"{phase} {name}")
            return which(*given)

        return called

    both = lambda moved, state, at: (moved, state)  # noqa: E731
    return Regularizer(
        prepare=through("prepare", lambda params, task, train, key: params),
        init=through("init", lambda params: ()),
        perturb=through("perturb", lambda batch, state, at: batch),
        objective=lambda loss: through("loss", loss),
        penalty=through("penalty", lambda local, state, at: 0.0 * local.outputs.sum()),
        transform=through("transform", both),
        optimizer=lambda inner: Noted(inner.lr, inner.weight_decay, inner, (seen, name)),
        project=through("project", both),
    )


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition"])
def test_the_phases_of_a_step_come_in_one_order(label):
    seen, task = [], small(label)
    trained(task, [noting(seen, "a"), noting(seen, "b")], (0, 1), 2)
    begun, per_step = ["prepare a", "prepare b"] * 2 + ["init a", "init b"], [
        *("perturb a", "perturb b", "loss b", "loss a", "penalty a", "penalty b"),  # b wraps the loss of a
        *("transform a", "transform b", "optimizer b", "optimizer a", "project a", "project b"),
    ]  # fmt: skip
    trial = ["init a", "project a", "init b", "project b"]  # once, on shapes: do projections look at `at.params`?
    first = len(begun) + per_step.index("optimizer b")
    assert seen[first : first + len(trial)] == trial
    del seen[first : first + len(trial)]
    assert seen == begun + per_step * 2 * task.steps


@pytest.mark.parametrize("label", COMBINED)
def test_combined_methods_act_in_their_order(label):
    task, names = small(label), COMBINED[label]
    group = follows(task, label, names)
    swapped = trained(task, [method(name) for name in reversed(names)], (4, 1000), epochs_for(task))
    assert distance(replica(group.params, 0), replica(swapped.params, 0)) > 1e-6


@pytest.mark.parametrize("label", COMBINED)
def test_combined_methods_in_a_group_are_each_seed_alone(label):
    task, methods = small(label), [method(name) for name in COMBINED[label]]
    group = trained(task, methods, range(5), epochs_for(task))
    for row in range(5):
        alone = trained(task, methods, (row, row), epochs_for(task))
        assert distance(replica(group.params, row), replica(alone.params, 0)) < 1e-9


# ---- what a phase may look at


class Apart(NamedTuple):
    """How far what a phase saw lies from what it should have seen."""

    outputs: torch.Tensor
    projected: torch.Tensor
    params: torch.Tensor


def largest(left, right):
    return torch.stack([(left[name] - right[name]).abs().max() for name in left]).max()


def looking(checked):
    """A method that compares what it sees in each phase."""

    def init(params):
        zero = next(iter(params.values())).new_zeros(())
        return Apart(zero, zero, zero)

    def perturb(batch, state, at):
        checked.append(at.outputs is None and list(at.params) == ["weight1", "weight2"])
        return batch

    def transform(grads, state, at):
        apart = (at.outputs - at.forward(at.batch.inputs)).abs().max()
        return grads, state._replace(outputs=torch.maximum(state.outputs, apart))

    def project(params, state, at):
        again = (at.outputs - at.forward(at.batch.inputs)).abs().max()  # both at the parameters before the update
        moved = largest(at.params, params)
        return params, state._replace(
            projected=torch.maximum(state.projected, again), params=torch.maximum(state.params, moved)
        )

    return Regularizer(init=init, perturb=perturb, transform=transform, project=project)


def test_every_phase_sees_this_steps_outputs_and_the_parameters_of_its_gradient():
    checked = []
    group = trained(small("modular_addition"), [looking(checked)], (0, 1), 2)
    outputs, projected, moved = group.states[0]
    assert checked[-6:] == [True] * 6
    assert float(outputs.max()) < 1e-12 and float(projected.max()) < 1e-12
    assert float(moved.min()) > 1e-6  # what project gets is after the update


def test_the_network_at_hand_carries_no_gradient_to_the_parameters():
    def perturb(batch, state, at):
        pull = at.forward(batch.inputs).sum()  # would move the parameters if it were differentiated
        return Batch(batch.inputs + 0.0 * pull, batch.targets)

    def leak(batch, state, at):
        return Batch(batch.inputs + at.forward(batch.inputs).mean(), batch.targets)

    task = small("xor")
    ends = [trained(task, methods, (0, 1), 5) for methods in ([], [Regularizer(perturb=perturb)])]
    assert distance(*(replica(group.params, 0) for group in ends)) < 1e-12
    moved, detached = (
        trained(task, [Regularizer(perturb=function)], (0, 1), 5)
        for function in (leak, lambda *given: Batch(leak(*given).inputs.detach(), given[0].targets))
    )
    assert distance(replica(moved.params, 0), replica(detached.params, 0)) == 0.0


# ---- frozen parameters


@pytest.mark.parametrize(("label", "name"), spread(["xor", "sparse_parity"]))  # L2, and decoupled decay
def test_frozen_parameters_never_move(label, name):
    task = replace(small(label), frozen=frozenset({"weight1"}))
    assert task.optimizer.weight_decay > 0.0
    begun = trained(task, [method(name)], (4, 1000), 0)
    group = follows(task, label, [name])
    assert torch.equal(group.params["weight1"], begun.params["weight1"])
    assert list(group.params) == list(begun.params)
    assert not torch.equal(group.params["weight2"], begun.params["weight2"])


def test_frozen_parameters_never_move_under_combined_methods():
    task = replace(small("sparse_parity"), frozen=frozenset({"weight2", "bias1"}))
    group = follows(task, "sparse_parity", COMBINED["sparse_parity"])
    begun = trained(task, [], (4, 1000), 0)
    assert all(torch.equal(group.params[name], begun.params[name]) for name in task.frozen)


# ---- evaluations


@pytest.mark.parametrize(("label", "ahead"), [("sparse_parity", True), ("xor", True), ("modular_addition", False)])
def test_a_perturbed_batch_is_no_look_at_the_training_set(label, ahead):
    task = small(label)
    for name, looks in (("norm_sphere", ahead), ("gaussian_noise", False), ("pgd_training", False)):
        step = make_step(task, [method(name)])
        group = trained(task, [method(name)], (0, 1), 1)
        pending, known = look_ahead(step, group, 1)
        assert (pending is not None, bool(known)) == (looks, looks)


@pytest.mark.parametrize(("label", "name"), [pair for pair in pairs(["xor", "sparse_parity"]) if pair[1] in PHASED])
def test_evaluations_see_clean_inputs_and_the_tasks_own_loss(label, name):
    task, seeds = small(label), (4, 1000)
    count = epochs_for(task)
    for run, seed in zip(train_runs(task, [method(name)], seeds, count), seeds, strict=True):
        _, evaluations = plain(label, [name], seed, count)
        for metric, curve in run.curves.items():
            assert curve.values == pytest.approx([values[metric] for values in evaluations], rel=1e-9, abs=1e-12)


def test_a_metric_by_the_decade_is_measured_at_its_marks_and_at_the_end():
    task = small("sparse_parity")
    step = make_step(task, metrics={"norm": weight_norm()}, every={"norm": {"per_decade": 3}})  # 1, 2.2, 4.6, 10, 22
    for run in train_runs(task, [], (0, 1), 25, step=step, evaluate_every=2):
        assert run.curves["norm"].epochs == (0, 2, 4, 6, 10, 22, 25)
        assert run.curves["test_loss"].epochs == (*range(0, 25, 2), 25)
        assert run.final["norm"] == run.curves["norm"].values[-1]


def test_a_metric_by_the_decade_is_measured_where_a_replica_stops():
    task = small("xor")
    step = make_step(task, metrics={"norm": weight_norm()}, every={"norm": {"per_decade": 1}})
    losses = [run.curves["train_loss"].values[6] for run in train_runs(task, [], (0, 1), 6)]
    grokked = {"train_loss": f"<= {max(losses)!r}"}
    for run in train_runs(task, [], (0, 1), 50, step=step, grokked=grokked, stop="grokked"):
        assert run.outcome is Outcome.GROKKED and 1 < run.epochs < 10
        assert run.curves["norm"].epochs == (0, 1, run.epochs)
