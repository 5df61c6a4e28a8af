"""Fixes for each kind of fault in a plugin, and explanations of torch's errors in a contributor's terms."""

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
    "Explanation",
    "explain",
    "translate",
]

BRANCH = "choose with torch.where(condition, a, b): one program serves every seed and every step"
SYNC = (
    "keep every number a tensor on its device: .item(), float(), .tolist(), .cpu() and .numpy() wait for the device, "
    "and a captured graph freezes their values"
)
DYNAMIC = "keep shapes fixed: torch.where(mask, x, 0) in place of x[mask], nonzero and unique"
RANDOM = "draw from the given key, with grokbench.random: random.normal(random.fold(key, 'noise'), shape)"
WRITE = (
    "make a new tensor: x = x + y, not x += y or x.add_(y); a new dict: {name: 2.0 * g for name, g in grads.items()}, "
    "not grads[name] = 2.0 * g; a new key is random.fold(key, purpose)"
)
FROZEN = "return a new state: state._replace(m=new) where it is a NamedTuple; `at` and `batch` are read-only"
RECORD_MODULES = tuple(f"grokbench.{name}" for name in ("types", "task", "at", "regularizer", "metric"))
CLASSES = (
    'restrict the method to tasks with classes: facts=("cross_entropy",) in the record; tasks such as xor, whose '
    "targets are the floats -1 and 1 of a single output, are then refused"
)
DERIVE = (
    "the given parameters have no graph: use local.pullback(cotangents) for input gradients, at.grad_at(params) for "
    "the step's gradient (in transform, update and project), or torch.func.grad for a function of your own"
)
DECLARE = 'declare it: Regularizer(..., privileges=frozenset({"extra_gradients"}))'
NAMED = "parameters and gradients are dicts from names to tensors: {name: 2.0 * g for name, g in grads.items()}"
ROLES = "iterate over all parameters, for name, p in params.items(), or choose by role (at.roles, task.roles)"
UNKNOWN = "correct what the message names"
STATE = "keep values between steps in the state: init(params) returns the first state, transform returns the next one"
SHAPE = "return the expected shape: a loss or penalty is (), so end it with .mean() or .sum()"
SHAPE_OF_EACH = "return the expected shapes: every tensor has the shape of the one it replaces"
FIT = (
    "print the shapes on that line: one replica has outputs (n, C) and targets (n,), without an axis of seeds; "
    "C is 1 on the task xor"
)
DEVICE = "make tensors on the device of the given ones: torch.zeros_like(p), p.new_zeros(shape), device=p.device"
DTYPE = "make tensors in the precision of the given ones: torch.zeros_like(p), p.new_zeros(shape), x.to(p.dtype)"
GRADIENT = "clamp before a root, a logarithm or a division: x.clamp_min(1e-8).sqrt(); sqrt has an infinite slope at 0"
LOGARITHM = (
    "where a softmax is almost 0 or 1, stay in logarithms or clamp: log_softmax(outputs, -1) not softmax().log(), "
    "logsumexp not exp().sum().log(), p.clamp_min(1e-8) before p.log() or a division"
)

_KNOWN = (  # entries: a pattern in torch's message, what went wrong, the fix
    (r"data-dependent control flow", "it branches in Python on a tensor", BRANCH),
    (r"calling \.item\(\)|access data pointer", "it reads a tensor's value in Python", SYNC),
    (r"dynamic shape", "a shape depends on the values of a tensor", DYNAMIC),
    (r"called random operation", "it draws from torch's global generator", RANDOM),
    (r"one_hot|index tensor|dtype int64 for index|target with class prob", "it uses targets as class indices", CLASSES),
    (r"does not require grad", "it differentiates tensors without a graph", DERIVE),
    (r"expected scalar type|same dtype", "it combines tensors of two precisions", DTYPE),
    (r"in-?place", "it writes into a given tensor", WRITE),
    (r"doesn't match the broadcast shape", "it writes a larger result into a tensor in place", WRITE),
    (r"must match|shape|[Ss]ize mismatch|[Dd]imension", "shapes do not fit together", FIT),
    (r"dead|escaped|wrapper", "it keeps a tensor from one call to the next", STATE),
)


class Explanation(NamedTuple):
    """An explanation of an exception of torch.

    Attributes:
        what: what went wrong, as a clause.
        fix: what to do about it.
    """

    what: str
    fix: str

    def sentence(self, message: str) -> str:
        """Return what went wrong. If shapes do not fit together, add torch's message, which has the sizes."""
        return f"{self.what}; torch says: {message[:160]}" if self.fix == FIT else self.what


OF_THE_STEP = {  # name of an exception that the step raises -> an explanation of it
    NotScalarError.__name__: Explanation("a loss or a penalty is not a single number", SHAPE),
    UndeclaredGradientError.__name__: Explanation("it takes a second gradient without declaring it", DECLARE),
}


def explain(message: str) -> Explanation | None:
    """Explain a message of torch; None if the message is unknown."""
    return next((Explanation(what, fix) for pattern, what, fix in _KNOWN if re.search(pattern, message)), None)


def translate(error: Exception, file: Path) -> tuple[str, str, str]:
    """Explain an exception raised in a plugin.

    Args:
        error: the exception, with its traceback.
        file: the plugin's file, whose folder is the plugin's code.

    Returns:
        What went wrong, the fix, and the line of the plugin that raised the exception; empty if no line of it did.
    """
    if isinstance(error, PluginError):
        return _explain_factory(error, file)
    place = innermost(traceback.extract_tb(error.__traceback__), file)
    message = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    if known := OF_THE_STEP.get(type(error).__name__):
        return known.what, known.fix, place
    if undeclared := re.match(r"at\.(\w+) needs to be declared: (.+)", message):
        return f"it reads at.{undeclared[1]} without declaring it", f"declare it: {undeclared[2]}", place
    if isinstance(error, RuntimeError | ValueError | IndexError) and (known := explain(str(error))):
        return known.sentence(message) if place else f"{known.what}; torch says: {message[:160]}", known.fix, place
    if isinstance(error, AttributeError) and re.search(r"cannot assign to field|can't set attribute", message):
        return f"it writes into a record: {message}", FROZEN, place
    return f"{type(error).__name__}: {message}", _fix_of_python_error(error, message), place


def _fix_of_python_error(error: Exception, message: str) -> str:
    """Suggest a fix for an exception of Python itself."""
    if isinstance(error, AttributeError) and error.obj == ():
        return "the state is () without an init: write one, and add it to the record, Regularizer(init=init, ...)"
    if isinstance(error, AttributeError) and (record := error.obj) is not None and _is_ours(record):
        known = [name for name in dir(record) if not (name.startswith("_") or hasattr(tuple, name))]
        return f"{type(record).__name__} has {', '.join(known)}{did_you_mean(error.name or '', known)}"
    if isinstance(error, KeyError):
        return ROLES
    return NAMED if isinstance(error, TypeError) and re.search(r"sequence by non-int|'str'", message) else UNKNOWN


def _is_ours(record: object) -> bool:
    """Return whether phases and metrics receive records of this type."""
    return type(record).__module__ in RECORD_MODULES


def _explain_factory(error: PluginError, file: Path) -> tuple[str, str, str]:
    """Explain the error of a factory that makes no record, in the form that `translate` returns."""
    cause = error.__cause__
    if isinstance(cause, ModuleNotFoundError):
        return str(error), "install it and check again: nothing else can be checked without it", ""
    if cause is None or isinstance(cause, ValueError):
        return str(error), "let the factory accept its own defaults, and give defaults of the annotated types", ""
    return str(error), "correct the factory there", innermost(traceback.extract_tb(cause.__traceback__), file)
