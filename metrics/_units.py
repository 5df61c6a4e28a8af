"""Units of length in the inputs of a task: pixels, or standard deviations of the data."""

from typing import Literal

import torch
from torch import Tensor

from grokbench import Task

Space = Literal["pixel", "normalised"]


def unit(task: Task, x: Tensor, space: Space) -> Tensor:
    """A length of 1 in `space`, in units of x (n, ...): (), or one number for each channel, shaped for axis 1 of x.

    - "pixel": the width of the valid range has length 1, so 4/255 are four grey levels of an 8-bit image.
    - "normalised": the standard deviation of the data has length 1. A task that normalises within its network gives
      this length in units of x as `facts["pixel_std"]`, a number or a tuple with one number for each channel. The
      inputs of other tasks are normalised already, and the unit is that of x.

    For a task without `input_bounds`, both spaces have the unit of x.
    """
    if space == "pixel":
        low, high = task.input_bounds or (0.0, 1.0)
        return x.new_full((), high - low)
    std = task.facts.get("pixel_std", 1.0)
    if not isinstance(std, tuple):
        return x.new_full((), std)
    return torch.stack([x.new_full((), channel) for channel in std]).reshape(-1, *[1] * (x.ndim - 2))
