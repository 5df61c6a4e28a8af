"""Methods that train without an error and do not do what their authors think."""

from .source import Fault

PARAMS = '''
class Kept(NamedTuple):
    """Tensors like the parameters."""

    kept: Params


def init(params):
    return Kept({name: p.clone() for name, p in params.items()})

'''
AVERAGE = 'eval_params=lambda params, state: state.mean, privileges=frozenset({"averaged_weights"})'
OWN = "for an optimizer of your own, define claims and update"

FAULTS = {
    "a warm-up that is the baseline": Fault(
        '''
def project(params, state, at, *, steps):
    s = ((at.step + 1) / steps).clamp_max(1.0)
    return {name: params[name] + s * (p - params[name]) for name, p in params.items()}, state


def method(steps: int = 10) -> Regularizer:
    """Begin with small updates."""
    return Regularizer(project=partial(project, steps=steps))
''',
        "effect",
        "at its defaults it does nothing: its weights are the baseline's after 50 steps",
        "at.params holds the parameters before the update",
    ),
    "an own optimizer of no parameter": Fault(
        '''
def claims(roles, shapes):
    return [name for name, role in roles.items() if role == "embedding"]


def update(params, grads, state, at):
    return {name: p - at.lr * grads[name].sign() for name, p in params.items()}, state


def method() -> Regularizer:
    """Follow the signs of gradients."""
    return Regularizer(claims=claims, update=update)
''',
        "effect",
        "at its defaults it does nothing",
        "that claims names a parameter",
    ),
    "a parameter that nothing reads": Fault(
        '''
def transform(grads, state, at, *, gain):
    return {name: 1.5 * g for name, g in grads.items()}, state


def method(gain: float = 1.5) -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=partial(transform, gain=gain))
''',
        "sensitivity",
        "the parameter gain moved no number in 50 steps: is it used?",
        'if it acts later, declare it: inert=frozenset({"gain"})',
        "hint",
    ),
    "a weight decay that its optimizer forgets": Fault(
        '''
@dataclass(frozen=True)
class Signed(Optimizer):
    """Descent along the signs of gradients."""

    decoupled = True

    def init(self, params):
        return ()

    def update(self, params, grads, state):
        return {name: p - self.lr * grads[name].sign() for name, p in params.items()}, state


def method(lr: float = 0.001, weight_decay: float = 0.1) -> Regularizer:
    """Follow the signs of gradients."""
    return Regularizer(optimizer=lambda inner: Signed(lr, weight_decay))
''',
        "sensitivity",
        "the parameter weight_decay moved no number in 50 steps",
        "use weight_decay, or leave it out",
        "hint",
    ),
    "the task's weight decay dropped": Fault(
        '''
def claims(roles, shapes):
    return [name for name, role in roles.items() if role != "bias"]


def update(params, grads, state, at):
    return {name: p - at.lr * grads[name].sign() for name, p in params.items()}, state


def method() -> Regularizer:
    """Follow the signs of gradients."""
    return Regularizer(claims=claims, update=update)
''',
        "settings",
        "ten times the task's weight_decay gives the same weights: its optimizer ignores this setting",
        "use at.weight_decay, or the setting of the wrapped optimizer",
        "hint",
    ),
    "a learning rate of its own": Fault(
        '''
def method() -> Regularizer:
    """Train faster."""
    return Regularizer(optimizer=lambda inner: replace(inner, lr=0.01))
''',
        "settings",
        "ten times the task's lr gives the same weights",
        'declare it: inert=frozenset({"lr"})',
        "hint",
    ),
    "an exponential average that is trained on": Fault(
        PARAMS
        + '''
def project(params, state, at, *, decay):
    mean = {name: torch.lerp(p, state.kept[name], decay) for name, p in params.items()}
    return mean, Kept(mean)


def method(decay: float = 0.99) -> Regularizer:
    """Average the weights."""
    return Regularizer(init=init, project=partial(project, decay=decay))
''',
        "project",
        "on xor, project returns a running average of weight1, from which training continues",
        AVERAGE,
    ),
    "a mean of all weights that is trained on": Fault(
        PARAMS
        + '''
def project(params, state, at):
    mean = {name: m + (params[name] - m) / (at.step + 2) for name, m in state.kept.items()}
    return mean, Kept(mean)


def method() -> Regularizer:
    """Average the weights (SWA), and evaluate the average."""
    average = {"eval_params": lambda params, state: state.kept, "privileges": frozenset({"averaged_weights"})}
    return Regularizer(init=init, project=project, **average)
''',
        "project",
        "project returns a running average of weight1",
        "return the given params from project, keep the average in the state",
    ),
    "the mean of the latest weights": Fault(
        '''
class Latest(NamedTuple):
    """The weights of the last five steps, on a new axis."""

    queue: Params


def init(params):
    return Latest({name: torch.stack([p] * 5) for name, p in params.items()})


def project(params, state, at):
    queue = {name: torch.cat([state.queue[name][1:], p[None]]) for name, p in params.items()}
    return {name: q.mean(0) for name, q in queue.items()}, Latest(queue)


def method() -> Regularizer:
    """Average the latest weights (LAWA)."""
    return Regularizer(init=init, project=project)
''',
        "project",
        "project returns a running average of weight1",
        AVERAGE,
    ),
    "an optimizer on top of the task's": Fault(
        PARAMS
        + '''
def transform(grads, state, at):
    return grads, Kept({name: 0.9 * state.kept[name] + g for name, g in grads.items()})


def project(params, state, at):
    return {name: p - at.lr * state.kept[name].sign() for name, p in params.items()}, state


def method() -> Regularizer:
    """Follow the signs of mean gradients."""
    return Regularizer(init=init, transform=transform, project=project)
''',
        "project",
        "project makes an update of its own, from gradients that transform keeps in the state",
        OWN,
        "hint",
    ),
    "an optimizer that is undone": Fault(
        '''
def project(params, state, at):
    g = at.grad_at(at.params)
    return {name: at.params[name] - at.lr * g[name].sign() for name in params}, state


def method() -> Regularizer:
    """Follow the signs of gradients."""
    return Regularizer(project=project, privileges=frozenset({"extra_gradients"}))
''',
        "project",
        "project takes nothing from the updated weight1: the optimizer has no effect on this parameter",
        OWN,
        "hint",
    ),
    "a difference added twice": Fault(
        '''
def project(params, state, at):
    return {name: 2.0 * p - 0.8 * at.params[name] for name, p in params.items()}, state


def method() -> Regularizer:
    """Go a little further than the optimizer."""
    return Regularizer(project=project)
''',
        "effect",
        "its weights are not finite after 50 steps",
        "do not add the update again; to scale the update, use `rate`",
        "hint",
    ),
    "clipping by the rows of torch": Fault(
        '''
def transform(grads, state, at, *, clipping):
    def clipped(name, g):
        if g.ndim < 2:
            return g
        largest = clipping * at.params[name].norm(dim=1, keepdim=True).clamp_min(1e-3)
        return g * (largest / g.norm(dim=1, keepdim=True).clamp_min(1e-6)).clamp_max(1.0)

    return {name: clipped(name, g) for name, g in grads.items()}, state


def method(clipping: float = 0.01) -> Regularizer:
    """Clip the gradient of every unit (AGC)."""
    return Regularizer(transform=partial(transform, clipping=clipping))
''',
        "layout",
        "on xor, transform acts on each row of weight1 separately, but mixes the columns",
        "a unit's incoming weights are a column, so reduce over dim 0",
        "hint",
    ),
    "weights of unit rows": Fault(
        '''
def project(params, state, at):
    return {name: p / p.norm(dim=-1, keepdim=True).clamp_min(1e-8) for name, p in params.items()}, state


def method() -> Regularizer:
    """Keep the weights of every unit at length one."""
    return Regularizer(project=project)
''',
        "layout",
        "project acts on each row of weight1 separately",
        "weights are (fan_in, fan_out)",
        "hint",
    ),
}
