"""The one-layer transformer against one written plainly: every position, a causal mask, one head after the other."""

import inspect
import math

import pytest
import torch
from torch.nn import functional as F

from grokbench import Probe, random
from grokbench.metrics import jacobian
from grokbench.tasks._losses import cross_entropy, precise_cross_entropy
from grokbench.tasks.modular_transformer import modular_transformer

from .helpers.small_cells import METHODS, method, replica, small, trained
from .test_tasks import splits_of

FORMS = ("modular_transformer", "modular_transformer_frozen")
HEADS = {"modular_transformer": 2, "modular_transformer_frozen": 3}


def plain_forward(params, x, heads):
    """The outputs after the last of the vectors x (T, d) of one example, all T positions computed and masked."""
    T, d = x.shape
    h = torch.stack([x[t] + params["W_pos"][t] for t in range(T)])
    width, gathered = d // heads, []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        q, k, v = (h @ params[name][:, part] for name in ("W_Q", "W_K", "W_V"))
        scores = (q @ k.T / math.sqrt(width)).masked_fill(torch.ones(T, T).triu(1).bool(), -math.inf)
        gathered.append(F.softmax(scores, dim=1) @ v)
    r = h + torch.cat(gathered, 1) @ params["W_O"]
    y = r + F.linear(F.relu(F.linear(r, params["W_in"].T, params["b_in"])), params["W_out"].T, params["b_out"])
    return (y @ params["W_U"])[-1]


def plain_outputs(params, tokens, heads):
    """Outputs (n, C) at tokens (n, T)."""
    return torch.stack([plain_forward(params, torch.stack([params["W_E"][t] for t in row]), heads) for row in tokens])


def spread(params):
    """The parameters with biases that are not zero."""
    noise = {name: random.normal(random.fold(random.key(9), name), tuple(p.shape)) for name, p in params.items()}
    return {name: p + 0.1 * noise[name] for name, p in params.items()}


@pytest.mark.parametrize("label", FORMS)
def test_the_network_is_that_of_the_authors(label):
    task = small(label)
    params, tokens = spread(task.init(random.key(1))), splits_of(task)["test"].inputs
    found = task.outputs(params, tokens)
    torch.testing.assert_close(found, plain_outputs(params, tokens, HEADS[label]), rtol=1e-12, atol=1e-13)
    assert task.embedded(params, tokens).shape == (len(tokens), 3, params["W_E"].shape[1])


@pytest.mark.parametrize("label", FORMS)
def test_jacobians_and_centroids_are_at_the_embeddings(label):
    task = small(label)
    params, splits = spread(task.init(random.key(1))), splits_of(task)
    expected = {name: [] for name in ("jacobian_norm", "centroid_norm", "centroid_inner_product")}
    for row in splits["train"].inputs:
        x = params["W_E"][row]
        J = torch.autograd.functional.jacobian(lambda x: plain_forward(params, x, HEADS[label]), x)
        expected["jacobian_norm"].append(J.norm())
        expected["centroid_norm"].append(J.sum(0).norm())
        expected["centroid_inner_product"].append((J.sum(0) * x).sum())
    for name, values in expected.items():
        found = getattr(jacobian, name)("train").measure(Probe(params, splits, task, random.key(0)))
        assert float(found) == pytest.approx(float(torch.stack(values).mean()), rel=1e-11), name


@pytest.mark.parametrize("label", FORMS)
def test_training_is_that_of_a_plain_loop(label):
    task = small(label)
    group = trained(task, [], (3, 4), 12)
    own = random.fold(random.key(4), "task")
    inputs, targets = task.splits(own)["train"]
    params = {name: p.requires_grad_(name not in task.frozen) for name, p in task.init(own).items()}
    moving = [p for p in params.values() if p.requires_grad]
    optimizer = torch.optim.AdamW(moving, 1e-3, (0.9, 0.98), 1e-8, 1.0, foreach=False, fused=False)
    for _ in range(12):
        optimizer.zero_grad()
        F.cross_entropy(plain_outputs(params, inputs, HEADS[label]), targets).backward()
        optimizer.step()
    for name, p in replica(group.params, 1).items():
        torch.testing.assert_close(p, params[name].detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_frozen_parameters_never_move(name):
    task = small("modular_transformer", freeze=("W_E", "W_pos", "W_U"))
    before = {seed: task.init(random.fold(random.key(seed), "task")) for seed in (0, 1)}
    regularizer = method(name)
    group = trained(task, [regularizer], (0, 1), 5)
    for seed in (0, 1):
        moved = {n for n, p in replica(group.params, seed).items() if not torch.equal(p, before[seed][n])}
        held = {n for n, p in before[seed].items() if "cap" in name and not p.any()}  # a norm of zero is kept
        assert moved == set(before[seed]) - {"W_E", "W_pos", "W_U"} - held


def test_the_initialisation_is_that_of_the_authors_code():
    params = modular_transformer().init(random.key(0))
    assert {name: tuple(p.shape) for name, p in params.items()} == {
        "W_E": (114, 128), "W_pos": (3, 128), "W_Q": (128, 128), "W_K": (128, 128), "W_V": (128, 128),
        "W_O": (128, 128), "W_in": (128, 512), "b_in": (512,), "W_out": (512, 128), "b_out": (128,), "W_U": (128, 114),
    }  # fmt: skip
    for name, p in params.items():
        if name.startswith("b_"):
            assert not p.any()
        else:
            expected = (114 if name == "W_U" else 128) ** -0.5
            assert float(p.std()) == pytest.approx(expected, rel=0.1) and abs(float(p.mean())) < 0.1 * expected


def test_the_table_is_split_into_pairs_that_train_and_pairs_that_test():
    splits = splits_of(modular_transformer(modulus=7, train_fraction=0.3))
    pairs = {}
    for name, (tokens, targets) in splits.items():
        a, b, equals = tokens.T
        assert torch.equal(targets, (a + b) % 7) and equals.tolist() == [7] * len(tokens)
        pairs[name] = set(zip(a.tolist(), b.tolist(), strict=True))
    assert len(pairs["train"]) == 14 and not pairs["train"] & pairs["test"]
    assert len(pairs["train"] | pairs["test"]) == 49


def test_the_defaults_are_those_of_the_paper():
    parameters = inspect.signature(modular_transformer).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert defaults == {
        "modulus": 113, "train_fraction": 0.3, "d_model": 128, "heads": 4, "d_mlp": 512, "freeze": (), "lr": 1e-3,
        "weight_decay": 1.0, "operation": "addition", "batch_size": None,
    }  # fmt: skip
    task = modular_transformer()
    assert task.full_batch and task.train_size == 3830 and task.optimizer.betas == (0.9, 0.98)
    assert modular_transformer(freeze=("W_E",)).frozen == {"W_E"} and task.frozen == set()


def test_a_sure_answer_keeps_its_gradient():
    """Of outputs that lead by 20, float32 makes the target's own gradient zero; computed in float64 it is right."""
    outputs, targets = torch.zeros(4, 54), torch.arange(4)
    outputs[torch.arange(4), targets] = 20.0
    exact = torch.func.grad(cross_entropy)(outputs.double(), targets)
    found, rounded = (torch.func.grad(loss)(outputs, targets) for loss in (precise_cross_entropy, cross_entropy))
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=0)
    assert not rounded[0, 0] and float(exact[0, 0]) == pytest.approx(-53 * math.exp(-20) / 4, rel=1e-6)
    assert precise_cross_entropy(outputs, targets).dtype == torch.float32


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"modulus": 2}, "modulus must be at least 3, got 2"),
        ({"train_fraction": 1.0}, "train_fraction must lie strictly between 0 and 1, got 1.0"),
        ({"d_model": 30}, "d_model must be a multiple of heads, 4, got 30"),
        ({"heads": 0}, "heads must lie between 1 and 100000, got 0"),
        ({"d_mlp": 200_000}, "d_mlp must lie between 1 and 100000, got 200000"),
        ({"modulus": 3, "train_fraction": 0.1}, "the training set is empty"),
    ],
)
def test_invalid_parameters_are_refused(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        modular_transformer(**given)
