"""Training on noisy and on adversarial inputs, against the definitions and plain loops."""

import pytest
import torch

from grokbench import Batch, random
from grokbench.regularizers.gaussian_noise import gaussian_noise
from grokbench.regularizers.pgd_training import pgd_training

from .helpers.oracles import cross_entropy
from .helpers.phase_inputs import DOUBLE, at, network, normals, parameters
from .helpers.small_cells import epochs_for, small, trained

CLASSES = torch.tensor([0, 2, 1, 1, 0, 2])


# ---- Gaussian noise


def sigmas(regularizer, epochs):
    """The size of the noise in every step, where epochs are lists of (correct, seen) per step."""
    state, found, step = regularizer.init(parameters()), [], 0
    for epoch, steps in enumerate(epochs):
        for correct, n in steps:
            now = dict(step=step, key=random.key(step), epoch=torch.tensor(epoch))
            x = normals(n, 5)
            noisy, targets = regularizer.perturb(Batch(x, torch.arange(n)), state, at({}, **now))
            assert torch.equal(targets, torch.arange(n))
            z = random.normal(random.fold(random.key(step), "noise"), (n, 5))
            sigma = float(((noisy - x) / z).mean())
            torch.testing.assert_close(noisy, x + sigma * z, rtol=0.0, atol=1e-12)
            found.append(sigma)
            outputs, batch = torch.zeros(n, 3), Batch(x, torch.tensor([0] * correct + [1] * (n - correct)))
            given = {"weight1": normals(2)}
            grads, state = regularizer.transform(given, state, at({}, **now, outputs=outputs, batch=batch))
            assert grads == given
            step += 1
    return found


def test_the_noise_follows_the_accuracy_of_the_last_completed_epoch():
    epochs = [[(1, 8), (4, 8), (0, 6)], [(8, 8), (8, 8), (2, 6)], [(8, 8), (8, 8), (6, 6)], [(0, 8)]]
    found = sigmas(gaussian_noise(), epochs)
    expected = [0.06] * 3 + [0.06 * (1 - 5 / 22)] * 3 + [0.03] * 3 + [0.03]  # 18 of 22: 0.011, below the floor
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_full_batch_is_an_epoch_of_one_step():
    found = sigmas(gaussian_noise(scale=1.0, floor=0.25), [[(0, 8)], [(2, 8)], [(4, 8)], [(8, 8)], [(1, 8)]])
    assert found == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.25], rel=1e-12)


def test_the_noise_is_standard_normal_and_anew_for_every_key():
    regularizer, batch = gaussian_noise(scale=0.0, floor=0.5), Batch(torch.zeros(400, 50), torch.zeros(400))
    state = regularizer.init(parameters())
    first, second = (regularizer.perturb(batch, state, at({}, key=random.key(k))).inputs for k in (0, 1))
    for noise in (first, second):
        assert float(noise.std()) == pytest.approx(0.5, rel=0.02) and abs(float(noise.mean())) < 0.01
    assert abs(float((first * second).mean())) < 0.01


@pytest.mark.parametrize("label", ["xor", "modular_addition"])
@pytest.mark.usefixtures("tiny_data")
def test_the_counter_of_training_sees_each_example_of_the_last_epoch_once(label):
    task = small(label)
    state = trained(task, [gaussian_noise()], (0, 1), epochs_for(task)).states[0]
    assert state.seen.tolist() == [task.train_size] * 2
    assert state.epoch.tolist() == [epochs_for(task) - 1] * 2
    assert all(0.0 < float(last) <= 1.0 for last in state.last) and state.last.dtype == torch.float64


# ---- PGD

FACTS = {"cross_entropy": True}


def attacked(net, inputs, key=0, bounds=None, targets=CLASSES, facts=FACTS, **options):
    seen = dict(facts=facts, forward=net, loss=cross_entropy, key=random.key(key), input_bounds=bounds)
    perturbed, same = pgd_training(**options).perturb(Batch(inputs, targets), (), at({}, **seen))
    assert torch.equal(same, targets)
    return perturbed.detach()


@pytest.mark.parametrize("bounds", [None, (-1.0, 0.5)])
@pytest.mark.parametrize("random_start", [True, False])
def test_an_attack_never_leaves_its_ball_or_the_valid_inputs(bounds, random_start):
    _, net, inputs = network(3)
    inputs = inputs.clamp(*bounds) if bounds else inputs
    for key in range(20):
        for step_size in (0.02, 0.1, 5.0):
            moved = attacked(
                net, inputs, key, bounds, radius=0.3, step_size=step_size, steps=4, random_start=random_start
            )
            assert float((moved - inputs).abs().max()) <= 0.3 + 1e-15
            assert bounds is None or bool(((moved >= bounds[0]) & (moved <= bounds[1])).all())


def test_a_cross_entropy_has_the_same_signs_without_its_rounding():
    _, net, inputs = network(3)
    manner = dict(radius=0.3, step_size=0.1, steps=4, random_start=False)
    assert torch.equal(attacked(net, inputs, **manner), attacked(net, inputs, facts={}, **manner))
    sure = lambda x: 300.0 * net(x.double()).float()  # noqa: E731
    blind = attacked(sure, inputs.float(), facts={}, **manner)
    seeing = attacked(sure, inputs.float(), **manner)
    reference = attacked(lambda x: 300.0 * net(x), inputs, **manner).float()
    torch.testing.assert_close(seeing, reference, rtol=0, atol=1e-6)
    assert not torch.equal(blind, seeing)


def test_one_step_of_a_linear_network_is_the_sign_of_its_weights():
    w, inputs = normals(5), normals(6, 5, seed=3)
    net = lambda x: torch.stack([x @ w, -(x @ w)], -1)  # noqa: E731
    targets = torch.tensor([0, 1, 0, 1, 1, 0])
    moved = attacked(net, inputs, targets=targets, radius=0.2, step_size=0.05, steps=1, random_start=False)
    towards = torch.where(targets == 0, -1.0, 1.0).double()[:, None]  # the loss of class 0 grows where x.w falls
    torch.testing.assert_close(moved, inputs + 0.05 * towards * w.sign(), **DOUBLE)
    far = attacked(net, inputs, targets=targets, radius=0.2, step_size=0.05, steps=30)
    torch.testing.assert_close(far, inputs + 0.2 * towards * w.sign(), **DOUBLE)  # from any start, to the corner


@pytest.mark.parametrize("bounds", [None, (-1.0, 0.5)])
def test_an_attack_is_the_plain_ascent_of_each_example(bounds):
    _, net, inputs = network(3)
    inputs = inputs.clamp(*bounds) if bounds else inputs
    found = attacked(net, inputs, 7, bounds, radius=0.3, step_size=0.1, steps=5)
    start = 0.3 * (2.0 * random.uniform(random.fold(random.key(7), "attack"), (6, 5)) - 1.0)
    low, high = bounds or (-torch.inf, torch.inf)
    for x, y, u, adversarial in zip(inputs, CLASSES, start, found, strict=True):
        moved = (x + u).clamp(low, high)
        for _ in range(5):
            moved = moved.detach().requires_grad_()
            (ascent,) = torch.autograd.grad(cross_entropy(net(moved[None]), y[None]), moved)
            moved = torch.minimum(torch.maximum(moved + 0.1 * ascent.sign(), x - 0.3), x + 0.3).clamp(low, high)
        torch.testing.assert_close(adversarial, moved.detach(), **DOUBLE)


@pytest.mark.parametrize("bounds", [None, (-1.0, 1.0)])
@pytest.mark.parametrize("seed", range(4))
def test_an_attack_finds_at_least_what_a_random_search_of_equal_cost_finds(seed, bounds):
    _, net, inputs = network(3, seed=10 + seed)
    inputs = inputs.clamp(*bounds) if bounds else inputs
    loss = lambda x: torch.nn.functional.cross_entropy(net(x), CLASSES, reduction="none").detach()  # noqa: E731
    found = loss(attacked(net, inputs, seed, bounds, radius=0.3, step_size=0.1, steps=10))
    best = loss(inputs)
    for draw in range(30):  # a backward pass costs two forward passes
        near = inputs + 0.3 * (2.0 * random.uniform(random.fold(random.key(seed), draw), (6, 5)) - 1.0)
        best = torch.maximum(best, loss(near.clamp(*bounds) if bounds else near))
    assert float(found.mean()) >= float(best.mean())


def test_the_parameters_get_the_gradient_at_inputs_that_are_held_fixed():
    params, net, inputs = network(3)
    forward = lambda p, x: torch.relu(x @ p["weight1"] + p["bias1"]) @ p["weight2"]  # noqa: E731
    leaves = {name: p.clone().requires_grad_() for name, p in params.items()}
    seen = dict(forward=lambda x: forward(params, x), loss=cross_entropy, key=random.key(0))
    moved, _ = pgd_training(radius=0.3, step_size=0.1).perturb(Batch(inputs, CLASSES), (), at(leaves, **seen))
    assert not moved.requires_grad
    found = torch.autograd.grad(cross_entropy(forward(leaves, moved), CLASSES), list(leaves.values()))
    layers = [net.layers[0].weight, net.layers[0].bias, net.layers[1].weight]
    expected = torch.autograd.grad(cross_entropy(net(moved), CLASSES), layers)
    for g, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(g, wanted.T if wanted.ndim == 2 else wanted, **DOUBLE)


def test_embeddings_get_the_gradient_of_the_loss_at_the_attack():
    _, net, inputs = network(3)
    embedded = inputs.clone().requires_grad_()
    seen = dict(facts=FACTS, forward=net, loss=cross_entropy, key=random.key(0))
    moved, _ = pgd_training(radius=0.3, step_size=0.1).perturb(Batch(embedded, CLASSES), (), at({}, **seen))
    there = moved.detach().requires_grad_()
    (found,) = torch.autograd.grad(cross_entropy(net(moved), CLASSES), embedded)
    (expected,) = torch.autograd.grad(cross_entropy(net(there), CLASSES), there)
    torch.testing.assert_close(found, expected, **DOUBLE)


def test_an_attack_raises_the_training_loss_and_is_declared():
    assert pgd_training().privileges == {"extra_gradients"}
    params, net, inputs = network(3)
    moved = attacked(net, inputs, radius=0.3, step_size=0.1)
    clean, adversarial = (cross_entropy(net(x), CLASSES).detach() for x in (inputs, moved))
    assert float(adversarial) > float(clean) + 0.1


@pytest.mark.parametrize(
    ("factory", "given", "complaint"),
    [
        (gaussian_noise, {"scale": -0.1}, "scale and floor must not be negative, got -0.1 and 0.03"),
        (gaussian_noise, {"floor": -1.0}, "must not be negative"),
        (pgd_training, {"radius": -0.1}, "radius and step_size must not be negative, got -0.1"),
        (pgd_training, {"step_size": -0.1}, "must not be negative"),
        (pgd_training, {"steps": 0}, "steps must be at least 1, got 0"),
    ],
)
def test_invalid_parameters_are_refused(factory, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        factory(**given)
