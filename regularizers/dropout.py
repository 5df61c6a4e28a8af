"""Dropout: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

Power et al., "Grokking: generalization beyond overfitting on small algorithmic datasets", 2022, arXiv:2201.02177, try
it at 0.1 among the first interventions on grokking.
"""

from functools import partial

from torch import Tensor

from grokbench import At, Regularizer, hookimpl, random


def dropout(p: float = 0.1) -> Regularizer:
    """Set each hidden activation to zero with probability `p` in training, and divide the others by 1 - p.

        h <- h k / (1 - p),  k ~ Bernoulli(1 - p), anew for every example, unit and step

    This is the inverted form, `torch.nn.Dropout`: Srivastava et al. multiply by 1 - p at test time instead. It acts at
    every hidden site of the task, which `grokbench show TASK` lists. In the transformer these are the residual stream
    and the MLP's activations; Power et al. drop the outputs of sublayers and the attention weights. Evaluations see the
    whole network. Cost: one draw per activation.

    ValueError unless 0 <= `p` < 1.
    """
    if not 0.0 <= p < 1.0:
        raise ValueError(f"p must be at least 0 and below 1, got {p}")
    return Regularizer(hidden=partial(hidden, p=p), neutral={"p": 0.0}, rotates=True)


def hidden(h: Tensor, site: str, state: tuple[()], at: At, *, p: float) -> Tensor:
    """The activations, with those that are kept rescaled and the others set to zero."""
    del state
    kept = random.uniform(random.fold(at.key, "dropout", site), tuple(h.shape)) >= p
    return h * kept / (1.0 - p)


@hookimpl
def grokbench_regularizers():
    yield dropout
