"""Progress measures against sums over all pairs, written out, in float64; and on networks whose waves are known."""

import math

import pytest
import torch

from grokbench import Probe, random
from grokbench.metrics import fourier, gini

from .helpers.small_cells import small
from .test_tasks import splits_of

LABELS = ("modular_transformer", "modular_addition")


def probe_of(label, seed=0, **changes):
    task = small(label, **changes)
    return Probe(task.init(random.key(seed)), splits_of(task, seed), task, random.key(seed))


def probe_with(outputs_of, p=13, fraction=0.4):
    """A probe of a network whose outputs at a, b are given; its parameters play no part."""
    task = small("modular_transformer", modulus=p, train_fraction=fraction)
    splits = splits_of(task)
    probe = Probe(task.init(random.key(0)), splits, task, random.key(0))
    probe.known.update({name: torch.stack([outputs_of(a, b) for a, b in pairs(probe, name)]) for name in splits})
    return probe


def projections(probe):
    """Frequency -> the outputs of all pairs projected on cos and sin of w_k (a + b), pair by pair: train, then test.

    The waves are those of the authors: products of one-dimensional unit waves of a and of b.
    """
    p = probe.task.facts["modulus"]
    outputs = torch.cat([probe.outputs("train"), probe.outputs("test")])
    operands = [operand for name in ("train", "test") for operand in pairs(probe, name)]
    found = {}
    for k in range(1, (p - 1) // 2 + 1):
        cos, sin = ([math.sqrt(2 / p) * f(2 * math.pi * k * t / p) for t in range(p)] for f in (math.cos, math.sin))
        u = torch.tensor([(cos[a] * cos[b] - sin[a] * sin[b]) / math.sqrt(2) for a, b in operands], dtype=torch.float64)
        v = torch.tensor([(sin[a] * cos[b] + cos[a] * sin[b]) / math.sqrt(2) for a, b in operands], dtype=torch.float64)
        assert float(u @ u) == pytest.approx(1.0) and float(u @ v) == pytest.approx(0.0, abs=1e-12)
        found[k] = torch.outer(u, u @ outputs) + torch.outer(v, v @ outputs)
    return outputs, found


def pairs(probe, split):
    inputs = probe.splits[split].inputs
    if inputs.shape[1] == 3:
        return [(a, b) for a, b, _ in inputs.tolist()]
    p = inputs.shape[1] // 2
    return list(zip(inputs[:, :p].argmax(1).tolist(), inputs[:, p:].argmax(1).tolist(), strict=True))


def ranked(found):
    return sorted(found, key=lambda k: -float(found[k].square().sum()))


@pytest.mark.parametrize("keys", [1, 2, 9])
@pytest.mark.parametrize("label", LABELS)
def test_restricted_and_excluded_loss_are_those_of_projections_over_all_pairs(label, keys):
    probe = probe_of(label, modulus=11)
    outputs, found = projections(probe)
    targets = torch.cat([probe.splits[name].targets for name in ("train", "test")])
    n, strongest = probe.task.train_size, ranked(found)[:keys]
    waves = sum(found[k] for k in strongest)
    restricted = probe.task.loss(outputs.mean(0) + waves, targets)
    excluded = probe.task.loss((outputs - waves)[:n], targets[:n])
    each = [probe.task.loss((outputs - found[k])[:n], targets[:n]) for k in strongest]
    for metric, expected in (
        (fourier.restricted_loss(keys), restricted),
        (fourier.excluded_loss(keys), excluded),
        (fourier.excluded_loss(keys, remove="each"), sum(each) / len(each)),
    ):
        assert metric.measure(probe).shape == ()
        assert float(metric.measure(probe)) == pytest.approx(float(expected), rel=1e-10)


@pytest.mark.parametrize("label", LABELS)
def test_keys_are_those_of_the_projections(label):
    probe = probe_of(label, modulus=11)
    outputs, found = projections(probe)
    squares = [float(found[k].square().sum()) for k in ranked(found)]
    for rank, k in enumerate(ranked(found), start=1):
        assert float(fourier.key_frequency(rank).measure(probe)) == k
    assert float(fourier.key_frequency(100).measure(probe)) == ranked(found)[-1]
    variance = float((outputs - outputs.mean(0)).square().sum())
    for keys in (1, 3):
        assert float(fourier.key_share(keys).measure(probe)) == pytest.approx(sum(squares[:keys]) / variance, rel=1e-10)
    for share in (0.05, 0.5, 0.95):
        enough = next(count for count in range(1, 6) if sum(squares[:count]) >= share * sum(squares))
        assert float(fourier.key_frequencies(share).measure(probe)) == enough


def test_a_network_that_adds_by_three_waves():
    """Outputs sum_k cos(w_k(a + b - c)): the paper's algorithm."""
    p, keys = 13, (2, 5, 6)

    def outputs(a, b):
        return 9.0 * sum(torch.cos(2 * math.pi * k * (a + b - torch.arange(14).double()) / p) for k in keys)

    probe = probe_with(outputs, p)
    full = probe.task.loss(torch.cat([*probe.known.values()]), torch.cat([s.targets for s in probe.splits.values()]))
    assert float(fourier.restricted_loss(3).measure(probe)) == pytest.approx(float(full), rel=1e-10)
    assert float(fourier.excluded_loss(3).measure(probe)) == pytest.approx(math.log(14), rel=1e-10)
    assert {float(fourier.key_frequency(rank).measure(probe)) for rank in (1, 2, 3)} == {2.0, 5.0, 6.0}
    assert float(fourier.key_frequencies(0.99).measure(probe)) == 3.0
    assert float(fourier.key_share(3).measure(probe)) == pytest.approx(1.0, rel=1e-12)
    assert float(fourier.key_share(2).measure(probe)) == pytest.approx(2 / 3, rel=1e-10)
    assert float(fourier.restricted_loss(2).measure(probe)) > float(full)


def test_a_network_that_has_only_memory():
    """Right on the training pairs and silent elsewhere: no few waves carry it, and taking them away changes little."""
    p = 31
    train = set()

    def outputs(a, b):
        return 40.0 * torch.eye(p + 1, dtype=torch.float64)[(a + b) % p] * ((a, b) in train)

    train.update(pairs(probe_with(outputs, p, 0.3), "train"))
    probe = probe_with(outputs, p, 0.3)
    memorised = float(probe.task.loss(probe.outputs("train"), probe.splits["train"].targets))
    assert memorised < 1e-12 and float(fourier.excluded_loss(2).measure(probe)) < 1e-9
    assert float(fourier.key_frequencies(0.95).measure(probe)) >= 14
    assert float(fourier.key_share(2).measure(probe)) < 0.1
    assert float(fourier.restricted_loss(2).measure(probe)) > 0.3


def brute_gini(E, frequencies):
    """Mean absolute difference over twice the mean, of Fourier norms summed term by term."""
    T, norms = len(E), []
    for k in frequencies:
        parts = [sum(f(2 * math.pi * k * t / T) * E[t] for t in range(T)) for f in (math.cos, math.sin)]
        norms.append(math.sqrt(sum(float(part.square().sum()) for part in parts)))
    differences = sum(abs(x - y) for x in norms for y in norms) / len(norms) ** 2
    return differences / (2 * sum(norms) / len(norms))


@pytest.mark.parametrize("modulus", [7, 8])
def test_the_gini_coefficient_is_that_of_norms_summed_term_by_term(modulus):
    probe = probe_of("modular_transformer", modulus=modulus)
    E = probe.params["W_E"]
    numbers, every = (gini.embedding_gini(tokens).measure(probe) for tokens in ("numbers", "all"))
    assert float(numbers) == pytest.approx(brute_gini(E[:modulus], range(modulus // 2 + 1)), rel=1e-10)
    assert float(every) == pytest.approx(brute_gini(E, range(modulus + 1)), rel=1e-10)
    spectrum = torch.fft.fft(E, dim=0).abs().square().sum(1).sqrt()
    assert float(every) == pytest.approx(float(gini.gini(spectrum)), rel=1e-10)


@pytest.mark.parametrize("modulus", [7, 8])
def test_the_gini_coefficients_of_the_unembedding_are_over_outputs(modulus):
    probe = probe_of("modular_transformer", modulus=modulus)
    W_out, W_U = probe.params["W_out"], probe.params["W_U"]
    for matrix, rows in {"W_U": W_U.T, "W_L": (W_out @ W_U).T}.items():
        numbers, every = (gini.unembedding_gini(matrix, tokens).measure(probe) for tokens in ("numbers", "all"))
        assert float(numbers) == pytest.approx(brute_gini(rows[:modulus], range(modulus // 2 + 1)), rel=1e-10)
        assert float(every) == pytest.approx(brute_gini(rows, range(modulus + 1)), rel=1e-10)


def test_the_embedding_of_one_hot_inputs_is_the_first_numbers_rows():
    probe = probe_of("modular_addition")
    expected = brute_gini(probe.params["weight1"][:7], range(4))
    assert float(gini.embedding_gini().measure(probe)) == pytest.approx(expected, rel=1e-10)


def test_the_gini_coefficient_goes_from_equal_to_one_for_all():
    assert float(gini.gini(torch.ones(5))) == 0.0
    assert float(gini.gini(torch.tensor([0.0, 0.0, 3.0, 0.0]))) == pytest.approx(0.75)
    probe = probe_of("modular_transformer", modulus=13)
    t = torch.arange(14).double()[:, None]
    probe.params["W_E"] = torch.cos(2 * math.pi * 3 * t / 13) * torch.ones(1, 8)
    assert float(gini.embedding_gini().measure(probe)) == pytest.approx(6 / 7, rel=1e-10)


METRICS = [
    fourier.restricted_loss, fourier.excluded_loss, fourier.key_frequency, fourier.key_frequencies, fourier.key_share,
    gini.embedding_gini, gini.unembedding_gini,
]  # fmt: skip


@pytest.mark.parametrize("factory", METRICS)
def test_a_dead_network_has_numbers(factory):
    probe = probe_of("modular_transformer")
    dead = Probe({n: torch.zeros_like(p) for n, p in probe.params.items()}, probe.splits, probe.task, probe.key)
    assert torch.isfinite(factory().measure(dead))


def test_outputs_are_shared_with_loss_and_accuracy():
    probe = probe_with(lambda a, b: torch.arange(14).double() * (a + b))
    broken = Probe({}, probe.splits, probe.task, probe.key, known=probe.known)
    assert torch.isfinite(fourier.restricted_loss().measure(broken))


def test_the_facts_that_the_metrics_need():
    for factory in METRICS:
        assert "modulus" in factory().facts
        assert factory().splits == (("train", "test") if hasattr(fourier, factory.__name__) else ())


@pytest.mark.parametrize(
    ("factory", "given", "complaint"),
    [
        (fourier.restricted_loss, {"keys": 0}, "keys must be at least 1, got 0"),
        (fourier.excluded_loss, {"keys": 0}, "keys must be at least 1, got 0"),
        (fourier.key_share, {"keys": -1}, "keys must be at least 1, got -1"),
        (fourier.key_frequency, {"rank": 0}, "rank must be at least 1, got 0"),
        (fourier.key_frequencies, {"share": 1.0}, "share must lie strictly between 0 and 1, got 1.0"),
    ],
)
def test_invalid_parameters_are_refused(factory, given, complaint):
    with pytest.raises(ValueError, match=complaint):
        factory(**given)
