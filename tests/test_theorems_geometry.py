"""Theorems 2, 11, 12 and 15 of Walker et al.: regions and centroids, as they hold, and where the paper's words fail.

"What deep networks want to learn and how to get there" says that the linear regions of a network f are the cells of a
power diagram (Equation 1), {x : ||x - mu||^2 - tau is smallest}, with mu = J^T 1 (Theorem 2) and tau = ||mu||^2 - 2 b^T
1 (Theorem 15). With tau = ||mu||^2 + 2 b^T 1 the expression is ||x||^2 - 2 (mu^T x + b^T 1): the region of x has to be
the affine piece that is largest at x, as for a convex function 1^T f. In general it is not.
"""

import pytest
import torch

from grokbench.metrics import jacobian

from .helpers.affine_networks import (
    centroids,
    layers,
    network,
    offsets,
    probe,
    regions,
    sample,
    share_in_own_cell,
)

SEEDS = range(3)
X = sample()


def convex(*sizes, seed):
    """A network with non-negative weights after the first layer, whose output is convex."""
    params = network(*sizes, seed=seed)
    later = {name: p.abs() for name, p in params.items() if name.startswith("weight") and name != "weight1"}
    return params | later


@pytest.mark.parametrize("seed", SEEDS)
def test_the_metrics_measure_the_centroid(seed):
    """Theorem 2, as a definition: mu_x = J_x^T 1, and f is affine on a region, 1^T f(x) = mu_x^T x + b^T 1.

    Every input of a region has the same mu and b, those of any other input of the region.
    """
    params = network(2, 7, 3, seed=seed)
    region, points = regions(params, X)
    mu = centroids(params, points)[region]
    torch.testing.assert_close(centroids(params, X), mu, rtol=0.0, atol=1e-13)
    torch.testing.assert_close(offsets(params, X), offsets(params, points)[region], rtol=0.0, atol=1e-13)
    found = probe(params, X, torch.zeros(len(X), dtype=torch.int64))
    assert float(jacobian.centroid_norm().measure(found)) == pytest.approx(float(mu.norm(dim=1).mean()), rel=1e-12)
    inner = (X * mu).sum(1).mean()
    assert float(jacobian.centroid_inner_product().measure(found)) == pytest.approx(float(inner), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_relu_layer_is_a_power_diagram(seed):
    """Theorem 11, and Theorem 15 with a plus: one layer f(x) = relu(W x + b) has the cells of Equation 1.

    mu = J^T 1 and tau = ||mu||^2 + 2 b^T 1.
    """
    params = layers(2, 7, seed=seed)
    assert len(regions(params, X)[1]) >= 20
    assert share_in_own_cell(params, X) == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_minus_of_theorem_15_is_a_misprint(seed):
    """tau = ||mu||^2 - 2 b^T 1 puts most inputs of one layer into the cell of another region.

    The proof of Theorem 15 ends with the plus.
    """
    assert share_in_own_cell(layers(2, 7, seed=seed), X, sign=-1.0) < 0.6


@pytest.mark.parametrize("sizes", [(2, 7, 1), (2, 7, 3), (2, 6, 6, 1)])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_convex_network_is_a_power_diagram(sizes, seed):
    """Theorem 2 with Equation 1, for networks whose weights after the first layer are not negative.

    1^T f is then convex, and thus the maximum of its affine pieces.
    """
    assert share_in_own_cell(convex(*sizes, seed=seed), X) == 1.0


@pytest.mark.parametrize("sizes", [(2, 7, 1), (2, 6, 6, 1)])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_signed_readout_is_no_power_diagram(sizes, seed):
    """Theorem 2 with Equation 1 fails for networks in general: these differ from convex ones by signs alone.

    Where 1^T f is concave, the piece of a region is not the largest at the region's own inputs.
    """
    assert share_in_own_cell(network(*sizes, seed=seed), X) < 0.2


def test_one_negative_unit_is_enough():
    """f(x) = relu(x) - relu(x - 1) has the pieces 0, x and 1, and none is the largest in its own region.

    That is 1 at x = -2 and at x = 1/2, and x at x = 3.
    """
    params = {"weight1": [[1.0, 1.0]], "bias1": [0.0, -1.0], "weight2": [[1.0], [-1.0]], "bias2": [0.0]}
    params = {name: torch.tensor(p, dtype=torch.float64) for name, p in params.items()}
    x = torch.tensor([[-2.0], [0.5], [3.0]], dtype=torch.float64)
    assert centroids(params, x).flatten().tolist() == [0.0, 1.0, 0.0] and offsets(params, x).tolist() == [0.0, 0.0, 1.0]
    assert share_in_own_cell(params, x) == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_deep_network_subdivides_each_region_by_a_power_diagram(seed):
    """Theorem 12, for one region of the first layer at a time.

    Within it, the second layer's regions are cells with mu = (A_2 A_1)^T 1 and tau = ||mu||^2 + 2 (A_2 b_1 + b_2)^T 1.
    """
    params = layers(2, 6, 6, seed=seed)
    first = {name: params[name] for name in ("weight1", "bias1")} | {"weight2": torch.eye(6, dtype=torch.float64)}
    assert len(regions(params, X)[1]) > len(regions(first, X)[1]) > 10
    assert share_in_own_cell(params, X, parents=first) == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_subdivisions_make_no_power_diagram_together(seed):
    """Theorem 12 does not hold across the regions of the first layer, as its statement says.

    1^T f of two layers is convex within each of them only.
    """
    assert share_in_own_cell(layers(2, 6, 6, seed=seed), X) < 0.8
