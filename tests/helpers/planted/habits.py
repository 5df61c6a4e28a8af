"""Methods that work in a script of one's own and not here, as a newcomer writes them."""

from typing import NamedTuple

from .source import Fault


class Habit(NamedTuple):
    """Functions, the record of them, and what is said."""

    functions: str
    record: str
    question: str
    message: str
    fix: str


HABITS = {
    "a float64 literal": Habit(
        """
def transform(grads, state, at):
    gain = torch.tensor([1.5], dtype=torch.float64)
    return {name: g * gain for name, g in grads.items()}, state
""",
        "transform=transform",
        "shapes",
        "on xor, in torch.float32, transform returns gradients of another shape, dtype or order than it was given: "
        "weight1 is (12, 6) torch.float64, and was (12, 6) torch.float32",
        "make tensors in the precision of the given ones",
    ),
    "gradients without the state": Habit(
        """
def transform(grads, state, at):
    return {name: 0.5 * g for name, g in grads.items()}
""",
        "transform=transform",
        "shapes",
        "transform returns a dict, expected (grads, state)",
        "return both, also if the state is empty: return grads, state",
    ),
    "no return": Habit(
        """
def penalty(local, state, at):
    local.outputs.square().mean()
""",
        "penalty=penalty",
        "shapes",
        "penalty returns nothing",
        "end every branch of the function with a return",
    ),
    "a Python number": Habit(
        """
def penalty(local, state, at):
    return 0.0
""",
        "penalty=penalty",
        "shapes",
        "penalty returns a float, expected a tensor of shape ()",
        "outputs.new_zeros(()) for zero",
    ),
    "a list of gradients": Habit(
        """
def transform(grads, state, at):
    return [0.5 * g for g in grads.values()], state
""",
        "transform=transform",
        "shapes",
        "transform returns gradients as a list, expected a dict from names to tensors",
        "return a dict with the given names",
    ),
    "a gradient too many": Habit(
        """
def transform(grads, state, at):
    return {**grads, "norm": grads["weight1"].norm()}, state
""",
        "transform=transform",
        "shapes",
        "transform returns a gradient too many, norm",
        "return a dict with the given names",
    ),
    "names taken for gradients": Habit(
        """
def transform(grads, state, at):
    return {name: 0.5 * name for name in grads}, state
""",
        "transform=transform",
        "shapes",
        "TypeError: can't multiply sequence by non-int",
        "parameters and gradients are dicts from names to tensors",
    ),
    "inputs alone": Habit(
        """
def perturb(batch, state, at):
    return batch.inputs
""",
        "perturb=perturb",
        "shapes",
        "perturb returns a Tensor, expected a Batch of inputs and targets",
        "return both: Batch(inputs, batch.targets)",
    ),
    "a count in Python": Habit(
        """
def init(params):
    return (0,)


def transform(grads, state, at):
    return grads, (state[0] + 1,)
""",
        "init=init, transform=transform",
        "shapes",
        "init puts a value of type int into the state, expected a NamedTuple of tensors",
        "torch.zeros((), dtype=torch.int64, device=p.device) for a count",
    ),
    "a state without an init": Habit(
        """
def transform(grads, state, at):
    return {name: g + state.m[name] for name, g in grads.items()}, state
""",
        "transform=transform",
        "shapes",
        "'tuple' object has no attribute 'm'",
        "the state is () without an init: write one, and add it to the record, Regularizer(init=init, ...)",
    ),
    "a field that is not there": Habit(
        """
def penalty(local, state, at):
    return local.output.square().mean()
""",
        "penalty=penalty",
        "shapes",
        "'Local' object has no attribute 'output'",
        "Local has hidden, outputs, pullback. Did you mean 'outputs'?",
    ),
    "a parameter of another task": Habit(
        """
def transform(grads, state, at):
    return {**grads, "fc1.weight": 0.5 * grads["fc1.weight"]}, state
""",
        "transform=transform",
        "shapes",
        "KeyError: 'fc1.weight'",
        "or choose by role (at.roles, task.roles)",
    ),
    "classes everywhere": Habit(
        """
def objective(loss):
    return lambda outputs, targets: -torch.nn.functional.one_hot(targets, 2).mul(outputs.log_softmax(-1)).sum(-1).mean()
""",
        'objective=objective, privileges=frozenset({"loss"})',
        "shapes",
        "on xor, it uses targets as class indices",
        'restrict the method to tasks with classes: facts=("cross_entropy",) in the record',
    ),
    "a gradient by autograd": Habit(
        """
def penalty(local, state, at):
    return torch.autograd.grad(local.outputs.sum(), list(at.params.values()))[0].square().mean()
""",
        "penalty=penalty",
        "shapes",
        "it differentiates tensors without a graph",
        "use local.pullback(cotangents) for input gradients",
    ),
    "a second gradient undeclared": Habit(
        """
def transform(grads, state, at):
    return at.grad_at({name: p + 0.1 * grads[name] for name, p in at.params.items()}), state
""",
        "transform=transform",
        "shapes",
        "it takes a second gradient without declaring it",
        'privileges=frozenset({"extra_gradients"})',
    ),
    "a cotangent of another shape": Habit(
        """
def penalty(local, state, at):
    return local.pullback(local.outputs.new_ones(len(local.outputs))).square().mean()
""",
        "penalty=penalty",
        "shapes",
        "shapes do not fit together; torch says: Mismatch in shape",
        "one replica has outputs (n, C) and targets (n,)",
    ),
    "a learning rate written to": Habit(
        """
def transform(grads, state, at):
    at.lr *= 2.0
    return grads, state
""",
        "transform=transform",
        "shapes",
        "it writes into a record: cannot assign to field 'lr'",
        "`at` and `batch` are read-only",
    ),
}

FAULTS = {
    label: Fault(
        f'{habit.functions}\n\ndef method() -> Regularizer:\n    """Do what a newcomer does."""\n'
        f"    return Regularizer({habit.record})\n",
        *habit[2:],
    )
    for label, habit in HABITS.items()
}
