"""Dropout: Srivastava et al., "Dropout", JMLR 2014.

h <- h k / (1 - p), k ~ Bernoulli(1 - p) for each example and unit, at every hidden site, in training alone.
"""

from functools import partial

from grokbench import Regularizer, hookimpl, random


def my_dropout(p: float = 0.1) -> Regularizer:
    """Zero each hidden activation with probability `p` in training, and divide the others by 1 - p.

    Raises:
        ValueError: `p` is not in [0, 1).
    """
    if not 0.0 <= p < 1.0:
        raise ValueError(f"p must be at least 0 and below 1, got {p}")
    return Regularizer(hidden=partial(hidden, p=p), neutral={"p": 0.0}, rotates=True)


def hidden(h, site, state, at, *, p):
    kept = random.uniform(random.fold(at.key, "dropout", site), h.shape) >= p
    return h * kept / (1.0 - p)


@hookimpl
def grokbench_regularizers():
    yield my_dropout
