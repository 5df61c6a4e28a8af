"""The contracts of the functions of a plugin: the types, shapes and dtypes that they must return."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.conformance import advice
from grokbench.conformance.calls import Call
from grokbench.conformance.short_runs import shapes
from grokbench.types import Batch, Params

__all__ = ["Breach", "breach"]

TENSOR = "return a tensor in every case: torch.where(condition, a, b) in place of an if, outputs.new_zeros(()) for zero"
STATE = "hold numbers in the state as tensors: torch.zeros((), dtype=torch.int64, device=p.device) for a count"
DICT = "return a dict with the given names, in their order: {name: 2.0 * g for name, g in grads.items()}"


class Breach(NamedTuple):
    """A breach of a function's contract.

    Attributes:
        message: the fault in words that follow the name of the function, such as "returns a list".
        fix: what to do about it.
    """

    message: str
    fix: str


def breach(kind: str, call: Call) -> Breach | None:
    """Compare the result of a call with the contract of its function.

    Args:
        kind: the kind of the plugin: "tasks", "regularizers" or "metrics".
        call: a call of one of the plugin's functions.

    Returns:
        The breach; None if the result conforms or the function has no contract.
    """
    contract = _CONTRACTS.get((kind, call.function))
    if contract is None:
        return None
    if call.result is None:
        return Breach("returns nothing", "end every branch of the function with a return")
    return contract(call)


def _returns_scalar(call: Call) -> Breach | None:
    result = call.result
    if not isinstance(result, Tensor):
        return Breach(f"returns a {type(result).__name__}, expected a tensor of shape ()", TENSOR)
    if result.shape == ():
        return None
    return Breach(f"returns {_shape(result)}, expected a tensor of shape ()", advice.SHAPE)


def _returns_tensors(call: Call) -> Breach | None:
    for leaf in pytree.tree_leaves(call.result):
        if not isinstance(leaf, Tensor):
            what = "None" if leaf is None else f"a value of type {type(leaf).__name__}"
            return Breach(f"puts {what} into the state, expected a NamedTuple of tensors", STATE)
    return None


def _returns_params(call: Call) -> Breach | None:
    return _tree_breach(call.result, call.arguments["params"], "parameters")


def _returns_gradients(call: Call) -> Breach | None:
    return _pair_breach(call, "grads", "gradients")


def _returns_projected(call: Call) -> Breach | None:
    return _pair_breach(call, "params", "parameters")


def _pair_breach(call: Call, argument: str, noun: str) -> Breach | None:
    """Check that a call returned a dict like the given argument, and a state like the given state.

    Messages call the tensors of the dict `noun`, a plural.
    """
    result, given = call.result, call.arguments
    if not (isinstance(result, tuple) and len(result) == 2):
        fix = f"return both, also if the state is empty: return {argument}, state"
        return Breach(f"returns a {type(result).__name__}, expected ({argument}, state)", fix)
    return _tree_breach(result[0], given[argument], noun) or _shape_breach(result[1], given["state"], "a state")


def _tree_breach(result: Any, given: Params, noun: str) -> Breach | None:
    """Check that a result is a dict of tensors with the names, shapes and dtypes of the given one.

    Messages call the tensors `noun`, a plural.
    """
    if not isinstance(result, Mapping):
        return Breach(f"returns {noun} as a {type(result).__name__}, expected a dict from names to tensors", DICT)
    for names, others, what in ((given, result, f"no {noun[:-1]} named"), (result, given, f"a {noun[:-1]} too many,")):
        if missing := [name for name in names if name not in others]:
            return Breach(f"returns {what} {missing[0]}", DICT)
    return _shape_breach(result, given, noun)


def _shape_breach(result: Any, given: Any, noun: str) -> Breach | None:
    """Compare the tensors of a result with the given ones: names, order, shapes and dtypes."""
    after, before = shapes(result), shapes(given)
    if after == before:
        return None
    changed = [(new, old) for new, old in zip(after, before, strict=False) if new != old]
    message = f"returns {noun} of another shape, dtype or order than it was given"
    if not changed:
        return Breach(message, DICT)
    (name, *new), (other, *old) = changed[0]
    if name != other:
        return Breach(f"{message}: {name} is in the place of {other}", DICT)
    fix = advice.DTYPE if new[0] == old[0] else advice.SHAPE_OF_EACH
    return Breach(f"{message}: {name} is {new[0]} {new[1]}, and was {old[0]} {old[1]}", fix)


def _returns_batch(call: Call) -> Breach | None:
    given = call.arguments["batch"]
    if not (isinstance(call.result, tuple) and len(call.result) == 2):
        fix = "return both: Batch(inputs, batch.targets)"
        return Breach(f"returns a {type(call.result).__name__}, expected a Batch of inputs and targets", fix)
    found = _shape_breach(Batch(*call.result), given, "a batch")
    return (
        found._replace(fix=f"{found.fix}; for examples of its own, a method sets reserve and reads at.reserved")
        if found
        else None
    )


def _returns_hidden(call: Call) -> Breach | None:
    return _shape_breach(call.result, call.arguments["h"], "hidden activations")


def _returns_inputs(call: Call) -> Breach | None:
    n, given = len(call.arguments["inputs"]), call.result
    if len(given) == n and given.is_floating_point():
        return None
    return Breach(f"returns {given.dtype} of {_shape(given)}, expected floats of shape ({n}, ...)", advice.SHAPE)


def _returns_outputs(call: Call) -> Breach | None:
    n, given = len(call.arguments["inputs"]), call.result
    if given.ndim == 2 and len(given) == n:
        return None
    return Breach(f"returns {_shape(given)}, expected ({n}, outputs)", advice.SHAPE)


def _returns_booleans(call: Call) -> Breach | None:
    n, given = len(call.arguments["targets"]), call.result
    if given.shape == (n,) and not given.is_floating_point():
        return None
    return Breach(f"returns {given.dtype} of {_shape(given)}, expected bool of shape ({n},)", advice.SHAPE)


def _shape(tensor: Tensor) -> str:
    return f"shape {tuple(tensor.shape)}"


_CONTRACTS: dict[tuple[str, str], Callable[[Call], Breach | None]] = {
    ("regularizers", "prepare"): _returns_params,
    ("regularizers", "init"): _returns_tensors,
    ("regularizers", "perturb"): _returns_batch,
    ("regularizers", "objective"): _returns_scalar,
    ("regularizers", "penalty"): _returns_scalar,
    ("regularizers", "transform"): _returns_gradients,
    ("regularizers", "project"): _returns_projected,
    ("regularizers", "hidden"): _returns_hidden,
    ("regularizers", "hidden_always"): _returns_hidden,
    ("regularizers", "rate"): _returns_scalar,
    ("regularizers", "update"): _returns_projected,
    ("regularizers", "eval_params"): _returns_params,
    ("tasks", "embed"): _returns_inputs,
    ("tasks", "forward"): _returns_outputs,
    ("tasks", "loss"): _returns_scalar,
    ("tasks", "correct"): _returns_booleans,
    ("metrics", "measure"): _returns_scalar,
}
