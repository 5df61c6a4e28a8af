"""Methods that wait for the device, branch in Python on what it computes, or leave it."""

from .source import Fault

FAULTS = {
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
        "it makes a tensor on the CPU or moves one there",
        "make tensors on the device of the given ones",
    ),
    "a detour over the CPU": Fault(  # nothing on a CPU shows it
        '''
def transform(grads, state, at):
    host = {name: g.to(torch.device("cpu")) for name, g in grads.items()}
    return {name: (1.5 * host[name]).to(g.device) for name, g in grads.items()}, state


def method() -> Regularizer:
    """Scale every gradient up."""
    return Regularizer(transform=transform)
''',
        "placement",
        " the CPU",
        "device",
    ),
    "a projection on the CPU": Fault(
        '''
def project(params, state, at):
    return {name: p * torch.full(p.shape, 0.99, dtype=p.dtype) for name, p in params.items()}, state


def method() -> Regularizer:
    """Shrink every weight."""
    return Regularizer(project=project)
''',
        "placement",
        "on xor, it makes a tensor on the CPU or moves one there",
        "make tensors on the device of the given ones",
    ),
    "a state on the CPU": Fault(
        '''
def init(params):
    return ({name: torch.zeros(p.shape, dtype=p.dtype) for name, p in params.items()},)


def transform(grads, state, at):
    return grads, ({name: state[0][name] + g for name, g in grads.items()},)


def method() -> Regularizer:
    """Add gradients up."""
    return Regularizer(init=init, transform=transform)
''',
        "placement",
        "the CPU",
        "make tensors on the device of the given ones",
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
    "a spectrum that is conjugated when it is read": Fault(
        '''
class Spectrum(NamedTuple):
    """The spectrum of the first parameter."""

    spectrum: torch.Tensor


def init(params):
    return Spectrum(torch.fft.fft(next(iter(params.values()))).conj())


def transform(grads, state, at):
    return {name: g / (1.0 + state.spectrum.abs().mean()) for name, g in grads.items()}, state


def method() -> Regularizer:
    """Divide gradients by the spectrum."""
    return Regularizer(init=init, transform=transform)
''',
        "recording",
        "on xor, its operations cannot be recorded, so it is slower on a CPU: a state is conjugated or negated lazily",
        "compute with tensors alone: read no number from a tensor",
        "hint",
    ),
}
