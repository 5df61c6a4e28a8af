"""Factories that are described, typed or recorded wrongly."""

from .source import Fault

FAULTS = {
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
        "the default of 'gain': expected a number, got",
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
        "that ends with a full stop",
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
