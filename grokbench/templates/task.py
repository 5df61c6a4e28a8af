"""Example of a task about strings of signs. Name the source of your task here: authors, title, year, arXiv number.

Then say what the network can memorise and what it has to find. Here only the first two signs of a string matter.
"""

from functools import partial

from torch import Tensor
from torch.nn import functional as F

from grokbench import AdamW, Batch, Params, Task, hookimpl, random


def new_name(
    signs: int = 20, samples: int = 400, width: int = 128, lr: float = 3e-3, weight_decay: float = 1.0
) -> Task:
    """Classify strings of `signs` random signs by whether the first two signs are equal.

    Half of the `samples` are for training, half for the test. A ReLU network with one hidden layer of `width` units is
    trained with cross-entropy over two classes and full-batch AdamW. It has grokked when the test accuracy is above
    0.90. Name the paper of every setting, or say that you chose it; these settings were chosen for a delay.

    Raises:
        ValueError: `signs` is less than 2.
    """
    if signs < 2:
        raise ValueError(f"signs must be at least 2, got {signs}")
    return Task(
        splits=partial(splits, signs=signs, samples=samples),
        train_size=samples // 2,
        init=partial(init, signs=signs, width=width),
        forward=forward,
        loss=loss,
        correct=correct,
        optimizer=AdamW(lr=lr, weight_decay=weight_decay),
        epochs=600,
        grokked={"test_accuracy": "> 0.90"},
        roles={"weight1": "input", "weight2": "readout"},
        input_bounds=(-1.0, 1.0),
        facts={"cross_entropy": True},
    )


def splits(key: Tensor, *, signs: int, samples: int) -> dict[str, Batch]:
    """Draw the train and test halves: inputs (samples / 2, signs) of -1 and 1, targets 1 where the first two agree."""
    inputs = 2.0 * random.integers(random.fold(key, "signs"), (samples, signs), 2).double() - 1.0
    targets, train = (inputs[:, 0] == inputs[:, 1]).long(), samples // 2
    return {"train": Batch(inputs[:train], targets[:train]), "test": Batch(inputs[train:], targets[train:])}


def init(key: Tensor, *, signs: int, width: int) -> Params:
    """Draw weights (fan_in, fan_out) from U(-1/sqrt(fan_in), 1/sqrt(fan_in))."""
    shapes = {"weight1": (signs, width), "weight2": (width, 2)}
    uniform = {name: random.uniform(random.fold(key, "init", name), shape) for name, shape in shapes.items()}
    return {name: shapes[name][0] ** -0.5 * (2.0 * u - 1.0) for name, u in uniform.items()}


def forward(params: Params, inputs: Tensor) -> Tensor:
    """Compute outputs (n, 2) from inputs (n, signs)."""
    return (inputs @ params["weight1"]).relu() @ params["weight2"]


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute the mean of -log softmax(outputs)[target], ()."""
    return -F.log_softmax(outputs, -1).gather(-1, targets[:, None]).mean()


def correct(outputs: Tensor, targets: Tensor) -> Tensor:
    """Compare the class of the largest output with the target, (n,) bool."""
    return outputs.argmax(-1) == targets


# A task may also set `batch_size`, `evaluate_every`, `stop`, `frozen`, or `shared` for data that all seeds share.
# `grokbench show NAME` describes the shipped tasks, and the page "Write a task" every field.
@hookimpl
def grokbench_tasks():
    yield new_name
