"""Corollary 6, Theorem 7 and Theorem 8: what an aligned Jacobian, J = c x^T, implies and what implies it.

Walker et al., "What deep networks want to learn and how to get there". Each theorem is about the affine piece of a
network at one input x, f(x) = J x + b with C outputs; here the piece is the network.
"""

import pytest
import torch
from torch.func import grad

from grokbench import linearize, random
from grokbench.metrics import jacobian
from grokbench.regularizers import grokalign
from grokbench.tasks import _losses

from .helpers.metric_probes import made, normal

X = normal(1, 5, seed=1)
UNIT = X / X.norm()
TARGET = torch.tensor([1])
C, NO_BIAS = torch.tensor([[0.5, 2.0, -1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)  # C is largest at the class
LOSSES = {"cross_entropy": _losses.cross_entropy, "squared_error": _losses.squared_error}


def measured(name, J):
    """A metric of the network f(x) = J x at x."""
    probe = made(lambda params, x: x @ params["J"].T, X, TARGET, {"J": J})
    return float(getattr(jacobian, name)().measure(probe))


def slopes(J, loss):
    """beta, the derivatives of the loss with respect to the outputs, (C,): d loss / d j_c = beta_c x."""
    return grad(lambda outputs: loss(outputs, TARGET))(X @ J.T)[0]


def minimised(loss, alpha, step, steps=60):
    """J after projected gradient descent under ||J||_F^2 <= alpha, from a random J on the sphere."""
    J = normal(3, 5, seed=2)
    J = J * alpha**0.5 / J.norm()
    for _ in range(steps):
        J = J - step * slopes(J, loss)[:, None] * X
        J = J * (alpha**0.5 / J.norm()).clamp_max(1.0)
    return J


def test_corollary_6_rows_along_x_make_a_centroid_along_x():
    """J_x = c x^T gives mu_x = (c^T 1) x: centroid-aligned, towards x if c^T 1 > 0 and away from it if c^T 1 < 0."""
    for c, cosine in (([3.0, -1.0, 0.5], 1.0), ([1.0, -3.0, 0.5], -1.0)):
        J = torch.tensor(c, dtype=torch.float64)[:, None] * X
        assert measured("full_jacobian_alignment", J) == pytest.approx(1.0, rel=1e-12)
        assert measured("centroid_alignment", J) == pytest.approx(cosine, rel=1e-12)
        assert measured("centroid_norm", J) == pytest.approx(abs(sum(c)) * float(X.norm()), rel=1e-12)


def test_corollary_6_is_empty_where_the_rows_cancel():
    """c^T 1 = 0 gives mu_x = 0: aligned by Definition 3 with the constant 0, and in no direction."""
    J = torch.tensor([2.0, -1.5, -0.5], dtype=torch.float64)[:, None] * X
    assert measured("full_jacobian_alignment", J) == pytest.approx(1.0, rel=1e-12)
    assert measured("centroid_norm", J) < 1e-14 and abs(measured("centroid_alignment", J)) < 1e-7


def test_corollary_6_has_no_converse():
    """A centroid along x does not align the rows: they may differ from x by parts that cancel."""
    apart = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)[:, None] * normal(1, 5, seed=3)
    J = torch.ones(3, 1, dtype=torch.float64) * X + 6.0 * apart
    assert measured("centroid_alignment", J) == pytest.approx(1.0, rel=1e-12)
    assert measured("full_jacobian_alignment", J) < 0.7


def margin(J, bias=NO_BIAS):
    """The distance from x to the next input of another class under f(x) = J x + b, J (..., C, d); below 0 if x is."""
    y, others = int(TARGET), [0, 2]
    apart = J[..., [y], :] - J[..., others, :]
    return ((apart @ X[0] + bias[y] - bias[others]) / apart.norm(dim=-1)).amin(-1)


def test_theorem_7_of_rank_one_jacobians_the_aligned_one_is_the_most_robust():
    """With J = c v^T and b = 0, the smallest perturbation that changes the class has length v^T x / ||v||.

    It is largest, ||x||, for v = x, where c is largest at the class. The norm of J does not matter.
    """
    v = normal(2000, 5, seed=4)
    best, found = margin(C[:, None] * X), margin(C[:, None] * v[:, None])
    torch.testing.assert_close(found, v @ X[0] / v.norm(dim=1))
    assert float(best) == pytest.approx(float(X.norm()), rel=1e-12) and bool((found < best).all())
    assert float(margin(7.0 * C[:, None] * X)) == pytest.approx(float(best), rel=1e-12)


def test_theorem_7_names_the_first_input_of_another_class():
    """x less a little more than its own length along x has another class; a little less keeps the class."""
    J = C[:, None] * X
    classes = [int((J @ (X[0] - length * X.norm() * UNIT[0])).argmax()) for length in (0.0, 0.999, 1.001)]
    assert classes == [1, 1, 2]


def test_theorem_7_needs_the_bias_to_be_zero():
    """With a bias, J = c v^T across x is as robust as one likes: the class need not depend on x at all."""
    v = normal(1, 5, seed=6)
    v = v - (v @ X.T) * X / X.norm() ** 2
    bias = torch.tensor([0.0, 10.0, 0.0], dtype=torch.float64)
    assert margin(0.1 * C[:, None] * v, bias) > 2.0 * float(X.norm()) > 2.0 * margin(C[:, None] * v)


def test_theorem_7_does_not_single_out_alignment_among_all_jacobians():
    """Rows with a common part, J = c x^T + 1 u^T, are as robust, since u adds the same to every output.

    Their rank is two and they are not aligned: only rank one makes the optimum of Theorem 7 the only one.
    """
    J = C[:, None] * X + 6.0 * normal(1, 5, seed=7)
    assert float(margin(J)) == pytest.approx(float(X.norm()), rel=1e-12)
    assert measured("full_jacobian_alignment", J) < 0.7 and measured("jacobian_pc1", J) < 0.99


@pytest.mark.parametrize("loss", LOSSES)
def test_theorem_8_the_part_of_the_rows_across_x_only_costs_norm(loss):
    """Why a bound on ||J||_F aligns, for any loss: the rows' parts along x, J x x^T / ||x||^2, give the same outputs.

    Their norm is smaller unless J is aligned.
    """
    J = normal(3, 5, seed=2)
    aligned = J @ UNIT.T @ UNIT
    assert measured("full_jacobian_alignment", aligned) == pytest.approx(1.0, rel=1e-12)
    assert float(LOSSES[loss](X @ aligned.T, TARGET)) == pytest.approx(float(LOSSES[loss](X @ J.T, TARGET)), rel=1e-12)
    assert measured("jacobian_norm", aligned) < 0.9 * measured("jacobian_norm", J)


def test_theorem_8_an_active_bound_aligns():
    """The minimiser of the loss under ||J||_F^2 <= alpha is J = c x^T if it lies on the bound, as for cross-entropy.

    c_k = -beta_k sqrt(alpha) / (||x|| ||beta||) with the derivatives beta of the loss by the outputs: Equation 10 with
    minus signs in both lines.
    """
    J = minimised(_losses.cross_entropy, alpha=0.25, step=1.0)
    beta = slopes(J, _losses.cross_entropy)
    assert measured("jacobian_norm", J) == pytest.approx(0.5, rel=1e-12)
    assert measured("full_jacobian_alignment", J) == pytest.approx(1.0, rel=1e-12)
    torch.testing.assert_close(J, -(beta / beta.norm())[:, None] * 0.5 * UNIT, rtol=0.0, atol=1e-9)
    assert J[1] @ X[0] > 0.0 > (J[0] @ X[0]).maximum(J[2] @ X[0])


def test_theorem_8_a_bound_that_is_not_reached_does_not_align():
    """Squared errors vanish within a wide bound: gradient descent then keeps the parts of the rows across x."""
    J = minimised(_losses.squared_error, alpha=16.0, step=0.2)
    assert float(_losses.squared_error(X @ J.T, TARGET)) < 1e-20 and measured("jacobian_norm", J) < 3.99
    assert measured("full_jacobian_alignment", J) < 0.8
    tight = minimised(_losses.squared_error, alpha=0.01, step=0.2)
    assert measured("full_jacobian_alignment", tight) == pytest.approx(1.0, rel=1e-9)


def test_theorem_8_the_centroid_of_the_optimum_is_zero_for_the_cross_entropy():
    """Its derivatives beta = softmax - e_y sum to zero, and so does c: the aligned optimum of Theorem 8 has mu_x = 0.

    Corollary 6 then says nothing: it is no way to centroid alignment.
    """
    J = minimised(_losses.cross_entropy, alpha=0.25, step=1.0)
    assert measured("centroid_norm", J) < 1e-9 and measured("jacobian_alignment", J) == pytest.approx(1.0, rel=1e-9)


def test_equation_10_has_a_wrong_sign():
    """a_1 = -beta_1 s and a_2 = -beta_2 s solve Equations 7 to 9, and give the minimum.

    s = sqrt(alpha) / (||x|| sqrt(beta_1^2 + (C - 1) beta_2^2)). The paper prints a_1 = beta_1 s with a_2 = -beta_2 s,
    which solves Equation 9 alone. Both with a plus solve all three as well, with a negative multiplier: the maximum.
    """
    alpha, beta_1, beta_2, square, outputs = 4.0, -0.6, 0.2, 2.5, 4
    s = (alpha / square / (beta_1**2 + (outputs - 1) * beta_2**2)) ** 0.5

    def residuals(a_1, a_2):
        shared = ((outputs - 1) * a_2 * beta_2 + a_1 * beta_1) * square
        return alpha * beta_1 - a_1 * shared, alpha * beta_2 - a_2 * shared, alpha - square * (a_1**2 + 3 * a_2**2)

    for sign in (-1.0, 1.0):
        assert residuals(sign * beta_1 * s, sign * beta_2 * s) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    seventh, eighth, ninth = residuals(beta_1 * s, -beta_2 * s)
    assert ninth == pytest.approx(0.0, abs=1e-12) and min(abs(seventh), abs(eighth)) > 0.3


@pytest.mark.parametrize("loss", LOSSES)
def test_theorem_8_grokaligns_penalty_aligns_whatever_the_loss(loss):
    """loss + strength ||J||_F^2 has the minimiser J = -beta x^T / (2 strength), aligned without an active bound.

    This is the squared norm of GrokAlign, with the exact estimator of the shipped method.
    """
    strength, J = 1.0, normal(3, 5, seed=2)

    def total(J):
        local = linearize(lambda x: x @ J.T, X)
        penalty = grokalign.mean_norm(local, random.key(0), root=False, squares=grokalign.exact)
        return LOSSES[loss](local.outputs, TARGET) + strength * penalty

    for _ in range(60):
        J = J - 0.2 * grad(total)(J)
    assert measured("full_jacobian_alignment", J) == pytest.approx(1.0, rel=1e-9)
    torch.testing.assert_close(J, -slopes(J, LOSSES[loss])[:, None] * X / (2.0 * strength), rtol=0.0, atol=1e-6)
