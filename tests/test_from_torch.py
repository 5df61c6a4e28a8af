"""Optimizer classes in the style of torch.optim as methods, against plain loops of one seed."""

from dataclasses import replace

import pytest
import torch

from grokbench import engine
from grokbench.engine.executors import make_executor
from grokbench.step.build import build_step
from grokbench.torch_optimizers import from_torch

from .helpers.small_cells import distance, make_step, replica, small, train_runs, trained

SEEDS = (4, 1000)
EPOCHS = 5


def task():
    return replace(small("modular_addition"), batch_size=9)


def looped(cls, seed, roles=None, **settings):
    """Train one seed by the optimizer as anybody would, weights in torch's layout."""
    step = build_step(task(), [], {})
    group, _ = engine.start(step, (seed, seed), "cpu", torch.float64)
    named = {n: torch.nn.Parameter(p[0].T.clone() if p[0].ndim == 2 else p[0].clone()) for n, p in group.params.items()}
    optimizer = cls(list(named.values()), **settings)
    for epoch in range(EPOCHS):
        for batch, _ in engine.epoch_batches(step, group, epoch):
            optimizer.zero_grad()
            params = {name: p.T if p.ndim == 2 else p for name, p in named.items()}
            step.task.loss(step.task.outputs(params, batch.inputs[0]), batch.targets[0]).backward()
            optimizer.step()
    return {name: (p.T if p.ndim == 2 else p).detach() for name, p in named.items()}


@pytest.mark.parametrize(
    ("cls", "settings"),
    [
        (torch.optim.NAdam, {"lr": 0.01}),
        (torch.optim.Adafactor, {"lr": 0.01}),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        (torch.optim.Rprop, {"lr": 0.01}),
        (torch.optim.ASGD, {"lr": 0.01}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_class_in_one_line_has_the_numbers_of_a_plain_loop(cls, settings):
    method = from_torch(cls, **settings)()
    group = trained(task(), [method], SEEDS, EPOCHS)
    for row, seed in enumerate(SEEDS):
        assert distance(replica(group.params, row), looped(cls, seed, **settings)) < 1e-12


def test_parameters_of_other_roles_are_the_tasks_optimizers():
    method = from_torch(torch.optim.SGD, lr=0.1, roles=["readout"])()
    group, plain = trained(task(), [method], SEEDS, 1), trained(task(), [], SEEDS, 1)
    readout = [name for name, role in task().roles.items() if role == "readout"]
    assert set(group.optimizer.mean) == set(group.params) - set(readout) and readout
    assert distance({n: group.params[n] for n in readout}, {n: plain.params[n] for n in readout}) > 1e-4


def test_a_factory_has_the_classs_parameters_and_a_name_of_a_plugin():
    factory = from_torch(torch.optim.NAdam, lr=0.5)
    assert factory.__name__ == "nadam" and factory.__signature__.parameters["lr"].default == 0.5
    assert factory.__annotations__["betas"] == tuple[float, float]
    assert from_torch(torch.optim.SGD, name="momentum", momentum=0.9).__name__ == "momentum"
    with pytest.raises(TypeError, match="NAdam has no parameter 'learning_rate', expected one of: lr, betas"):
        from_torch(torch.optim.NAdam, learning_rate=0.1)


class Averaging(torch.optim.SGD):
    """Keeps the mean of the weights, and swaps it in for evaluations."""

    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            group["count"] = group.get("count", 0) + 1
            for p in group["params"]:
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.detach(), 1.0 / group["count"])

    def train(self):
        pass

    def eval(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.copy_(self.state[p]["mean"])


def test_a_class_with_an_eval_mode_is_evaluated_there():
    method = from_torch(Averaging, lr=0.1)()
    assert method.privileges == {"averaged_weights"}
    step = make_step(task(), [method])
    group, _ = engine.start(step, SEEDS, "cpu", torch.float64)
    assert distance(engine.mapping.over_replicas(step, step.evaluated)(group.params, group.states), group.params) == 0
    seen = []
    for epoch in range(3):
        group = engine.train_epoch(step, group, epoch)
    before = {name: p.clone() for name, p in group.params.items()}
    averaged = engine.mapping.over_replicas(step, step.evaluated)(group.params, group.states)
    assert distance(averaged, group.params) > 1e-6 and distance(before, group.params) == 0 and not seen


def test_replicas_are_trained_one_by_one_and_marked_so():
    method = from_torch(torch.optim.NAdam, lr=0.01)()
    assert "one by one" in make_executor(make_step(task(), [method]), "cpu").note
    runs = train_runs(task(), [method], SEEDS, 4)
    assert all("one by one" in run.provenance["pace"] for run in runs)


def test_a_group_of_seeds_is_each_seed_alone():
    method = from_torch(torch.optim.NAdam, lr=0.01)()
    group = trained(task(), [method], (0, 1, 2), EPOCHS)
    for row in range(3):
        alone = trained(task(), [method], (row, row), EPOCHS)
        assert distance(replica(group.params, row), replica(alone.params, 0)) < 1e-12
