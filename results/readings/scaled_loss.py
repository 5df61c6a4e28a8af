"""The task's loss times a constant, to ask what its scale does under AdamW, whose eps is 1e-8 whatever the scale."""

from grokbench import Regularizer, hookimpl


def scaled_loss(scale: float = 0.01) -> Regularizer:
    """Train on `scale` times the loss; a penalty beside it keeps its size."""
    return Regularizer(objective=lambda loss: lambda outputs, targets: scale * loss(outputs, targets), rotates=True)


@hookimpl
def grokbench_regularizers():
    yield scaled_loss
