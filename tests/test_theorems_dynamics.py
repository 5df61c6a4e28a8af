"""Theorem 4, Proposition 9, Corollary 10 and their lemmas: how centroids move under gradient descent.

Walker et al., "What deep networks want to learn and how to get there". The network is f(x) = W_2 relu(W_1 x), without
biases, and its weights follow gradient descent with small steps: d theta / dt = -eta grad L, where L is the mean of the
losses of x_1, ..., x_m. Q_x is the diagonal matrix of the units that are on at x. Every formula is compared with the
derivative of <x, mu_x> along that direction. Weights in the code act from the right: W_1 (d, units), W_2 (units, C).
"""

from functools import partial

import pytest
import torch
from torch.func import grad, jacrev

from grokbench.metrics import _classes
from grokbench.metrics.kernel import kernel
from grokbench.tasks import _losses, _mlp

from .helpers.affine_networks import centroids, network, probe
from .helpers.metric_probes import normal

ETA = 0.3
X, TRAIN = normal(5, 4, seed=1), normal(7, 4, seed=2)  # points at which mu is watched, and the training set
BITS, CLASSES = torch.tensor([0, 1, 1, 0, 1, 0, 0]), torch.tensor([0, 1, 2, 0, 1, 2, 2])
SCALAR, VECTOR = network(4, 6, 1, bias=False), network(4, 6, 3, bias=False)
close = partial(torch.testing.assert_close, rtol=1e-12, atol=1e-13)


def logistic(outputs, bits):
    """The cross-entropy of a scalar output and classes 0 and 1."""
    return _losses.cross_entropy(_classes.logits(outputs), bits)


def squared_sum(outputs, classes):
    """The squared error, summed over classes as in the paper; the shipped loss is the mean."""
    return outputs.shape[-1] * _losses.squared_error(outputs, classes)


def derivative(params, loss, targets):
    """d <x, mu_x> / dt for each x in X, (n,)."""
    slope = grad(lambda params: loss(_mlp.forward(params, TRAIN, activation=torch.relu), targets))(params)
    changes = jacrev(lambda params: (X * centroids(params, X)).sum(-1))(params)
    return sum((change * -ETA * slope[name]).flatten(1).sum(1) for name, change in changes.items())


def on(params, x):
    """The diagonals of Q_x, (n, units)."""
    (z,) = _mlp.preactivations(params, x)
    return (z > 0.0).double()


def tangent_kernel(params):
    """Theta(x, x_p) of the shipped metric, (len(X), len(TRAIN))."""
    both = torch.cat([X, TRAIN])
    found = probe(params, both, torch.zeros(len(both), dtype=torch.float64))
    return kernel(found, params, both, "sum")[: len(X), len(X) :]


def proposition_9(params, m):
    """The sum of both terms, and the second alone, for given m_p (m, C)."""
    W_1, W_2 = params["weight1"], params["weight2"]
    through = torch.einsum("pc,uc,pu,nu->np", m, W_2, on(params, TRAIN), on(params, X) * W_2.sum(1))
    first = (through * (X @ TRAIN.T)).sum(1)
    second = ((X @ W_1).relu() @ (TRAIN @ W_1).relu().T) @ m.sum(1)
    return ETA / len(TRAIN) * (first + second), ETA / len(TRAIN) * second


def onehot_less(values):
    """e_y - values, (m, C)."""
    return torch.eye(3, dtype=torch.float64)[CLASSES] - values


def test_lemma_13_the_centroid_of_two_layers():
    """mu_x = (W_2 Q_x W_1)^T 1, for the paper's W: the columns of our W_1 that are on, weighted by 1^T W_2."""
    for params in (SCALAR, VECTOR):
        close(centroids(params, X), (on(params, X) * params["weight2"].sum(1)) @ params["weight1"].T)


def test_lemma_14_the_tangent_kernel_of_two_layers():
    """Theta(x, x') = relu(W_1 x)^T relu(W_1 x') + (x^T x') W_2 Q_x Q_x' W_2^T, for a scalar output."""
    hidden, other = (X @ SCALAR["weight1"]).relu(), (TRAIN @ SCALAR["weight1"]).relu()
    shared = torch.einsum("u,nu,pu->np", SCALAR["weight2"][:, 0] ** 2, on(SCALAR, X), on(SCALAR, TRAIN))
    close(tangent_kernel(SCALAR), hidden @ other.T + (X @ TRAIN.T) * shared)


def test_theorem_4_the_tangent_kernel_moves_the_inner_product():
    """d <x, mu_x> / dt = eta / m sum_p Theta(x, x_p) m_p, with m_p = y_p - sigmoid(f(x_p)) and y_p in {0, 1}."""
    f = _mlp.forward(SCALAR, TRAIN)[:, 0]
    close(derivative(SCALAR, logistic, BITS), ETA / len(TRAIN) * tangent_kernel(SCALAR) @ (BITS - f.sigmoid()))


def test_theorem_4_needs_a_network_without_biases():
    """With biases <x, mu_x> is f(x) - b_x, and the right-hand side of Theorem 4 is the derivative of f(x)."""
    params = network(4, 6, 1, bias=True)
    f = _mlp.forward(params, TRAIN)[:, 0]
    claimed = ETA / len(TRAIN) * tangent_kernel(params) @ (BITS - f.sigmoid())
    assert float((derivative(params, logistic, BITS) - claimed).norm() / claimed.norm()) > 0.1


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
def test_proposition_9_the_centroids_of_vector_outputs(loss):
    """The same for C outputs, with m_p = e_y - softmax(f(x_p)), or 2 (e_y - f(x_p)) for squared errors.

    d <x, mu_x> / dt = eta / m sum_p (m_p^T W_2 Q_p Q_x W_2^T 1 <x, x_p> + x^T W_1^T Q_x relu(W_1 x_p) m_p^T 1)
    """
    f = _mlp.forward(VECTOR, TRAIN)
    entropy = loss == "cross_entropy"
    m = onehot_less(f.softmax(-1)) if entropy else 2.0 * onehot_less(f)
    found = derivative(VECTOR, _losses.cross_entropy if entropy else squared_sum, CLASSES)
    close(found, proposition_9(VECTOR, m)[0])


def test_proposition_9_prints_another_m():
    """Its m_p for the cross-entropy, e_y - exp(f_y) / sum_c exp(f_c), has the softmax of one class in every place.

    The formula then does not hold; the vector of all classes' softmax is meant, as Corollary 10 shows: m_p^T 1 = 0.
    """
    p = _mlp.forward(VECTOR, TRAIN).softmax(-1).gather(1, CLASSES[:, None])
    found, claimed = derivative(VECTOR, _losses.cross_entropy, CLASSES), proposition_9(VECTOR, onehot_less(p))[0]
    assert float((found - claimed).norm() / found.norm()) > 0.1


def test_corollary_10_the_second_term_vanishes_for_the_cross_entropy():
    """Under the cross-entropy m_p^T 1 = 0, and thus d <x, mu_x> / dt is the first term of Proposition 9 alone."""
    m = onehot_less(_mlp.forward(VECTOR, TRAIN).softmax(-1))
    both, second = proposition_9(VECTOR, m)
    close(second, torch.zeros_like(second))
    close(derivative(VECTOR, _losses.cross_entropy, CLASSES), both - second)


def test_corollary_10_fails_for_the_squared_error():
    """Under squared errors m_p^T 1 = 2 (1 - 1^T f(x_p)) is not 0, and neither is the second term."""
    both, second = proposition_9(VECTOR, 2.0 * onehot_less(_mlp.forward(VECTOR, TRAIN)))
    found = derivative(VECTOR, squared_sum, CLASSES)
    assert float((found - (both - second)).norm() / found.norm()) > 0.1
