"""Optimizers of other packages, in one line each."""

import pytorch_optimizer
import torch

from grokbench import from_torch, hookimpl


@hookimpl
def grokbench_regularizers():
    yield from_torch(pytorch_optimizer.Lion, lr=1e-3, weight_decay=0.1)
    yield from_torch(pytorch_optimizer.AdaBelief, lr=1e-2, weight_decay=0.1)
    yield from_torch(torch.optim.RAdam, lr=1e-2, weight_decay=0.1, decoupled_weight_decay=True)
