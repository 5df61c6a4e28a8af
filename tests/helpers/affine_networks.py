"""Small ReLU networks in float64, and their affine pieces f(x) = J x + b, for the theorems of Walker et al."""

from functools import partial

import torch

from grokbench import linearize, random
from grokbench.tasks import _mlp

from .metric_probes import made, normal


def network(*sizes, bias=True, seed=0):
    """The parameters of a fully connected network of the shipped tasks."""
    return _mlp.init(random.key(seed), sizes, bias=bias, scale=2.0)


def layers(*sizes, seed=0):
    """The parameters of a network that ends with a ReLU: its readout is the identity."""
    last = f"{len(sizes)}"
    return network(*sizes, seed=seed) | {f"weight{last}": torch.eye(sizes[-1], dtype=torch.float64)}


def probe(params, inputs, targets, **facts):
    """A probe of a network on these examples."""
    return made(_mlp.forward, inputs, targets, params, facts={"preactivations": _mlp.preactivations}, **facts)


def centroids(params, x):
    """mu = J^T 1 at each input, (n, d), by the same backward pass as in the metrics."""
    outputs, pullback, _ = linearize(partial(_mlp.forward, params, activation=torch.relu), x)
    return pullback(torch.ones_like(outputs))


def offsets(params, x):
    """b^T 1 at each input, (n,)."""
    return _mlp.forward(params, x).sum(-1) - (x * centroids(params, x)).sum(-1)


def regions(params, x):
    """The number of the linear region of each input, (n,), and an input of each region."""
    signs = torch.cat([z > 0.0 for z in _mlp.preactivations(params, x)], 1)
    _, region = signs.unique(dim=0, return_inverse=True)
    first = torch.stack([(region == r).nonzero()[0, 0] for r in range(int(region.max()) + 1)])
    return region, x[first]


def share_in_own_cell(params, x, sign=1.0, parents=None):
    """The share of inputs that lie in the cell of their own region, by Equation 1.

    A cell holds the inputs for which ||x - mu||^2 - tau, with tau = ||mu||^2 + sign 2 b^T 1, is smallest. With
    `parents`, only the regions within the same region of that network compete.
    """
    region, points = regions(params, x)
    mu = centroids(params, points)
    tau = mu.square().sum(-1) + sign * 2.0 * offsets(params, points)
    power = (x[:, None] - mu).square().sum(-1) - tau
    own = power.gather(1, region[:, None])[:, 0]
    if parents is not None:
        parent, _ = regions(parents, torch.cat([x, points]))
        power = power.masked_fill(parent[: len(x), None] != parent[len(x) :], torch.inf)
    return float((own <= power.amin(1) + 1e-9).double().mean())


def sample(n=2000, dimensions=2):
    """Inputs around the origin."""
    return 2.0 * normal(n, dimensions, seed=5)
