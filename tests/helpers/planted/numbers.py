"""Methods whose gradients, states or penalties have other shapes, other precision or no finite values."""

from .source import Fault

FAULTS = {
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
        "return the expected shapes",
    ),
    "a nan gradient on a dead network": Fault(
        '''
def penalty(local, state, at):
    return 0.01 * local.pullback(torch.ones_like(local.outputs)).flatten(1).square().sum(-1).sqrt().mean()


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
        "make tensors in the precision of the given ones",
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
        "return a state like the given one",
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
}
