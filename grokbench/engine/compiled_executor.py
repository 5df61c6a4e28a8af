"""The executor of `--compile`: the steps and evaluations of a group run as compiled flat graphs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from grokbench.engine.compiled_function import CompiledFunction
from grokbench.engine.compiled_graph import set_up
from grokbench.engine.flat_executor import FlatExecutor
from grokbench.engine.flat_function import FlatFunction
from grokbench.step import Step

__all__ = ["CompiledExecutor"]


class CompiledExecutor(FlatExecutor):
    """An executor that compiles steps and evaluations at their first call.

    Rare functions are not compiled and run as flat graphs: the draws of an epoch, a smaller last batch, and metrics
    that are not due at every evaluation. The kind of a function decides whether it is rare, not the number of its calls
    so far; a resumed group therefore computes the same numbers.
    """

    few_sizes = True

    def __init__(self, step: Step) -> None:
        """Create the executor for a cell's step; nothing is compiled yet."""
        super().__init__(step, record_after=0)  # training is long enough to repay recording at once
        set_up()

    def _make(self, function: Callable[[Any, Any], Any], rare: bool) -> FlatFunction:
        return super()._make(function, rare) if rare else CompiledFunction(function)

    def _table(self, labels: tuple[str, ...], inputs: Any) -> Tensor:
        """Measure metrics: by compiled code if they are due at every evaluation, otherwise by a flat graph."""
        step, columns, finite = self.step, dict[str, Tensor](), inputs[0]["finite"].double()
        always = tuple(label for label in labels if label in step.required or step.every.get(label, 1) == 1)
        rest = tuple(label for label in labels if label not in always)
        for some, rare in ((always, False), (rest, True)):
            if some:
                columns |= zip(some, self._measured(some, inputs, rare).unbind(1), strict=False)
        return torch.stack([*(columns[label] for label in labels), finite], 1)
