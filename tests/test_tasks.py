"""Each task's defining equation, its shapes and its criterion, and that a seed fixes everything."""

import inspect
import re
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from grokbench import random
from grokbench.criterion import parse_condition
from grokbench.tasks import mnist, modular_addition, modular_transformer, sparse_parity, xor

from .helpers.oracles import accuracy
from .helpers.small_cells import TASKS, make_step, small

pytestmark = pytest.mark.usefixtures("tiny_data")
CPU = torch.device("cpu")


def splits_of(task, seed=0):
    return task.splits(random.fold(random.key(seed), "task")) | (task.shared(CPU) if task.shared else {})


@pytest.mark.parametrize("label", TASKS)
def test_shapes_names_and_roles_agree(label):
    task = small(label)
    splits, params = splits_of(task), task.init(random.key(1))
    assert tuple(splits) == task.split_names
    assert len(splits["train"].targets) == task.train_size
    assert list(task.roles) == list(params)
    assert set(task.roles.values()) <= {"input", "hidden", "readout", "bias"}
    for inputs, targets in splits.values():
        outputs = task.forward(params, inputs)
        assert outputs.shape[0] == len(targets) and outputs.dtype == inputs.dtype == torch.float64
        assert task.loss(outputs, targets).shape == ()
        assert task.correct(outputs, targets).shape == targets.shape
        if task.input_bounds:
            low, high = task.input_bounds
            assert low - 1e-12 <= float(inputs.min()) and float(inputs.max()) <= high + 1e-12


@pytest.mark.parametrize("label", TASKS)
def test_the_criterion_speaks_of_what_the_task_records(label):
    task = small(label)
    recorded = make_step(task).metrics
    assert task.grokked and set(task.grokked) <= set(recorded)
    assert all(parse_condition(text) for text in task.grokked.values())
    assert task.stop == "grokked" and task.evaluate_every == 1


@pytest.mark.parametrize("label", TASKS)
def test_a_seed_fixes_data_and_initialisation(label):
    task, again = small(label), small(label)
    one, same, other = splits_of(task, 5), splits_of(again, 5), splits_of(task, 6)
    assert all(torch.equal(one[name].inputs, same[name].inputs) for name in one)
    assert not torch.equal(one["train"].inputs, other["train"].inputs)
    params, equal, different = (small(label).init(random.key(seed)) for seed in (5, 5, 6))
    assert all(torch.equal(params[name], equal[name]) for name in params)
    assert not any(torch.equal(params[name], different[name]) for name in params)


@pytest.mark.parametrize("label", TASKS)
def test_the_initialisation_is_that_of_a_linear_layer(label):
    params = small(label).init(random.key(3))
    scale = 2.0 if label.startswith("mnist") else 1.0
    for name, p in params.items():
        fan_in = params["weight" + name[-1]].shape[0]
        bound = scale * fan_in**-0.5
        assert float(p.abs().max()) <= bound
        if p.numel() > 200:
            assert float(p.std()) == pytest.approx(bound / 3**0.5, rel=0.1)


@pytest.mark.parametrize("label", TASKS)
def test_loss_and_correctness_are_the_obvious_ones(label):
    _, _, loss, _ = TASKS[label]
    task = small(label)
    inputs, targets = splits_of(task)["test"]
    outputs = task.forward(task.init(random.key(2)), inputs)
    torch.testing.assert_close(task.loss(outputs, targets), loss(outputs, targets), rtol=1e-13, atol=0)
    assert float(task.correct(outputs, targets).double().mean()) == pytest.approx(accuracy(outputs, targets))


def test_xor_targets_are_the_product_of_two_signs_and_noise_is_elsewhere():
    splits = splits_of(xor.xor(dimensions=50, width=4, samples=300, test_samples=200, epsilon=0.05, noise_sd=0.2))
    for name in ("train", "test"):
        x, y = splits[name]
        assert torch.equal(y, x[:, 0] * x[:, 1])
        assert set(x[:, :2].unique().tolist()) == {-1.0, 1.0} and set(x[:, 2:].unique().tolist()) == {-0.05, 0.05}
        assert float(y.mean().abs()) < 0.2
    assert splits["train"].inputs.shape == (300, 50) and splits["test"].inputs.shape == (200, 50)
    noise = splits["noise"].inputs - splits["test"].inputs
    assert torch.equal(splits["noise"].targets, splits["test"].targets)
    assert not noise[:, :2].any() and float(noise[:, 2:].std()) == pytest.approx(0.2, rel=0.05)


def test_signed_bits_are_the_same_strings():
    given = {"bits": 12, "samples": 40, "width": 4}
    plain, signed = (splits_of(sparse_parity.sparse_parity(signed=signed, **given)) for signed in (False, True))
    for name in ("train", "test"):
        assert torch.equal(signed[name].inputs, 2 * plain[name].inputs - 1)
        assert torch.equal(signed[name].targets, plain[name].targets)


def test_an_output_of_zero_is_never_correct_on_xor():
    task = xor.xor(dimensions=3, width=2)
    assert not task.correct(torch.zeros(2, 1), torch.tensor([1.0, -1.0])).any()


def test_sparse_parity_is_the_parity_of_the_first_bits():
    splits = splits_of(sparse_parity.sparse_parity(bits=12, relevant=3, samples=400, width=4))
    for x, y in splits.values():
        assert x.shape == (200, 12) and set(x.unique().tolist()) == {0.0, 1.0}
        assert [int(a) ^ int(b) ^ int(c) for a, b, c in x[:, :3]] == y.tolist()
        assert float(x.mean()) == pytest.approx(0.5, abs=0.05)
    assert splits_of(sparse_parity.sparse_parity(samples=41))["test"].targets.shape == (21,)


def test_modular_addition_fills_in_the_rest_of_the_table():
    splits = splits_of(modular_addition.modular_addition(modulus=7, train_fraction=0.3))
    pairs = {}
    for name, (x, y) in splits.items():
        assert x.shape[1] == 14 and torch.equal(x.sum(1), torch.full((len(x),), 2.0, dtype=torch.float64))
        a, b = x[:, :7].argmax(1), x[:, 7:].argmax(1)
        assert torch.equal(y, (a + b) % 7)
        pairs[name] = set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(pairs["train"]) == int(0.3 * 49) == 14
    assert not pairs["train"] & pairs["test"] and len(pairs["train"] | pairs["test"]) == 49


def test_modular_addition_has_a_quadratic_activation_and_no_bias():
    task = modular_addition.modular_addition(modulus=5, width=3)
    params = task.init(random.key(0))
    x = splits_of(task)["train"].inputs
    assert list(params) == ["weight1", "weight2"]
    torch.testing.assert_close(task.forward(params, x), (x @ params["weight1"]) ** 2 @ params["weight2"])


def test_mnist_is_a_random_subset_of_normalised_images_and_a_fixed_test_set():
    from grokbench import data

    images, labels, tests, _ = data.mnist()
    task = mnist.mnist(samples=30, test_samples=25, width=4)
    splits = splits_of(task)
    assert splits["train"].inputs.shape == (30, 784) and splits["test"].inputs.shape == (25, 784)
    pixels = (images.flatten(1).double() / 255 - 0.1307) / 0.3081
    rows = [int((pixels - x).abs().sum(1).argmin()) for x in splits["train"].inputs]
    assert len(set(rows)) == 30
    torch.testing.assert_close(splits["train"].inputs, pixels[rows])
    assert torch.equal(splits["train"].targets, labels[rows].long())
    torch.testing.assert_close(splits["test"].inputs, (tests[:25].flatten(1).double() / 255 - 0.1307) / 0.3081)
    assert torch.equal(splits["test"].inputs, splits_of(task, 9)["test"].inputs)


def test_mnist_takes_the_first_images_where_told_so():
    from grokbench import data

    images, labels, _, _ = data.mnist()
    splits = splits_of(mnist.mnist(samples=30, subset="first", test_samples=25, width=4), 3)
    pixels = (images[:30].flatten(1).double() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(splits["train"].inputs, pixels)
    assert torch.equal(splits["train"].targets, labels[:30].long())


def test_raw_pixels_of_mnist_are_its_normalised_ones_before_they_are_normalised():
    raw, normalised = (mnist.mnist(samples=30, test_samples=25, width=4, pixels=p) for p in ("raw", "normalised"))
    for name, split in splits_of(raw).items():
        other = splits_of(normalised)[name]
        torch.testing.assert_close(0.3081 * other.inputs + 0.1307, split.inputs)
        assert torch.equal(split.targets, other.targets)
        assert 0.0 <= split.inputs.min() < 0.01 and 0.9 < split.inputs.max() <= 1.0
    assert raw.input_bounds == (0.0, 1.0) and normalised.input_bounds == (-0.1307 / 0.3081, 0.8693 / 0.3081)


def test_biases_of_mnist_are_scaled_like_its_weights_and_leave_those_as_they_are():
    plain, biased = (mnist.mnist(samples=30, test_samples=25, width=4, bias=bias) for bias in (False, True))
    params, x = biased.init(random.key(0)), splits_of(biased)["train"].inputs
    assert all(torch.equal(p, params[name]) for name, p in plain.init(random.key(0)).items())
    assert (
        list(biased.roles) == list(params) and [biased.roles[f"bias{layer}"] for layer in range(1, 5)] == ["bias"] * 4
    )
    assert 0.5 < params["bias4"].abs().max() <= 8.0 * 4**-0.5
    hidden = x
    for layer in (1, 2, 3):
        hidden = (hidden @ params[f"weight{layer}"] + params[f"bias{layer}"]).relu()
    torch.testing.assert_close(biased.forward(params, x), hidden @ params["weight4"] + params["bias4"])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_mnist_has_as_many_hidden_layers_as_given(depth):
    task = mnist.mnist(samples=30, test_samples=25, width=4, hidden_layers=depth, init_scale=1.0)
    params, x = task.init(random.key(0)), splits_of(task)["train"].inputs
    shapes = [(784, 4), *[(4, 4)] * (depth - 1), (4, 10)]
    assert [tuple(p.shape) for p in params.values()] == shapes and list(task.roles) == list(params)
    *hidden, readout = params.values()
    expected = x
    for weight in hidden:
        expected = (expected @ weight).relu()
    torch.testing.assert_close(task.forward(params, x), expected @ readout)


def test_three_hidden_layers_are_the_default_of_mnist():
    deep, plain = (mnist.mnist(samples=30, test_samples=25, width=4, **more) for more in ({"hidden_layers": 3}, {}))
    drawn = zip(deep.init(random.key(0)).values(), plain.init(random.key(0)).values(), strict=True)
    assert all(torch.equal(p, q) for p, q in drawn)


def test_mnist_squared_error_is_the_mean_over_classes():
    task = mnist.mnist(loss="mse", samples=30, test_samples=25, width=4)
    outputs, targets = torch.randn(6, 10, generator=torch.Generator().manual_seed(0)), torch.arange(6)
    torch.testing.assert_close(task.loss(outputs, targets), F.mse_loss(outputs, F.one_hot(targets, 10).float()))


@pytest.mark.parametrize(
    ("factory", "given", "complaint"),
    [
        (modular_addition.modular_addition, {"train_fraction": 0.0}, "train_fraction must lie strictly between"),
        (modular_addition.modular_addition, {"train_fraction": 1.0}, "got 1.0"),
        (modular_transformer.modular_transformer, {"modulus": 9, "operation": "division"}, "must be a prime .*, got 9"),
        (xor.xor, {"dimensions": 2}, "dimensions must be at least 3, two for the signal, got 2"),
        (mnist.mnist, {"hidden_layers": 0}, "hidden_layers must lie between 1 and 100, got 0"),
        (mnist.mnist, {"hidden_layers": 101}, "hidden_layers must lie between 1 and 100, got 101"),
    ],
)
def test_invalid_parameters_are_refused(factory, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        factory(**given)


@pytest.mark.parametrize(
    ("factory", "given"),
    [
        (sparse_parity.sparse_parity, {"relevant": 41}),  # more than there are bits
        (sparse_parity.sparse_parity, {"samples": 1}),  # nothing to train on
        (modular_addition.modular_addition, {"modulus": 2, "train_fraction": 0.1}),  # nothing to train on
        (modular_addition.modular_addition, {"batch_size": 0}),
        (mnist.mnist, {"batch_size": 0}),
        (xor.xor, {"samples": 0}),
    ],
)
def test_untrainable_parameters_are_refused_before_training(factory, given):
    with pytest.raises(ValueError):
        factory(**given)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"epochs": 1e3}, "epochs must be a whole number of at least 1, got 1000.0"),
        ({"evaluate_every": 0}, "evaluate_every must be a whole number of at least 1, got 0"),
        ({"evaluate_every": True}, "evaluate_every must be a whole number of at least 1, got True"),
        *(
            (
                {"stop": stop},
                "stop must be 'grokked', 'budget', {'hold': epochs}, or a number of evaluations of at least 1, "
                f"got {stop!r}",
            )
            for stop in ("groked", 0, True, 2.0, None, {"hold": 0}, {"holds": 3})
        ),
    ],
)
def test_a_budget_cadence_or_stop_that_cannot_be_followed_is_refused(given, complaint):
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        replace(small("xor"), **given)


@pytest.mark.parametrize("stop", ["grokked", "budget", 1, 3, {"hold": 5}])
def test_every_way_to_stop_is_taken(stop):
    assert replace(small("xor"), stop=stop).stop == stop


def test_mnist_says_when_there_are_too_few_images():
    from grokbench.errors import DataError

    task = mnist.mnist(samples=1000, test_samples=25, width=4)  # of 96
    with pytest.raises((DataError, ValueError), match="1000"):
        splits_of(task)


def test_the_defaults_are_those_of_the_paper():
    defaults = {f: {n: p.default for n, p in inspect.signature(f).parameters.items()} for f, *_ in TASKS.values()}
    assert defaults[xor.xor]["dimensions"] == 40_000 and defaults[xor.xor]["width"] == 1024
    assert defaults[sparse_parity.sparse_parity] == {
        "bits": 40, "relevant": 3, "samples": 2000, "signed": False, "width": 200, "lr": 0.01, "weight_decay": 0.1,
    }  # fmt: skip
    assert defaults[modular_addition.modular_addition]["train_fraction"] == 0.3
    assert defaults[mnist.mnist]["init_scale"] == 8.0 and defaults[mnist.mnist]["test_samples"] == 10_000


def test_a_relu_network_of_modular_addition_is_that_of_the_square_with_another_activation():
    given = {"modulus": 5, "width": 3}
    square, relu = (
        modular_addition.modular_addition(**given),
        modular_addition.modular_addition(**given, activation="relu", bias=True),
    )
    params, x = relu.init(random.key(0)), splits_of(relu)["train"].inputs
    assert all(torch.equal(p, params[name]) for name, p in square.init(random.key(0)).items())
    assert list(relu.roles) == list(params) == ["weight1", "bias1", "weight2", "bias2"]
    hidden = x @ params["weight1"] + params["bias1"]
    torch.testing.assert_close(relu.forward(params, x), hidden.relu() @ params["weight2"] + params["bias2"])
    assert torch.equal(relu.facts["preactivations"](params, x)[0], hidden) and "preactivations" not in square.facts


def test_division_fills_in_the_rest_of_its_table():
    splits = splits_of(modular_transformer.modular_transformer(modulus=7, train_fraction=0.5, operation="division"))
    pairs = {}
    for name, (tokens, quotients) in splits.items():
        a, b, _ = tokens.T
        assert torch.equal(b * quotients % 7, a)
        pairs[name] = set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(pairs["train"]) == 21 and not pairs["train"] & pairs["test"]
    assert pairs["train"] | pairs["test"] == {(a, b) for a in range(7) for b in range(1, 7)}
