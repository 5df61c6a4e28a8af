"""Sound methods with the newer phases, near to faults that the questions look for."""

METHODS = {
    "an average that evaluations see": '''
class Mean(NamedTuple):
    mean: Params


def init(params):
    return Mean({name: p.clone() for name, p in params.items()})


def project(params, state, at, *, decay):
    return params, Mean({name: torch.lerp(p, state.mean[name], decay) for name, p in params.items()})


def method(decay: float = 0.99) -> Regularizer:
    """Evaluate a running mean of the weights."""
    averaged = {"eval_params": lambda params, state: state.mean, "privileges": frozenset({"averaged_weights"})}
    return Regularizer(init=init, project=partial(project, decay=decay), **averaged)
''',
    "Lookahead": '''
class Slow(NamedTuple):
    slow: Params


def init(params):
    return Slow({name: p.clone() for name, p in params.items()})


def project(params, state, at, *, k, alpha):
    due = (at.step + 1) % k == 0
    moved = {name: torch.lerp(state.slow[name], p, alpha) for name, p in params.items()}
    slow = {name: torch.where(due, moved[name], state.slow[name]) for name in params}
    return {name: torch.where(due, slow[name], p) for name, p in params.items()}, Slow(slow)


def method(k: int = 5, alpha: float = 0.5) -> Regularizer:
    """Return to slow weights every k steps."""
    return Regularizer(init=init, project=partial(project, k=k, alpha=alpha))
''',
    "a warm-up in project, and dropout": '''
def project(params, state, at, *, steps):
    s = ((at.step + 1) / steps).clamp_max(1.0)
    return {name: at.params[name] + s * (p - at.params[name]) for name, p in params.items()}, state


def hidden(h, site, state, at, *, rate):
    return h * (random.uniform(random.fold(at.key, site), tuple(h.shape), h.dtype) > rate) / (1.0 - rate)


def method(steps: int = 1000, rate: float = 0.1) -> Regularizer:
    """Begin with small updates, and drop activations."""
    return Regularizer(project=partial(project, steps=steps), hidden=partial(hidden, rate=rate))
''',
    "clipping by units, with a decay where the gradient agrees": '''
class Kept(NamedTuple):
    grads: Params


def init(params):
    return Kept({name: torch.zeros_like(p) for name, p in params.items()})


def transform(grads, state, at, *, clipping):
    def clipped(name, g):
        largest = clipping * at.params[name].norm(dim=0, keepdim=True).clamp_min(1e-3)
        return g * (largest / g.norm(dim=0, keepdim=True).clamp_min(1e-6)).clamp_max(1.0)

    return {name: clipped(name, g) if g.ndim > 1 else g for name, g in grads.items()}, Kept(grads)


def project(params, state, at, *, decay):
    agree = {name: (state.grads[name] * p > 0).to(p.dtype) for name, p in params.items()}
    return {name: p - at.lr * decay * agree[name] * p for name, p in params.items()}, state


def method(clipping: float = 0.01, decay: float = 0.1) -> Regularizer:
    """Clip the gradient of every unit (AGC), and shrink what the gradient shrinks."""
    phases = {"transform": partial(transform, clipping=clipping), "project": partial(project, decay=decay)}
    return Regularizer(init=init, **phases)
''',
    "an own optimizer with a schedule and reserved examples": '''
class Momentum(NamedTuple):
    m: Params


def init(params, about):
    return Momentum({name: torch.zeros_like(p) for name, p in params.items() if about.roles[name] != "bias"})


def claims(roles, shapes):
    return [name for name, role in roles.items() if role != "bias"]


def update(params, grads, state, at, *, beta):
    held = at.forward(at.reserved.inputs.to(at.outputs.dtype)) if at.input_bounds else at.outputs[:1]
    m = {name: beta * state.m[name] + grads[name] for name in params}
    rate = at.lr * (1.0 - at.epoch / at.budget).clamp_min(0.1)
    size = rate / (1.0 + 1e-6 * held.square().mean() * len(at.reserved.targets))
    return {name: p - size * (m[name] + at.weight_decay * p) for name, p in params.items()}, Momentum(m)


def method(beta: float = 0.9) -> Regularizer:
    """Descend with momentum, less and less."""
    own = {"init": init, "claims": claims, "update": partial(update, beta=beta)}
    return Regularizer(needs=frozenset({"budget"}), reserve=0.1, **own)
''',
}

OF_TORCH = """
from grokbench import from_torch

method = from_torch(torch.optim.Adagrad, name="method")
"""
