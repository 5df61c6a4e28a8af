"""`at.grad_at`: a second gradient of the step, checked against a plain loop and against the first one."""

import pytest
import torch

from grokbench import Regularizer, random

from .helpers.oracles import Net, batch_rows, torch_optimizer
from .helpers.small_cells import MADE_OF, distance, epochs_for, method, replica, small, trained

RHO = 0.05

pytestmark = pytest.mark.usefixtures("tiny_data")


def sharpness_aware(grads, state, at):
    """The gradient where the loss is steepest upwards (SAM): Foret et al., 2021, arXiv:2010.01412, Eq. 2 and 3."""
    norm = torch.stack([g.square().sum() for g in grads.values()]).sum().sqrt()
    return at.grad_at({name: p + RHO * grads[name] / norm for name, p in at.params.items()}), state


def declared(**phases):
    return Regularizer(privileges=frozenset({"extra_gradients"}), **phases)


def plain_sam(label, seed, epochs):
    """One seed in ordinary PyTorch: climb, take the gradient there, come back, update."""
    task, (loss, activation), root = small(label), MADE_OF[label], random.key(seed)
    inputs, targets = task.splits(random.fold(root, "task"))["train"]
    net = Net(task.init(random.fold(root, "task")), activation)
    optimizer = torch_optimizer(net.learned(), task.optimizer, task.optimizer.weight_decay)
    for epoch in range(epochs):
        for rows in batch_rows(task, root, epoch):
            here = [p.detach().clone() for p in net.parameters()]
            grads = torch.autograd.grad(loss(net(inputs[rows]), targets[rows]), list(net.parameters()))
            norm = torch.cat([g.flatten() for g in grads]).norm()
            for p, g in zip(net.parameters(), grads, strict=True):
                p.data.add_(g, alpha=float(RHO / norm))
            optimizer.zero_grad()
            loss(net(inputs[rows]), targets[rows]).backward()
            for p, before in zip(net.parameters(), here, strict=True):
                p.data.copy_(before)
            optimizer.step()
    return net.params()


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition", "xor", "mnist_mse"])
def test_a_method_with_a_second_gradient_is_the_plain_loop_of_each_seed(label):
    count = epochs_for(small(label))
    group = trained(small(label), [declared(transform=sharpness_aware)], (4, 1000), count)
    for row, seed in enumerate((4, 1000)):
        assert distance(replica(group.params, row), plain_sam(label, seed, count)) < 1e-9


@pytest.mark.parametrize("others", [[], ["grokalign"], ["gaussian_noise"], ["stablemax", "pgd_training"]])
def test_the_second_gradient_at_the_parameters_is_the_gradient(others):
    """With the same draws, penalties, perturbations and loss: nothing is drawn anew."""
    apart = []

    def compare(grads, state, at):
        again = at.grad_at(at.params)
        assert list(again) == list(grads)
        return {name: g + (again[name] - g) * 1e9 for name, g in grads.items()}, state  # any difference would show

    methods = [method(name) for name in others]
    for label in ("sparse_parity", "modular_addition"):
        count = epochs_for(small(label))
        plain, compared = (
            trained(small(label), [*methods, *added], (4, 1000), count) for added in ([], [declared(transform=compare)])
        )
        apart += [distance(replica(plain.params, row), replica(compared.params, row)) for row in (0, 1)]
    assert max(apart) < 1e-3


def test_after_the_update_it_can_be_taken_too():
    """In `project`, of the parameters as they are then."""

    def descend(params, state, at):
        return {name: p - 0.1 * at.grad_at(params)[name] for name, p in params.items()}, state

    task = small("sparse_parity")
    ends = [trained(task, methods, (0, 1), 3) for methods in ([], [declared(project=descend)])]
    assert distance(*(replica(group.params, 0) for group in ends)) > 1e-4


def test_an_undeclared_second_gradient_says_how_to_declare_it():
    with pytest.raises(ValueError, match=r'Regularizer\(\.\.\., privileges=frozenset\(\{"extra_gradients"\}\)\)'):
        trained(small("xor"), [Regularizer(transform=sharpness_aware)], (0, 1), 1)


@pytest.mark.parametrize(
    "phase",
    [
        {"perturb": lambda batch, state, at: (at.grad_at(at.params), batch)[1]},
        {"penalty": lambda local, state, at: at.grad_at(at.params)["weight1"].sum()},
    ],
    ids=["perturb", "penalty"],
)
def test_a_phase_without_a_second_gradient_names_those_that_have_it(phase):
    with pytest.raises(
        ValueError, match="grad_at can be called in transform, update and project, not in perturb, hidden or penalty"
    ):
        trained(small("xor"), [declared(**phase)], (0, 1), 1)
