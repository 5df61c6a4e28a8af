"""Methods with one fault each in the phases perturb, objective and project, and a sound one with all three."""

from .source import Change, Fault

SOUND = '''
class Radius(NamedTuple):
    """The initial norm of every parameter."""

    norms: Params


def init(params: Params) -> Radius:
    """The norms."""
    return Radius({name: p.norm() for name, p in params.items()})


def perturb(batch: Batch, state: Radius, at: At, *, gain: float) -> Batch:
    """Add noise to the inputs."""
    x = batch.inputs
    noise = random.normal(random.fold(at.key, "noise"), tuple(x.shape), x.dtype)
    return Batch(x + gain * noise, batch.targets)


def objective(loss: Any, *, gain: float) -> Any:
    """The loss with a penalty on large outputs."""
    return lambda outputs, targets: loss(outputs, targets) + gain * outputs.square().mean()


def project(params: Params, state: Radius, at: At, *, gain: float) -> tuple[Params, Radius]:
    """Pull every parameter towards its initial norm."""
    factor = {name: 1.0 + gain * (state.norms[name] / p.norm().clamp_min(1e-8) - 1.0) for name, p in params.items()}
    return {name: factor[name] * p for name, p in params.items()}, state


def method(gain: float = 0.01) -> Regularizer:
    """Noise in the inputs, small outputs, and a norm that hardly moves."""
    return Regularizer(
        init=init,
        perturb=partial(perturb, gain=gain),
        objective=partial(objective, gain=gain),
        project=partial(project, gain=gain),
        privileges=frozenset({"loss"}),
        neutral={"gain": 0.0},
    )
'''

SHAPE = "return the expected shape"
PRECISION = "make tensors in the precision of the given ones"

CHANGES = {
    "inputs of another shape": Change(
        "Batch(x + gain * noise, batch.targets)",
        "Batch((x + gain * noise)[:-1], batch.targets[:-1])",
        "shapes",
        "perturb returns a batch of another shape, dtype or order than it was given: inputs is (19, 12)",
        SHAPE,
    ),
    "labels of another dtype": Change(
        "Batch(x + gain * noise, batch.targets)",
        "Batch(x + gain * noise, batch.targets.to(torch.float32))",
        "shapes",
        "perturb returns a batch of another shape, dtype or order than it was given: targets is (20,) torch.float32",
        PRECISION,
    ),
    "noise of a global generator": Change(
        'random.normal(random.fold(at.key, "noise"), tuple(x.shape), x.dtype)',
        "torch.from_numpy(numpy.random.standard_normal(tuple(x.shape))).to(x)",
        "randomness",
        "it uses the global generator of numpy.random",
        "draw from the given key, with grokbench.random",
    ),
    "inputs changed in place": Change(
        "    x = batch.inputs\n",
        "    x = batch.inputs.mul_(1.01)\n",
        "arguments",
        "perturb writes into batch.inputs",
        "make a new tensor: x = x + y, not x += y",
    ),
    "a loss of every example": Change(
        "gain * outputs.square().mean()",
        "gain * outputs.square().mean(-1)",
        "shapes",
        "objective returns shape (20,), expected a tensor of shape ()",
        "a loss or penalty is (), so end it with .mean() or .sum()",
    ),
    "parameters in another order": Change(
        "for name, p in params.items()}, state\n",
        "for name, p in reversed(list(params.items()))}, state\n",
        "shapes",
        "project returns parameters of another shape, dtype or order than it was given: weight2 is in the place of "
        "weight1",
        "return a dict with the given names, in their order",
    ),
    "parameters alone": Change(
        "for name, p in params.items()}, state\n",
        "for name, p in params.items()}\n",
        "shapes",
        "project returns a dict, expected (params, state)",
        "return both, also if the state is empty: return params, state",
    ),
    "a projection in another precision": Change(
        "{name: factor[name] * p for name, p in params.items()}",
        "{name: (factor[name] * p).float() for name, p in params.items()}",
        "shapes",
        "project returns parameters of another shape, dtype or order than it was given: weight1 is",
        PRECISION,
    ),
    "a norm of zero divided by": Change(
        "p.norm().clamp_min(1e-8)",
        "p.norm()",
        "dead network",
        "is not finite",
        "clamp before a root, a logarithm or a division",
    ),
}

FAULTS = {label: Fault(change.applied(SOUND), *change[2:]) for label, change in CHANGES.items()}
