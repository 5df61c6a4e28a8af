"""Plugins with one fault each, as a contributor might write them, and a sound one beside them."""

from typing import NamedTuple

HEAD = '''\
"""A method of a user."""

import random as stdlib_random
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy
import torch

from grokbench import At, Batch, Optimizer, Params, Regularizer, hookimpl, random


'''

HOOK = """

@hookimpl
def grokbench_regularizers():
    yield method
"""


class Fault(NamedTuple):
    """A planted fault, the question that must find it, and a phrase of the fix that the message must name."""

    source: str
    question: str
    message: str
    fix: str


class Change(NamedTuple):
    """A fault planted into a sound plugin by changing a phrase of it."""

    before: str
    after: str
    question: str
    message: str
    fix: str

    def applied(self, source):
        """The plugin with the fault."""
        assert self.before in source
        return source.replace(self.before, self.after)


SOUND = '''
class Mean(NamedTuple):
    """The mean gradient so far."""

    mean: Params


def init(params: Params) -> Mean:
    """Zeros."""
    return Mean({name: torch.zeros_like(p) for name, p in params.items()})


def transform(grads: Params, state: Mean, at: At, *, gain: float) -> tuple[Params, Mean]:
    """Add noise and the mean."""
    mean = {name: torch.lerp(state.mean[name], g, 0.1) for name, g in grads.items()}
    noise = {name: random.normal(random.fold(at.key, name), tuple(g.shape), g.dtype) for name, g in grads.items()}
    small = {name: torch.where(g.norm() < 1.0, noise[name], 0.0) for name, g in grads.items()}
    return {name: g + gain * (mean[name] + small[name]) for name, g in grads.items()}, Mean(mean)


def penalty(local: Any, state: Mean, at: At, *, gain: float) -> torch.Tensor:
    """The smoothed norm of the input gradients."""
    squares = local.pullback(torch.ones_like(local.outputs)).square().sum(-1)
    return gain * squares.clamp_min(1e-8).sqrt().mean()


def method(gain: float = 0.01) -> Regularizer:
    """Add a mean gradient, a little noise and a penalty."""
    phases = {"transform": partial(transform, gain=gain), "penalty": partial(penalty, gain=gain)}
    return Regularizer(init=init, neutral={"gain": 0.0}, **phases)
'''

FAULTS = {
    "state on self": Fault(
        '''
class Momentum:
    """Remembers gradients."""

    def __init__(self):
        self.sum = {}

    def __call__(self, grads, state, at):
        self.sum = {name: self.sum.get(name, 0.0) + g.detach() for name, g in grads.items()}
        return dict(self.sum), state


def method() -> Regularizer:
    """Use the sum of all gradients so far."""
    return Regularizer(transform=Momentum())
''',
        "memory",
        "the same call of transform gives two results",
        "keep what is remembered in the state",
    ),
    "global randomness": Fault(
        '''
def transform(grads, state, at):
    return {name: g + 0.01 * torch.randn(g.shape) for name, g in grads.items()}, state


def method() -> Regularizer:
    """Add noise to every gradient."""
    return Regularizer(transform=transform)
''',
        "randomness",
        "it moves the global generator of torch",
        "draw from the key you are given, with grokbench.random",
    ),
    "global randomness of numpy": Fault(
        '''
def transform(grads, state, at):
    scale = 1.0 + 0.01 * numpy.random.rand() + 0.01 * stdlib_random.random()
    return {name: scale * g for name, g in grads.items()}, state


def method() -> Regularizer:
    """Scale every gradient at random."""
    return Regularizer(transform=transform)
''',
        "randomness",
        "the global generator of random and numpy.random",
        "draw from the key you are given, with grokbench.random",
    ),
    "an in-place change": Fault(
        '''
def transform(grads, state, at):
    for name, g in grads.items():
        g.mul_(0.5)
    return grads, state


def method() -> Regularizer:
    """Halve every gradient."""
    return Regularizer(transform=transform)
''',
        "arguments",
        "transform writes into grads.weight1",
        "make a new tensor: x = x + y, not x += y",
    ),
    "an in-place change of the batch": Fault(
        '''
def penalty(local, state, at):
    at.batch.inputs.mul_(0.9)
    return 0.01 * local.outputs.square().mean()


def method() -> Regularizer:
    """Shrink the inputs a little."""
    return Regularizer(penalty=penalty)
''',
        "arguments",
        "penalty writes into at.batch.inputs",
        "make a new tensor: x = x + y, not x += y",
    ),
    "gradients put into the dict they came in": Fault(
        '''
def transform(grads, state, at):
    for name, g in grads.items():
        grads[name] = 0.5 * g
    return grads, state


def method() -> Regularizer:
    """Halve every gradient."""
    return Regularizer(transform=transform)
''',
        "arguments",
        "transform writes into grads.weight1, grads.weight2",
        "a new dict: {name: 2.0 * g for name, g in grads.items()}",
    ),
    "a state's dict that is filled": Fault(
        '''
def init(params):
    return ({},)


def transform(grads, state, at):
    state[0]["norm"] = grads["weight1"].norm()
    return grads, ({},)


def method() -> Regularizer:
    """Note the norm of a gradient."""
    return Regularizer(init=init, transform=transform)
''',
        "arguments",
        "transform writes into state.0.norm",
        "a new dict",
    ),
    "an entry taken out": Fault(
        '''
def transform(grads, state, at):
    first = grads.pop("weight1")
    return {"weight1": first, **grads}, state


def method() -> Regularizer:
    """Take the first gradient apart."""
    return Regularizer(transform=transform)
''',
        "arguments",
        "transform writes into grads.weight1",
        "a new dict",
    ),
    "a field of a state written to": Fault(
        '''
class Count(NamedTuple):
    """Updates so far."""

    n: torch.Tensor


def init(params):
    return Count(torch.tensor(0))


def transform(grads, state, at):
    state.n = state.n + 1
    return grads, state


def method() -> Regularizer:
    """Count the updates."""
    return Regularizer(init=init, transform=transform)
''',
        "arguments",
        "it writes into a record: can't set attribute",
        "state._replace(m=new)",
    ),
    "a Python branch on a tensor": Fault(
        '''
def transform(grads, state, at):
    return {name: g / g.norm() if g.norm() > 1.0 else g for name, g in grads.items()}, state


def method() -> Regularizer:
    """Clip every gradient to length one."""
    return Regularizer(transform=transform)
''',
        "device",
        "it branches in Python on a tensor",
        "choose with torch.where(condition, a, b)",
    ),
    "a Python branch on the step": Fault(  # the map over seeds lets it pass; a captured graph would freeze it
        '''
def transform(grads, state, at):
    if at.step < 10:
        return grads, state
    return {name: 2.0 * g for name, g in grads.items()}, state


def method() -> Regularizer:
    """Double every gradient after ten steps."""
    return Regularizer(transform=transform)
''',
        "device",
        "it branches in Python on a tensor",
        "choose with torch.where(condition, a, b)",
    ),
    "a wrong shape": Fault(
        '''
def penalty(local, state, at):
    return 0.01 * local.outputs.square().sum(-1)


def method() -> Regularizer:
    """Penalise the size of the outputs."""
    return Regularizer(penalty=penalty)
''',
        "shapes",
        "penalty returns shape (20,), expected a tensor of shape ()",
        "a loss or penalty is (), so end it with .mean() or .sum()",
    ),
    "gradients of a wrong shape": Fault(
        '''
def transform(grads, state, at):
    return {name: g.flatten() for name, g in grads.items()}, state


def method() -> Regularizer:
    """Flatten every gradient."""
    return Regularizer(transform=transform)
''',
        "shapes",
        "transform returns gradients of another shape, dtype or order than it was given: weight1 is",
        "return the shape that was asked for",
    ),
    "a disturbed random stream": Fault(
        '''
def transform(grads, state, at):
    at.key.add_(1)
    noise = {name: random.normal(at.key, tuple(g.shape), g.dtype) for name, g in grads.items()}
    return {name: g + 0.01 * noise[name] for name, g in grads.items()}, state


def method() -> Regularizer:
    """Add noise to every gradient."""
    return Regularizer(transform=transform)
''',
        "arguments",
        "transform writes into at.key",
        "a new key is random.fold(key, purpose)",
    ),
    "a nan gradient on a dead network": Fault(
        '''
def penalty(local, state, at):
    return 0.01 * local.pullback(torch.ones_like(local.outputs)).square().sum(-1).sqrt().mean()


def method() -> Regularizer:
    """Penalise the norm of the input gradients."""
    return Regularizer(penalty=penalty)
''',
        "dead network",
        "is not finite",
        "clamp before a root, a logarithm or a division",
    ),
    "a logarithm of nothing in a sure network": Fault(
        '''
def penalty(local, state, at):
    p = local.outputs.softmax(-1)
    return 0.1 * (p * p.log()).sum(-1).mean()


def method() -> Regularizer:
    """Reward the entropy of the answers."""
    return Regularizer(penalty=penalty)
''',
        "dead network",
        "on sparse_parity, in torch.float32, with parameters times",
        "log_softmax(outputs, -1) not softmax().log()",
    ),
    "a penalty without a value": Fault(  # its gradient is a number: torch differentiates the logarithm all the same
        '''
def penalty(local, state, at):
    return 0.1 * (local.outputs.square().mean() - 1e9).log()


def method() -> Regularizer:
    """Take the logarithm of a negative number."""
    return Regularizer(penalty=penalty)
''',
        "precision",
        "on xor, in torch.float32, the loss with its penalty is not finite after 5 epochs",
        "clamp before a root, a logarithm or a division",
    ),
    "an exponential in a sure network": Fault(
        '''
def objective(loss):
    return lambda outputs, targets: loss(outputs, targets) + 0.1 * outputs.exp().mean().log()


def method() -> Regularizer:
    """Penalise large outputs."""
    return Regularizer(objective=objective, privileges=frozenset({"loss"}))
''',
        "dead network",
        "and outputs of 1000, the loss is not finite",
        "logsumexp not exp().sum().log()",
    ),
    "neutral parameters that are not neutral": Fault(
        '''
def transform(grads, state, at, *, gain):
    return {name: (1.0 + gain) * g + 1e-7 * g for name, g in grads.items()}, state


def method(gain: float = 0.1) -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=partial(transform, gain=gain), neutral={"gain": 0.0})
''',
        "neutral",
        "at {'gain': 0.0} it differs from the baseline by",
        "correct `neutral`, or leave it out",
    ),
    "a mutable default": Fault(
        '''
def transform(grads, state, at, *, scales):
    return {name: scales[0] * g for name, g in grads.items()}, state


def method(scales: list[float] = [1.5]) -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=partial(transform, scales=scales))
''',
        "defaults",
        "the default of 'scales' in method is a list, shared by every call",
        "use a tuple, a number or None as the default",
    ),
    "a mutable default of a phase": Fault(
        '''
def transform(grads, state, at, seen={}):
    return {name: 1.5 * g for name, g in grads.items()}, state


def method() -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=transform)
''',
        "defaults",
        "the default of 'seen' in transform is a dict, shared by every call",
        "use a tuple, a number or None as the default",
    ),
    "a missing docstring": Fault(
        """
def method() -> Regularizer:
    return Regularizer(neutral={})
""",
        "description",
        "method has no docstring",
        "begin the docstring of method with a sentence",
    ),
    "withheld data used undeclared": Fault(
        '''
def prepare(params, task, key):
    test = task.splits(key)["test"]
    size = task.forward(params, test.inputs).square().mean().sqrt()
    return {name: p / (1.0 + size) for name, p in params.items()}


def method() -> Regularizer:
    """Scale the initialisation by the outputs on test data."""
    return Regularizer(prepare=prepare)
''',
        "withheld data",
        "prepare reads the data of test and declares nothing",
        'declare it, privileges=frozenset({"extra_labels"})',
    ),
    "withheld data taken together": Fault(  # no split is read by name
        '''
def prepare(params, task, key):
    means = [batch.inputs.mean() for batch in task.splits(key).values()]
    return {name: p * (1.0 + sum(means)) for name, p in params.items()}


def method() -> Regularizer:
    """Scale the initialisation by the mean of all inputs."""
    return Regularizer(prepare=prepare)
''',
        "withheld data",
        "prepare reads data that it was not trained on and declares nothing",
        'declare it, privileges=frozenset({"extra_labels"})',
    ),
    "a host synchronisation": Fault(
        '''
def penalty(local, state, at):
    return 0.01 * local.outputs.square().mean() / local.outputs.detach().abs().max().item()


def method() -> Regularizer:
    """Penalise the relative size of the outputs."""
    return Regularizer(penalty=penalty)
''',
        "device",
        "it reads a tensor back from the device with item",
        "keep every number a tensor on its device",
    ),
    "a host synchronisation in an optimizer": Fault(  # which no map over seeds would complain of
        '''
@dataclass(frozen=True)
class Clipped(Optimizer):
    """Gradient descent on clipped gradients."""

    decoupled = False

    def init(self, params):
        return ()

    def update(self, params, grads, state):
        largest = max(float(g.abs().amax()) for g in grads.values())
        return {name: p - self.lr * grads[name].clamp(-1.0, largest) for name, p in params.items()}, state


def method() -> Regularizer:
    """Descend along clipped gradients."""
    return Regularizer(optimizer=lambda optimizer: Clipped(optimizer.lr))
''',
        "device",
        "it reads a tensor back from the device with __float__",
        "keep every number a tensor on its device",
    ),
    "a tensor on the CPU": Fault(  # which works wherever it is written, and fails on the first other device
        '''
def transform(grads, state, at):
    return {name: g * torch.full(g.shape, 1.5, dtype=g.dtype) for name, g in grads.items()}, state


def method() -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=transform)
''',
        "placement",
        "it makes or takes a tensor to the CPU",
        "make tensors on the device of those you are given",
    ),
    "seeds mixed in an optimizer": Fault(
        '''
@dataclass(frozen=True)
class Normed(Optimizer):
    """Gradient descent on gradients of length one."""

    decoupled = False

    def init(self, params):
        return ()

    def update(self, params, grads, state):
        units = {name: g / g.norm().clamp_min(1e-8) for name, g in grads.items()}
        return {name: p - self.lr * units[name] for name, p in params.items()}, state


def method() -> Regularizer:
    """Descend along gradients of length one."""
    return Regularizer(optimizer=lambda optimizer: Normed(optimizer.lr))
''',
        "group",
        "a seed in a group and alone differ by",
        "let nothing mix seeds",
    ),
    "a shape that depends on values": Fault(
        '''
def penalty(local, state, at):
    return 0.01 * local.outputs[local.outputs > 0].sum()


def method() -> Regularizer:
    """Penalise positive outputs."""
    return Regularizer(penalty=penalty)
''',
        "device",
        "a shape depends on the values of a tensor",
        "keep shapes fixed",
    ),
    "a state in another precision": Fault(
        '''
def init(params):
    return (torch.zeros(3),)


def transform(grads, state, at):
    return grads, (state[0] + 1.0,)


def method() -> Regularizer:
    """Count in three places."""
    return Regularizer(init=init, transform=transform)
''',
        "state",
        "trained in torch.float64, the state 0.0 is torch.float32",
        "make tensors in the precision of those you are given",
    ),
    "a state that changes shape": Fault(
        '''
def init(params):
    return (params["weight1"].new_zeros(1),)


def transform(grads, state, at):
    return grads, (torch.cat([state[0], 1.0 + state[0][:1]]),)


def method() -> Regularizer:
    """Remember ever more."""
    return Regularizer(init=init, transform=transform)
''',
        "state",
        "a state or parameter changes shape, dtype or order in training",
        "return a state as it was given",
    ),
    "data changed beside training": Fault(
        '''
def transform(grads, state, at):
    at.batch.inputs.mul_(0.9)
    return grads, state


def method() -> Regularizer:
    """Shrink the data a little in every step."""
    return Regularizer(transform=transform)
''',
        "pairing",
        "data differs from the baseline's for the same seeds",
        "change nothing in place, and derive keys with random.fold",
    ),
    "an overflow": Fault(
        '''
def transform(grads, state, at, *, gain):
    return {name: gain * gain * g for name, g in grads.items()}, state


def method(gain: float = 1e160) -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=partial(transform, gain=gain))
''',
        "precision",
        "is not finite after 5 epochs",
        "clamp before a root, a logarithm or a division",
    ),
    "a parameter without a type": Fault(
        '''
def method(gain=1.0) -> Regularizer:
    """Add nothing whatever the gain."""
    return Regularizer()
''',
        "parameters",
        "the parameter 'gain' has no type",
        "annotate it: gain: float = ...",
    ),
    "a parameter without a default": Fault(
        '''
def method(gain: float) -> Regularizer:
    """Add nothing whatever the gain."""
    return Regularizer()
''',
        "parameters",
        "the parameter 'gain' has no default",
        "give it the value of its paper",
    ),
    "a default of another type": Fault(
        '''
def method(gain: float = "large") -> Regularizer:
    """Add nothing whatever the gain."""
    return Regularizer()
''',
        "parameters",
        "the default of 'gain': expected a valid number, got",
        "let type and default agree",
    ),
    "a first line without an end": Fault(
        '''
def method() -> Regularizer:
    """Add nothing"""
    return Regularizer()
''',
        "description",
        "the docstring of method begins with 'Add nothing'",
        "and end it with a full stop",
    ),
    "no record": Fault(
        '''
def method() -> Regularizer:
    """Add nothing at all."""
    return partial(Regularizer)
''',
        "record",
        "method returns a partial, expected a Regularizer",
        "return the Regularizer from the factory",
    ),
    "defaults that the factory refuses": Fault(
        '''
def method(window: int = 0) -> Regularizer:
    """Add nothing at all."""
    if window < 1:
        raise ValueError("window must be at least 1")
    return Regularizer()
''',
        "record",
        "method (file method.py) refuses its parameters: window must be at least 1",
        "let the factory accept its own defaults",
    ),
    "an unknown privilege": Fault(
        '''
def method() -> Regularizer:
    """Add nothing at all."""
    return Regularizer(privileges=frozenset({"more_labels"}))
''',
        "names",
        "it declares the privilege 'more_labels'",
        "choose among extra_labels, test_accuracy",
    ),
    "a rotation that is not one": Fault(
        '''
def transform(grads, state, at):
    return {name: g.sign() * g.norm() for name, g in grads.items()}, state


def method() -> Regularizer:
    """Use the signs of the gradient, coordinate by coordinate."""
    return Regularizer(transform=transform, rotates=True)
''',
        "rotation",
        "full and rotated outputs differ by",
        "never a sum, mean or sign of a column's elements",
    ),
    "columns less their means, which do not rotate": Fault(
        '''
def transform(grads, state, at):
    return {name: g - g.mean(0, keepdim=True) for name, g in grads.items()}, state


def method() -> Regularizer:
    """Take from every column of a gradient its mean (gradient centralization)."""
    return Regularizer(transform=transform, rotates=True)
''',
        "rotation",
        "full and rotated outputs differ by",
        "sums of whole columns of the input weights, and columns times numbers that a rotation keeps",
    ),
    "neutral parameters that do not exist": Fault(
        '''
def method(gain: float = 1.0) -> Regularizer:
    """Add nothing whatever the gain."""
    return Regularizer(neutral={"gains": 0.0})
''',
        "names",
        "its neutral parameters: method has no parameter 'gains'",
        "let `neutral` map parameters of the factory to values",
    ),
}


def write(folder, source, head=HEAD, hook=HOOK):
    """A plugin file with that source."""
    path = folder / "method.py"
    path.write_text(f"{head}{source.lstrip()}{hook}", encoding="utf-8")
    return path
