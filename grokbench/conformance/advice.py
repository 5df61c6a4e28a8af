"""What to do about each kind of fault, and torch's errors in words that a contributor can act on."""

import re
import traceback
from pathlib import Path
from typing import NamedTuple

from grokbench.errors import PluginError
from grokbench.plugins.source_lines import innermost
from grokbench.step import NotScalarError, UndeclaredGradientError
from grokbench.text.suggest import did_you_mean

__all__ = [
    "BRANCH",
    "DEVICE",
    "DTYPE",
    "FROZEN",
    "GRADIENT",
    "LOGARITHM",
    "OF_THE_STEP",
    "RANDOM",
    "SHAPE",
    "SHAPE_OF_EACH",
    "STATE",
    "SYNC",
    "WRITE",
    "Words",
    "translate",
    "words",
]

BRANCH = "choose with torch.where(condition, a, b): one program serves every seed and every step"
SYNC = (
    "keep every number a tensor on its device: .item(), float(), .tolist(), .cpu() and .numpy() wait for the device, "
    "and a captured graph freezes what they give"
)
DYNAMIC = "keep shapes fixed: torch.where(mask, x, 0) in place of x[mask], nonzero and unique"
RANDOM = "draw from the key you are given, with grokbench.random: random.normal(random.fold(key, 'noise'), shape)"
WRITE = (
    "make a new tensor: x = x + y, not x += y or x.add_(y); a new dict: {name: 2.0 * g for name, g in grads.items()}, "
    "not grads[name] = 2.0 * g; a new key is random.fold(key, purpose)"
)
FROZEN = "return a new state: state._replace(m=new) where it is a NamedTuple; `at` and `batch` are there to be read"
CLASSES = (
    'ask for tasks with classes: facts=("cross_entropy",) in the record; others, such as xor, whose targets are the '
    "floats -1 and 1 of a single output, then refuse it"
)
DERIVE = (
    "the parameters you are given keep no graph: local.pullback(cotangents) gives gradients of the inputs, "
    "at.grad_at(params) the step's gradient in transform and project, torch.func.grad those of a function of yours"
)
DECLARE = 'declare it: Regularizer(..., privileges=frozenset({"extra_gradients"}))'
NAMED = "parameters and gradients are dicts from names to tensors: {name: 2.0 * g for name, g in grads.items()}"
ROLES = "take parameters as they come, for name, p in params.items(), or by role (at.roles, task.roles)"
UNKNOWN = "put right what the message names"
STATE = "keep what is remembered in the state: init(params) gives the first, transform returns the next"
SHAPE = "return the shape that was asked for: a loss or penalty is (), so end it with .mean() or .sum()"
SHAPE_OF_EACH = "return the shape that was asked for: every tensor as large as the one it takes the place of"
FIT = (
    "print the shapes on that line: of one replica, outputs (n, C) and targets (n,), without an axis of seeds; "
    "C is 1 on the task xor"
)
DEVICE = "make tensors on the device of those you are given: torch.zeros_like(p), p.new_zeros(shape), device=p.device"
DTYPE = "make tensors in the precision of those you are given: torch.zeros_like(p), p.new_zeros(shape), x.to(p.dtype)"
GRADIENT = "clamp before a root, a logarithm or a division: x.clamp_min(1e-8).sqrt(); the root has no slope at zero"
LOGARITHM = (
    "where a softmax is all but 0 or 1, stay in logarithms or clamp: log_softmax(outputs, -1) not softmax().log(), "
    "logsumexp not exp().sum().log(), p.clamp_min(1e-8) before p.log() or a division"
)

_KNOWN = (  # a pattern in torch's message -> what went wrong, what to do
    (r"data-dependent control flow", "it branches in Python on a tensor", BRANCH),
    (r"calling \.item\(\)|access data pointer", "it reads a tensor's value in Python", SYNC),
    (r"dynamic shape", "a shape depends on the values of a tensor", DYNAMIC),
    (r"called random operation", "it draws from torch's global generator", RANDOM),
    (r"one_hot|index tensor|dtype int64 for index|target with class prob", "it takes targets for classes", CLASSES),
    (r"does not require grad", "it differentiates what keeps no graph", DERIVE),
    (r"expected scalar type|same dtype", "two precisions meet", DTYPE),
    (r"in-?place", "it writes into a tensor it was given", WRITE),
    (r"doesn't match the broadcast shape", "it writes a larger result into a tensor in place", WRITE),
    (r"must match|shape|[Ss]ize mismatch|[Dd]imension", "shapes do not fit together", FIT),
    (r"dead|escaped|wrapper", "it keeps a tensor from one call to the next", STATE),
)


class Words(NamedTuple):
    """What torch means by an exception, and what to do about it."""

    what: str
    fix: str

    def told(self, said: str) -> str:
        """In one sentence; where shapes do not fit, the sizes are in torch's own words."""
        return f"{self.what}; torch says: {said[:160]}" if self.fix == FIT else self.what


OF_THE_STEP = {  # name of an exception that the step raises -> what went wrong, what to do
    NotScalarError.__name__: Words("a loss or a penalty is not a single number", SHAPE),
    UndeclaredGradientError.__name__: Words("it takes a second gradient and does not declare it", DECLARE),
}


def words(said: str) -> Words | None:
    """What a message of torch's means; None where that is not known."""
    return next((Words(what, fix) for pattern, what, fix in _KNOWN if re.search(pattern, said)), None)


def translate(error: Exception, file: Path) -> tuple[str, str, str]:
    """What an exception raised in a plugin means, what to do about it, and where it was raised (empty: elsewhere)."""
    if isinstance(error, PluginError):
        return _of_the_factory(error, file)
    place = innermost(traceback.extract_tb(error.__traceback__), file)
    said = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    if known := OF_THE_STEP.get(type(error).__name__):
        return known.what, known.fix, place
    if isinstance(error, RuntimeError | ValueError | IndexError) and (known := words(str(error))):
        return f"{known.what}; torch says: {said[:160]}" if not place else known.told(said), known.fix, place
    if isinstance(error, AttributeError) and re.search(r"cannot assign to field|can't set attribute", said):
        return f"it writes into a record: {said}", FROZEN, place
    return f"{type(error).__name__}: {said}", _hint(error, said), place


def _hint(error: Exception, said: str) -> str:
    """What to do about an exception of Python's own."""
    if isinstance(error, AttributeError) and error.obj == ():
        return "the state is () without an init: write one, and put it into the record, Regularizer(init=init, ...)"
    if isinstance(error, AttributeError) and (record := error.obj) is not None and _is_ours(record):
        known = [name for name in dir(record) if not (name.startswith("_") or hasattr(tuple, name))]
        return f"{type(record).__name__} has {', '.join(known)}{did_you_mean(error.name or '', known)}"
    if isinstance(error, KeyError):
        return ROLES
    return NAMED if isinstance(error, TypeError) and re.search(r"sequence by non-int|'str'", said) else UNKNOWN


def _is_ours(record: object) -> bool:
    return type(record).__module__ in ("grokbench.types", "grokbench.metric")


def _of_the_factory(error: PluginError, file: Path) -> tuple[str, str, str]:
    """The same of a factory that makes no record."""
    cause = error.__cause__
    if isinstance(cause, ModuleNotFoundError):
        return str(error), "install it, and ask again: without it nothing more can be said", ""
    if cause is None or isinstance(cause, ValueError):
        return str(error), "let the factory accept its own defaults, and give defaults of the annotated types", ""
    return str(error), "correct the factory there", innermost(traceback.extract_tb(cause.__traceback__), file)
