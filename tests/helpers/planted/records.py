"""Methods whose record is not what the engine can call, as a contributor who wrote three methods stumbled over it."""

from dataclasses import fields
from typing import NamedTuple

from grokbench import Regularizer

from .source import Fault

FUNCTIONS = '''
def penalty(local, state, at, strength):
    return strength * local.outputs.square().mean()


def short(local, at, strength):
    return strength * local.outputs.square().mean()


def swapped(grads, at, state):
    return grads, state


def transform(grads, state, at):
    return grads, state


class Filter:
    """Gradients as they are."""

    def __call__(self, grads, at):
        return grads


'''


class Record(NamedTuple):
    """What the factory returns, and what is said of it."""

    made: str
    message: str
    fix: str


RECORDS = {
    "two arguments of three": Record(
        "Regularizer(penalty=partial(short, strength=1.0))",
        "penalty is called as penalty(local, state, at), but the function is short(local, at, *, strength)",
        "define it as: def short(local, state, at, *, strength)",
    ),
    "an argument of its own": Record(
        "Regularizer(penalty=penalty)",
        "penalty is called as penalty(local, state, at), but the function is penalty(local, state, at, strength)",
        "give its own parameters their values in the factory: penalty=partial(penalty, strength=strength)",
    ),
    "an argument bound from the wrong end": Record(
        "Regularizer(penalty=partial(penalty, 0.1))",
        "the function is penalty(state, at, strength)",
        "define it as: def penalty(local, state, at, *, strength)",
    ),
    "a misspelt argument bound": Record(
        "Regularizer(penalty=partial(penalty, strenght=0.1))",
        "penalty is partial(penalty, strenght=...), and penalty has no parameter 'strenght'",
        "bind one of its own: strength. Did you mean 'strength'?",
    ),
    "arguments in another order": Record(
        "Regularizer(transform=swapped)",
        "transform is called as transform(grads, state, at), but the function is swapped(grads, at, state)",
        "define it as: def swapped(grads, state, at)",
    ),
    "a lambda": Record(
        "Regularizer(project=lambda params, at: (params, ()))",
        "project is called as project(params, state, at), but the function is lambda (params, at)",
        "begin it as: lambda params, state, at:",
    ),
    "an object that is called": Record(
        "Regularizer(transform=Filter())",
        "transform is called as transform(grads, state, at), but the function is Filter(grads, at)",
        "define it as: def Filter(grads, state, at)",
    ),
    "a result in place of a function": Record(
        "Regularizer(penalty=torch.zeros(()))",
        "penalty is a Tensor, expected a function that is called as penalty(local, state, at)",
        "give a function, not what it returns: penalty, or partial(penalty, ...)",
    ),
    "a loss that is not wrapped": Record(
        "Regularizer(objective=lambda outputs, targets: outputs.mean())",
        "objective is called as objective(loss), but the function is lambda (outputs, targets)",
        "begin it as: lambda loss:",
    ),
    "no loss": Record(
        "Regularizer(objective=lambda loss: None)",
        "the loss that objective returns is a NoneType, expected a function that is called as loss(outputs, targets)",
        "give a function, not what it returns",
    ),
    "an optimizer of torch": Record(
        "Regularizer(optimizer=lambda optimizer: torch.optim.SGD([torch.zeros(1)], 0.1))",
        "optimizer returns a SGD, expected an Optimizer",
        "return a grokbench.Optimizer",
    ),
    "one privilege as text": Record(
        'Regularizer(privileges="loss")',
        "privileges is the text 'loss', expected several names",
        'write privileges=frozenset({"loss"})',
    ),
    "one fact as text": Record(
        'Regularizer(facts=("cross_entropy"))',
        "facts is the text 'cross_entropy', expected several names",
        'write facts=("cross_entropy",)',
    ),
    "a misspelt field": Record(
        "Regularizer(penality=penalty)",
        "method (file method.py) breaks: Regularizer has no field 'penality', expected one of: prepare, init, perturb, "
        f"{', '.join(field.name for field in fields(Regularizer)[3:])}. Did you mean 'penalty'?",
        "correct the factory there",
    ),
    "a field without its name": Record(
        "Regularizer(penalty)",
        "method (file method.py) breaks: Regularizer takes its fields by name, as in Regularizer(prepare=...)",
        "correct the factory there",
    ),
    "a name that is not there": Record(
        "Regularizer(penalty=pertial(penalty))",
        "method (file method.py) breaks: NameError: name 'pertial' is not defined",
        "correct the factory there",
    ),
}

FAULTS = {
    label: Fault(
        f'{FUNCTIONS}def method() -> Regularizer:\n    """Add something small."""\n    return {record.made}\n',
        "record",
        record.message,
        record.fix,
    )
    for label, record in RECORDS.items()
}
