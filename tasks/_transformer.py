"""A one-layer transformer as pure functions of a dict of parameters, read at its last position only.

Nanda et al., "Progress measures for grokking via mechanistic interpretability", ICLR 2023, arXiv:2301.05217: no
LayerNorm, learnt positions, biases in the MLP alone, embedding and unembedding not tied. Let x_1, ..., x_T be the
embedding vectors of the tokens, and h_t = x_t + W_pos[t]. Each of H heads, of width d_h = d_model / H, computes

    a = softmax_t(<h_T W_Q, h_t W_K> / sqrt(d_h))        z = sum_t a_t h_t W_V

and then, with the z of all heads side by side,

    r = h_T + z W_O        y = r + relu(r W_in + b_in) W_out + b_out        outputs = y W_U

The causal mask is left out, because it hides later positions and the last position has none. The other positions need
only keys and values. Weights are applied from the right. The heads' parts of W_Q, W_K and W_V are side by side.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from grokbench import Params, Role, random

MAX_WIDTH = 100_000

ROLES: dict[str, Role] = {
    "W_E": "input",
    "W_pos": "input",
    "W_Q": "hidden",
    "W_K": "hidden",
    "W_V": "hidden",
    "W_O": "hidden",
    "W_in": "hidden",
    "b_in": "bias",
    "W_out": "hidden",
    "b_out": "bias",
    "W_U": "readout",
}


def shapes(*, tokens: int, positions: int, outputs: int, d_model: int, heads: int, d_mlp: int) -> dict[str, list[int]]:
    """The shape of every parameter, in canonical order; ValueError for impossible sizes."""
    for name, size in {"d_model": d_model, "heads": heads, "d_mlp": d_mlp}.items():
        if not 1 <= size <= MAX_WIDTH:
            raise ValueError(f"{name} must lie between 1 and {MAX_WIDTH}, got {size}")
    if d_model % heads:
        raise ValueError(f"d_model must be a multiple of heads, {heads}, got {d_model}")
    attention = dict.fromkeys(("W_Q", "W_K", "W_V", "W_O"), [d_model, d_model])
    mlp = {"W_in": [d_model, d_mlp], "b_in": [d_mlp], "W_out": [d_mlp, d_model], "b_out": [d_model]}
    return {"W_E": [tokens, d_model], "W_pos": [positions, d_model], **attention, **mlp, "W_U": [d_model, outputs]}


def init(key: Tensor, shapes: Mapping[str, list[int]]) -> Params:
    """Weights N(0, 1 / d_model), unembedding N(0, 1 / outputs), biases zero, as in the authors' code."""
    (_, d_model), (_, outputs) = shapes["W_E"], shapes["W_U"]
    params = {}
    for name, shape in shapes.items():
        noise = random.normal(random.fold(key, "init", name), tuple(shape))
        scale = 0.0 if name.startswith("b_") else (outputs if name == "W_U" else d_model) ** -0.5
        params[name] = scale * noise
    return params


def embed(params: Params, tokens: Tensor) -> Tensor:
    """The vectors (n, T, d_model) of tokens (n, T), before positions are added.

    Computed by a matrix product, which costs no more than an index: the gradient of an index adds in no fixed order.
    """
    W_E = params["W_E"]
    onehot = tokens[..., None] == torch.arange(len(W_E), device=tokens.device)
    return onehot.to(W_E.dtype) @ W_E


def unembedding(params: Params) -> Tensor:
    """W_U with a row for each output, (outputs, d_model)."""
    return params["W_U"].T


def neuron_logits(params: Params) -> Tensor:
    """W_L = W_out W_U, the map from neurons to outputs, with a row for each output, (outputs, d_mlp)."""
    return (params["W_out"] @ params["W_U"]).T


def forward(
    params: Params, x: Tensor, site: Callable[[Tensor, str], Tensor] = lambda h, name: h, *, heads: int
) -> Tensor:
    """Outputs (n, C) after the last of the token vectors x (n, T, d_model).

    The hidden sites are `attention` (r in the module's docstring, (n, d_model)), `mlp` (the outputs of the ReLUs,
    (n, d_mlp)) and `residual` (y there, (n, d_model)).
    """
    h = x + params["W_pos"]
    r = site(h[:, -1] + attention(params, h, heads) @ params["W_O"], "attention")
    hidden = (r @ params["W_in"]).add_(params["b_in"]).relu_()  # in place: the product is not needed any more
    hidden = site(hidden, "mlp")
    y = site((hidden @ params["W_out"]).add_(params["b_out"]).add_(r), "residual")
    return y @ params["W_U"]


def attention(params: Params, h: Tensor, heads: int) -> Tensor:
    """The outputs of the heads at the last position of h (n, T, d_model), side by side: (n, d_model).

    With one query and T keys the matrices are so small that elementwise products are faster than a batched product.
    """
    products = h[:, -1:] @ params["W_Q"], h @ params["W_K"], h @ params["W_V"]
    q, k, v = (product.unflatten(-1, (heads, -1)) for product in products)
    scores = (q * k).sum(-1) * q.shape[-1] ** -0.5  # (n, T, heads)
    return (torch.softmax(scores, 1)[..., None] * v).sum(1).flatten(1)
