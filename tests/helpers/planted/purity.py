"""Methods that remember, draw, overwrite or take what is not theirs."""

from .source import Fault

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
        "keep values between steps in the state",
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
        "it uses the global generator of torch",
        "draw from the given key, with grokbench.random",
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
        "draw from the given key, with grokbench.random",
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
    "withheld data used undeclared": Fault(
        '''
def prepare(params, task, train, key):
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
def prepare(params, task, train, key):
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
}
