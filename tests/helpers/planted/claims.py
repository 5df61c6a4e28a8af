"""Methods that are not what they say: the baseline at some parameters, blind to rotations, one replica's alone."""

from .source import Fault

FAULTS = {
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
        "do not mix seeds",
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
}
