"""A lower bound on the time of a seed-epoch (roofline): max(operations / peak rate, bytes / bandwidth), both measured.

Operations are the floating-point operations of the matrix products, 2 n a b each, in every step of the engine's code
(forward, penalty, backward, transform, optimizer), and in the evaluations, divided by the epochs between them. With
full batches an evaluation on the training set is also the next step's forward pass, and is counted once.

Bytes are those of parameters, moments and the methods' states, read and written at every step, as if no cache kept
them; of the training inputs, read once per epoch; and, in an evaluation, of the parameters and the inputs of the seed's
own splits. Gradients, activations and data that all seeds share could stay in caches and are not counted.
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
from grokbench import engine, random
from grokbench.step import Step, StepContext
from grokbench.types import Batch, Params

__all__ = ["Effort", "effort"]


@dataclass(frozen=True)
class Effort:
    """The work of a seed-epoch, evaluations included.

    Attributes:
        operations: floating-point operations.
        bytes: read and written.
    """

    operations: float
    bytes: float

    def seconds(self, rates: Rates) -> float:
        """Return the least time on a machine that computes while it moves bytes."""
        return max(self.operations / rates.operations, self.bytes / rates.bytes)


def effort(case: Case) -> Effort:
    """Count the work of one replica of a case as the engine trains it, with its rotation."""
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
    """Count the operations of an epoch, and return the outputs.

    All examples are passed as one batch, because products are proportional to the examples; the operations of
    transform and optimizer are counted for each step.
    """
    params = {name: p.clone().requires_grad_() for name, p in params.items()}
    states, zero = step.init(params, key), torch.zeros((), dtype=torch.int64, device=key.device)
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
    """Return the tensors that persist from one step to the next."""
    key = random.key(0, next(iter(params.values())).device)
    return params, step.optimizer.init(params), step.init(params, key)


def _bytes(tree: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in pytree.tree_leaves(tree) if tensor.ndim)
