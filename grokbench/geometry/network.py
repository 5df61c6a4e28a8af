"""A fully connected ReLU network as arrays, with its activation patterns, Jacobians and centroids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Patterns", "ReluNetwork", "network_of"]

Array = NDArray[np.float64]
Patterns = NDArray[np.bool_]  # (n, hidden units of all layers): which units are on


@dataclass(frozen=True)
class ReluNetwork:
    """A network x -> relu(x W1 + b1) -> ... -> h W + b, with at least one hidden layer.

    Attributes:
        weights: the matrix of each layer, (fan_in, fan_out).
        biases: the bias of each layer, (fan_out,).
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @property
    def widths(self) -> list[int]:
        """The units of each hidden layer."""
        return [weight.shape[1] for weight in self.weights[:-1]]

    def by_layer(self, patterns: Patterns) -> list[Patterns]:
        """Divide patterns into those of the hidden layers; patterns of only the first layers may be given."""
        ends = np.cumsum(self.widths)
        return [part for part in np.split(patterns, ends, axis=-1) if part.shape[-1]]

    def outputs(self, inputs: Array) -> Array:
        """Compute the outputs, (n, C), at inputs (n, d)."""
        return list(self._forward(inputs))[-1]

    def patterns(self, inputs: Array) -> Patterns:
        """Compute the activation patterns at inputs (n, d): a unit is on where its pre-activation is positive."""
        return np.concatenate([z > 0 for z in list(self._forward(inputs))[:-1]], axis=1)

    def _forward(self, inputs: Array) -> Iterator[Array]:
        """Yield the pre-activations of each layer, and last the outputs."""
        hidden = inputs
        for weight, bias in zip(self.weights, self.biases, strict=True):
            z = hidden @ weight + bias
            yield z
            hidden = np.maximum(z, 0.0)

    def jacobians(self, patterns: Patterns) -> Array:
        """Compute the Jacobians, (n, C, d), in the linear regions with the given patterns (n, units)."""
        masks = self.by_layer(patterns)
        found = np.repeat(self.weights[-1].T[None], len(patterns), axis=0)
        for mask, weight in zip(reversed(masks), reversed(self.weights[:-1]), strict=True):
            found = (found * mask[:, None, :]) @ weight.T
        return found

    def centroids(self, inputs: Array) -> Array:
        """Compute the centroids of the regions that contain the inputs, (n, d): the sum of the Jacobian's rows.

        This is mu_x = J_x^T 1 of Walker et al., Theorem 2. Their Equation 1, by which the centroids define the regions,
        holds for single layers and convex networks; with negative weights after the ReLUs it may fail.
        """
        return self.jacobians(self.patterns(inputs)).sum(axis=1)


def network_of(parameters: Mapping[str, Array]) -> ReluNetwork:
    """Make a network from parameters that are named weight1, bias1, weight2, ...; biases may be left out.

    Raises:
        ValueError: there are other parameters, there is no hidden layer, or the shapes do not fit.
    """
    depth = sum(name.startswith("weight") for name in parameters)
    known = {f"{kind}{layer}" for kind in ("weight", "bias") for layer in range(1, depth + 1)}
    if depth < 2 or (strange := sorted(set(parameters) - known)):
        found = ", ".join(strange if depth >= 2 else sorted(parameters)) or "none"
        raise ValueError(f"expected the parameters weight1, weight2, ... of at least two layers, found {found}")
    weights = tuple(np.asarray(parameters[f"weight{layer}"], np.float64) for layer in range(1, depth + 1))
    biases = tuple(
        np.asarray(parameters.get(f"bias{layer}", np.zeros(weight.shape[-1:])), np.float64)
        for layer, weight in enumerate(weights, start=1)
    )
    fits = all(
        weight.ndim == 2 and bias.shape == weight.shape[1:] for weight, bias in zip(weights, biases, strict=True)
    )
    if not fits or any(one.shape[1] != after.shape[0] for one, after in zip(weights, weights[1:], strict=False)):
        raise ValueError(f"the shapes of the layers do not fit: {', '.join(str(weight.shape) for weight in weights)}")
    return ReluNetwork(weights, biases)
