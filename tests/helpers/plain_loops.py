"""One seed of a task trained in a plain loop by optimizers like torch's, and a task of matrices of every shape.

The loop shares nothing with the engine but a task's own functions and its keyed draws. Matrices are in torch's layout,
(fan_out, fan_in), as an optimizer of a `torch.nn.Linear` sees them.
"""

import torch

from grokbench import AdamW, Batch, Task, random

from .oracles import batch_rows

SHAPES = {"tall": (12, 5), "wide": (5, 12), "square": (6, 6), "kernel": (4, 3, 2, 2), "readout": (5, 3), "bias": (7,)}
HIDDEN = ("tall", "wide", "square", "kernel")
STEPS = 20


def adamw(weights, task, names=None):
    """torch's optimizer with the settings of the task's."""
    own = task.optimizer
    chosen = [p for name, p in weights.items() if names is None or name in names]
    return torch.optim.AdamW(chosen, own.lr, own.betas, own.eps, own.weight_decay)


def turned(params):
    """Parameters with matrices in the other layout."""
    return {name: p.T if p.ndim == 2 else p for name, p in params.items()}


def looped(task, seed, optimizers, epochs=1, *, again=False, after=lambda weights: None, end=lambda: None):
    """Train one seed; return its parameters in the layout of tasks.

    `optimizers(weights)` are stepped in turn; `again` passes them a closure, for a second gradient. `after(weights)` is
    called after each step.
    """
    own = random.fold(random.key(seed), "task")
    inputs, targets = task.splits(own)["train"]
    weights = {name: torch.nn.Parameter(p.clone()) for name, p in turned(task.init(own)).items()}
    made = optimizers(weights)
    for epoch in range(epochs):
        for rows in batch_rows(task, random.key(seed), epoch):

            def closure(rows=rows):
                for p in weights.values():
                    p.grad = None
                task.loss(task.outputs(turned(weights), inputs[rows]), targets[rows]).backward()

            closure()
            for optimizer in made:
                optimizer.step(*[closure] * again)
            after(weights)
    end()
    return turned({name: p.detach().clone() for name, p in weights.items()})


def matrices(loss):
    """A task with matrices of every shape, 20 steps in an epoch, and an example for each.

    An example is as long as all parameters together, and the output is their product. With the loss `mean` the example
    is therefore the gradient, bit by bit. It has whole numbers, so sums of their products are exact in any order, and
    SOAP's first eigenbases, which are partly arbitrary, are the same in the engine and in a loop.
    """
    return Task(
        splits=splits,
        train_size=STEPS,
        init=init,
        forward=forward,
        loss=loss,
        correct=lambda outputs, targets: outputs[:, 0].sign() == targets,
        optimizer=AdamW(lr=0.01, weight_decay=0.1),
        batch_size=1,
        epochs=1,
        grokked={"test_accuracy": "> 0.9"},
        roles={name: "hidden" if name in HIDDEN else name for name in SHAPES},
    )


def mean(outputs, targets):
    """The mean output, whose gradients are the examples."""
    return outputs.mean()


def squared(outputs, targets):
    """The squared error, whose gradients depend on the parameters."""
    return (outputs[:, 0] - targets).square().mean()


def splits(key):
    size = sum(torch.Size(shape).numel() for shape in SHAPES.values())
    inputs = random.integers(random.fold(key, "examples"), (2 * STEPS, size), 7).double() - 3.0
    targets = 2.0 * random.integers(random.fold(key, "targets"), (2 * STEPS,), 2).double() - 1.0
    return {"train": Batch(inputs[:STEPS], targets[:STEPS]), "test": Batch(inputs[STEPS:], targets[STEPS:])}


def init(key):
    return {name: 0.1 * random.normal(random.fold(key, name), shape) for name, shape in SHAPES.items()}


def forward(params, inputs):
    return inputs @ torch.cat([p.flatten() for p in params.values()])[:, None]
