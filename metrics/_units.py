"""Units of length in the inputs of a task: pixels, or standard deviations of the data."""

from typing import Literal

import torch
from torch import Tensor

from grokbench import Task

Space = Literal["pixel", "normalised"]


def unit(task: Task, x: Tensor, space: Space) -> Tensor:
    """A length of 1 of that space, in units of x (n, ...): (), or broadcast along the channels of x, its axis 1.

    - "pixel": the width of the valid range is 1, whatever it is in x: 4/255 are four grey levels of an 8-bit image.
    - "normalised": the standard deviation of the data is 1. Where the task normalises within its network it says how
      many units of x that is, `facts["pixel_std"]`, a number, or a tuple with one for each channel; else its inputs are
      normalised already, and the unit is that of x.
    A task without `input_bounds` has no range to keep, and both are the unit of x.
    """
    if space == "pixel":
        low, high = task.input_bounds or (0.0, 1.0)
        return x.new_full((), high - low)
    std = task.facts.get("pixel_std", 1.0)
    if not isinstance(std, tuple):
        return x.new_full((), std)
    return torch.stack([x.new_full((), channel) for channel in std]).reshape(-1, *[1] * (x.ndim - 2))
