"""The CIFAR-10 task beside modules of torch, and accuracy on corrupted images beside a loop over files."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grokbench import data, engine, random
from grokbench.conformance.short_runs import distance
from grokbench.errors import DataError
from grokbench.metric import Probe
from grokbench.metrics import corruptions
from grokbench.tasks import cifar10
from grokbench.types import linearize

from .helpers.oracles import batch_rows, jacobians
from .helpers.small_cells import corrupted, epochs_for, make_step, method, photographs, replica, small, trained

CPU = torch.device("cpu")
SEEDS = (4, 1000)

pytestmark = pytest.mark.usefixtures("tiny_data")


class Net(nn.Module):
    """The network as one would write it."""

    def __init__(self, params):
        super().__init__()
        self.convolutions, self.linear = nn.ModuleList(), nn.ModuleList()
        for layer, stride in enumerate((1, 2, 2, 2, 2), start=1):
            kernel = params[f"conv{layer}"]
            conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, stride, padding=1, bias=False, dtype=kernel.dtype)
            conv.weight.data = kernel.clone()
            self.convolutions.append(conv)
        for name in ("weight1", "weight2"):
            linear = nn.Linear(*params[name].shape, bias=False, dtype=params[name].dtype)
            linear.weight.data = params[name].T.clone()
            self.linear.append(linear)
        mean, std = [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]
        self.mean, self.std = (torch.tensor(row, dtype=kernel.dtype)[None, :, None, None] for row in (mean, std))

    def forward(self, pixels):
        hidden = (pixels - self.mean) / self.std
        for conv in self.convolutions:
            hidden = F.relu(conv(hidden))
        return self.linear[1](F.relu(self.linear[0](hidden.flatten(1))))

    def params(self):
        convolutions = {f"conv{layer}": conv.weight.detach() for layer, conv in enumerate(self.convolutions, start=1)}
        return convolutions | {f"weight{i}": linear.weight.detach().T for i, linear in enumerate(self.linear, start=1)}


def plain_run(task, seed, epochs, strength):
    """One seed, one loop; GrokAlign by the whole Jacobian, projected."""
    root = random.key(seed)
    own = random.fold(root, "task")
    splits = task.splits(own) | task.shared(CPU)
    net = Net(task.init(own))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
    for epoch in range(epochs):
        for number, rows in enumerate(batch_rows(task, root, epoch)):
            x, y = splits["train"].inputs[rows].double() / 255.0, splits["train"].targets[rows]
            total = F.cross_entropy(net(x), y)
            if strength:
                key = random.fold(root, "regularizer", epoch, number, "method", 0)
                v = F.normalize(random.normal(random.fold(key, 0), (len(x), 10)), dim=1)
                products = torch.einsum("nc,nc...->n...", v, jacobians(net, x, create_graph=True))
                total = total + strength * 10 * products.square().sum((1, 2, 3)).mean()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    return net.params()


@pytest.mark.parametrize(("name", "strength"), [("baseline", 0.0), ("grokalign", 0.02)])
def test_a_group_is_the_plain_loop_of_each_seed(name, strength):
    task = small("cifar10")
    epochs = epochs_for(task, 9)
    group = trained(task, [method(name)], SEEDS, epochs)
    for row, seed in enumerate(SEEDS):
        assert distance(replica(group.params, row), plain_run(task, seed, epochs, strength)) < 1e-9


def test_input_gradients_are_shaped_like_images():
    task = small("cifar10")
    params, images = task.init(random.key(0)), torch.rand(3, 3, 32, 32, dtype=torch.float64)
    local = linearize(lambda inputs: task.forward(params, inputs), images)
    gradients = local.pullback(torch.ones_like(local.outputs))
    assert gradients.shape == images.shape and gradients.flatten(1).square().sum(-1).shape == (3,)


def test_shapes_roles_and_bounds():
    task = cifar10.cifar10()
    params = task.init(random.key(0, "meta"))
    assert {name: tuple(p.shape) for name, p in params.items()} == {
        "conv1": (32, 3, 3, 3),
        "conv2": (64, 32, 3, 3),
        "conv3": (128, 64, 3, 3),
        "conv4": (256, 128, 3, 3),
        "conv5": (512, 256, 3, 3),
        "weight1": (2048, 256),
        "weight2": (256, 10),
    }
    assert list(task.roles) == list(params)
    assert list(task.roles.values()) == ["input", *["hidden"] * 5, "readout"]
    assert task.train_size == 50_000 and task.batch_size == 200 and task.steps == 250
    assert task.optimizer.lr == task.optimizer.weight_decay == 1e-3 and task.grokked == {"test_accuracy": "> 0.60"}
    assert task.activations == 2 * 3072 + 32 * 1984 + 256 + 10


def test_the_outputs_are_those_of_modules_in_both_precisions():
    task = small("cifar10")
    images = task.shared(CPU)["test"].inputs
    assert images.dtype == torch.uint8 and images.shape == (10, 3, 32, 32)
    for dtype in (torch.float32, torch.float64):
        params = {name: p.to(dtype) for name, p in task.init(random.key(3)).items()}
        x = task.embedded(params, images)
        assert x.dtype == dtype and task.input_bounds == (0.0, 1.0)
        torch.testing.assert_close(x, images.to(dtype) / 255)
        torch.testing.assert_close(task.outputs(params, images), Net(params)(x))


def test_the_initialisation_is_that_of_torchs_layers():
    params = small("cifar10", width=8, classifier_width=40).init(random.key(3))
    for p in params.values():
        fan_in = p[0].numel() if p.ndim == 4 else p.shape[0]
        assert float(p.abs().max()) <= fan_in**-0.5
        assert float(p.std()) == pytest.approx((3 * fan_in) ** -0.5, rel=0.15)


def test_preactivations_are_what_the_relus_get():
    task = small("cifar10")
    params = task.init(random.key(3))
    x = task.embedded(params, task.shared(CPU)["test"].inputs)
    found = task.facts["preactivations"](params, x)
    hooked, net = [], Net(params)
    for layer in (*net.convolutions, net.linear[0]):
        layer.register_forward_hook(lambda module, given, result: hooked.append(result.flatten(1)))
    net(x)
    assert len(found) == 6
    for mine, theirs in zip(found, hooked, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_subset_is_drawn_for_each_seed_or_all_images_are_shared():
    task = small("cifar10")
    one, same, other = (task.splits(random.key(seed))["train"] for seed in (5, 5, 6))
    assert torch.equal(one.inputs, same.inputs) and not torch.equal(one.inputs, other.inputs)
    images, labels, tests, test_labels = photographs()
    for image, label in zip(*one, strict=True):
        (row,) = (images == image).flatten(1).all(1).nonzero().flatten().tolist()
        assert labels[row] == label
    assert len(one.inputs) == 12 and torch.equal(task.shared(CPU)["test"].inputs, tests[:10])
    whole = cifar10.cifar10(width=2, test_samples=32)
    assert whole.splits(random.key(0)) == {}
    train, test = (whole.shared(CPU)[name] for name in ("train", "test"))
    assert torch.equal(train.inputs, images) and torch.equal(test.targets, test_labels.long())


def test_all_images_train_too(monkeypatch):
    monkeypatch.setattr(cifar10, "TRAINING_IMAGES", 64)
    task = cifar10.cifar10(width=2, classifier_width=6, test_samples=10, batch_size=40)
    group = trained(task, [], (0, 1), 2)
    assert group.own == {} and group.split_axes == {"train": None, "test": None} and group.finite.all()
    values = engine.evaluate(make_step(task), group, ["train_accuracy", "test_accuracy"], 2, {})
    assert all(0.0 <= value <= 1.0 for row in values for value in row.values())


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "50000 training images wanted, but the files hold 64: set samples to that or fewer"),
        ({"samples": 65}, "65 training images wanted, but the files hold 64"),
        ({"samples": 5, "test_samples": 33}, "33 test images wanted, but the files hold 32: set test_samples to"),
    ],
)
def test_too_few_images_are_an_error_before_training(given, complaint):
    with pytest.raises(DataError, match=complaint):
        cifar10.cifar10(**given).fetch()


@pytest.mark.parametrize(
    "given",
    [{"width": 0}, {"width": -3}, {"classifier_width": 0}, {"samples": 0}, {"test_samples": 0}, {"batch_size": 0}]
    + [{"width": 10**9}],
)
def test_untrainable_parameters_are_refused(given):
    with pytest.raises(ValueError):
        cifar10.cifar10(**given)


# ---- CIFAR-10-C


def probe_of(seed=0):
    task = small("cifar10")
    return Probe(task.init(random.key(seed)), task.shared(CPU), task, random.key(seed))


def share(probe, corruption, severity, examples=None):
    """One image at a time."""
    net, (images, labels) = Net(probe.params), corrupted(corruption, severity)
    pairs = list(zip(images, labels, strict=True))[:examples]
    return sum(float(net(image[None].double() / 255).argmax() == label) for image, label in pairs) / len(pairs)


@pytest.fixture
def cold():
    corruptions._kept.cache_clear()
    yield
    corruptions._kept.cache_clear()


@pytest.mark.usefixtures("cold")
@pytest.mark.parametrize("examples", [None, 7])
@pytest.mark.parametrize("severity", [None, 1, 4])
def test_corrupted_accuracy_is_the_mean_over_the_files(severity, examples):
    probe = probe_of(2)
    found = corruptions.cifar10c_accuracy("fog", severity, examples).measure(probe)
    expected = [share(probe, "fog", each, examples) for each in ([severity] if severity else range(1, 6))]
    assert float(found) == pytest.approx(sum(expected) / len(expected), rel=1e-12)


@pytest.mark.usefixtures("cold")
def test_the_means_are_over_the_corruptions_they_name(monkeypatch):
    asked = []

    def loader(corruption, severity, root):
        asked.append((corruption, severity))
        return corrupted(corruption, severity)

    monkeypatch.setattr(data, "cifar10c", loader)
    for name, count in (("mean", 15), ("mean_of_18", 18)):
        metric = corruptions.cifar10c_accuracy(name, 5)
        metric.measure(probe_of())
        metric.measure(probe_of(1))
        assert len(asked) == len(set(asked)) == count, "each is read once"
        assert ("glass_blur", 5) in asked if name == "mean" else ("glass_blur", 5) not in asked
        asked.clear()
        corruptions._kept.cache_clear()


@pytest.mark.usefixtures("cold")
def test_every_replica_has_its_own_accuracy_in_a_group():
    task = small("cifar10")
    step = make_step(task, metrics={"it": corruptions.cifar10c_accuracy("snow", 3)})
    group, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    rows = engine.evaluate(step, group, ["it"], 0, {})
    for row, values in enumerate(rows):
        probe = Probe(replica(group.params, row), {}, task, group.keys[row])
        assert values["it"] == pytest.approx(share(probe, "snow", 3), rel=1e-12)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"severity": 0}, "severity must lie between 1 and 5, or be null for all, got 0"),
        ({"severity": 6}, "got 6"),
        ({"examples": 0}, "examples must be at least 1, got 0"),
    ],
)
def test_wrong_questions_about_corruptions_are_refused(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        corruptions.cifar10c_accuracy(**given)


def test_names_of_corruptions_are_those_of_the_files(registry):
    plugin = registry.get("metrics", "cifar10c_accuracy")
    for name in (*data.CORRUPTIONS, "mean", "mean_of_18"):
        plugin.make({"corruption": name})
    assert corruptions.Corruption.__args__ == ("mean", "mean_of_18", *data.CORRUPTIONS)
