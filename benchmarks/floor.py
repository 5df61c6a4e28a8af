"""The least time that a seed-epoch can take: max(operations / measured peak, bytes / measured bandwidth).

Counted as operations: the matrix products, 2 n a b each, of every step of the real code (forward, penalty, backward,
transform, optimizer) and of the evaluations, shared evenly among the epochs between them. Where the batch is the whole
training set its look at that set is the next step's forward pass, and counted once.

Counted as bytes: parameters, moments and the methods' states, read and written at every step, as if no cache held
them till the next; the training inputs read once per epoch; for an evaluation the parameters and the inputs of the
seed's own splits. Gradients, activations and data that all seeds share could stay in caches and are not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.cases import Case
from benchmarks.gauge import Rates
from grokbench import engine
from grokbench.step import Step, StepContext
from grokbench.types import Batch, Params

__all__ = ["Effort", "effort"]


@dataclass(frozen=True)
class Effort:
    """What a seed-epoch takes, evaluations included."""

    operations: float
    bytes: float

    def seconds(self, rates: Rates) -> float:
        """On a machine that does both at once."""
        return max(self.operations / rates.operations, self.bytes / rates.bytes)


def effort(case: Case) -> Effort:
    """Counted on one replica of a case as the engine trains it, with its rotation."""
    group, _ = engine.start(case.step, case.seeds[:1], case.device, engine.DTYPES[case.precision])
    params = {name: p[0] for name, p in group.params.items()}
    own = {name: Batch(split.inputs[0], split.targets[0]) for name, split in group.own.items()}
    step, every, key = case.step, case.cell.evaluate_every, group.keys[0]
    steps, splits = step.task.steps, own | group.shared
    trained, outputs = _products_of_a_pass(step, params, splits["train"], key, steps)
    known = {"train": outputs} if steps == 1 else {}
    evaluated = _products_of_an_evaluation(step, params, splits, key, known)
    read = [split.inputs for name, split in own.items() if name not in known]
    seen = _bytes(own["train"].inputs) if "train" in own else 0
    bytes_of_a_pass = 2 * steps * _bytes(_kept(step, params)) + seen
    return Effort(trained + evaluated / every, bytes_of_a_pass + _bytes((params, read)) / every)


def _products_of_a_pass(step: Step, params: Params, batch: Batch, key: Tensor, steps: int) -> tuple[int, Tensor]:
    """Of all batches at once, since products grow with the examples, and of what is done once per step; the outputs."""
    params = {name: p.clone().requires_grad_() for name, p in params.items()}
    states, zero = step.init(params), torch.zeros((), dtype=torch.int64, device=key.device)
    now = StepContext(batch, step.keys(key), zero, zero)
    with FlopCounterMode(display=False) as passed:
        total, outputs = step.objective(params, states, now)
        found = torch.autograd.grad(total, list(params.values()), materialize_grads=True)
    with FlopCounterMode(display=False) as updated, torch.no_grad():
        grads, _ = step.through("transform", dict(zip(params, found, strict=True)), params, states, outputs, now)
        step.optimizer.update(params, grads, step.optimizer.init(params))
    return passed.get_total_flops() + steps * updated.get_total_flops(), outputs.detach()


@torch.no_grad()
def _products_of_an_evaluation(
    step: Step, params: Params, splits: Mapping[str, Batch], key: Tensor, known: Mapping[str, Tensor]
) -> int:
    with FlopCounterMode(display=False) as counter:
        step.evaluate(list(step.metrics), params, splits, key, dict(known))
    return counter.get_total_flops()


def _kept(step: Step, params: Params) -> Any:
    """What lives from one step to the next."""
    return params, step.optimizer.init(params), step.init(params)


def _bytes(tree: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in pytree.tree_leaves(tree) if tensor.ndim)
