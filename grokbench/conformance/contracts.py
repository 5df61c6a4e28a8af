"""What every function of a plugin must return, and the sentence about one that does not."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.conformance import advice
from grokbench.conformance.calls import Visit
from grokbench.conformance.short_runs import shapes
from grokbench.types import Batch, Params

__all__ = ["Breach", "breach"]

TENSOR = "return a tensor in every case: torch.where(condition, a, b) in place of an if, outputs.new_zeros(()) for none"
STATE = "hold numbers in the state as tensors: torch.zeros((), dtype=torch.int64, device=p.device) for a count"
DICT = "return a dict with the names it was given, in their order: {name: 2.0 * g for name, g in grads.items()}"


class Breach(NamedTuple):
    """What a function returns against its contract, and what to do about it."""

    message: str
    fix: str


def breach(kind: str, visit: Visit) -> Breach | None:
    """How the result of a call breaks the contract of its function, if it does."""
    contract = _CONTRACTS.get((kind, visit.function))
    if contract is None:
        return None
    if visit.result is None:
        return Breach("returns nothing", "end every way through the function with a return")
    return contract(visit)


def _gives_scalar(visit: Visit) -> Breach | None:
    result = visit.result
    if not isinstance(result, Tensor):
        return Breach(f"returns a {type(result).__name__}, expected a tensor of shape ()", TENSOR)
    if result.shape == ():
        return None
    return Breach(f"returns {_shape(result)}, expected a tensor of shape ()", advice.SHAPE)


def _gives_tensors(visit: Visit) -> Breach | None:
    for leaf in pytree.tree_leaves(visit.result):
        if not isinstance(leaf, Tensor):
            what = "None" if leaf is None else f"a value of type {type(leaf).__name__}"
            return Breach(f"puts {what} into the state, expected a NamedTuple of tensors", STATE)
    return None


def _gives_params(visit: Visit) -> Breach | None:
    return _moved(visit.result, visit.arguments["params"], "parameters")


def _gives_gradients(visit: Visit) -> Breach | None:
    return _gives_moved(visit, "grads", "gradients")


def _gives_projected(visit: Visit) -> Breach | None:
    return _gives_moved(visit, "params", "parameters")


def _gives_moved(visit: Visit, argument: str, word: str) -> Breach | None:
    result, given = visit.result, visit.arguments
    if not (isinstance(result, tuple) and len(result) == 2):
        fix = f"return both, the state too where there is none: return {argument}, state"
        return Breach(f"returns a {type(result).__name__}, expected ({argument}, state)", fix)
    return _moved(result[0], given[argument], word) or _differing(result[1], given["state"], "a state")


def _moved(result: Any, given: Params, word: str) -> Breach | None:
    if not isinstance(result, Mapping):
        return Breach(f"returns {word} as a {type(result).__name__}, expected a dict from names to tensors", DICT)
    for names, others, what in ((given, result, f"no {word[:-1]} of"), (result, given, f"a {word[:-1]} too many,")):
        if missing := [name for name in names if name not in others]:
            return Breach(f"returns {what} {missing[0]}", DICT)
    return _differing(result, given, word)


def _differing(result: Any, given: Any, word: str) -> Breach | None:
    """What is another in shape, dtype or place than it was given."""
    after, before = shapes(result), shapes(given)
    if after == before:
        return None
    changed = [(new, old) for new, old in zip(after, before, strict=False) if new != old]
    said = f"returns {word} of another shape, dtype or order than it was given"
    if not changed:
        return Breach(said, DICT)
    (name, *new), (other, *old) = changed[0]
    if name != other:
        return Breach(f"{said}: {name} stands where {other} was", DICT)
    fix = advice.DTYPE if new[0] == old[0] else advice.SHAPE_OF_EACH
    return Breach(f"{said}: {name} is {new[0]} {new[1]}, and was {old[0]} {old[1]}", fix)


def _gives_batch(visit: Visit) -> Breach | None:
    given = visit.arguments["batch"]
    if not (isinstance(visit.result, tuple) and len(visit.result) == 2):
        fix = "return both: Batch(inputs, batch.targets)"
        return Breach(f"returns a {type(visit.result).__name__}, expected a Batch of inputs and targets", fix)
    return _differing(Batch(*visit.result), given, "a batch")


def _gives_inputs(visit: Visit) -> Breach | None:
    n, given = len(visit.arguments["inputs"]), visit.result
    if len(given) == n and given.is_floating_point():
        return None
    return Breach(f"returns {given.dtype} of {_shape(given)}, expected floats of shape ({n}, ...)", advice.SHAPE)


def _gives_outputs(visit: Visit) -> Breach | None:
    n, given = len(visit.arguments["inputs"]), visit.result
    if given.ndim == 2 and len(given) == n:
        return None
    return Breach(f"returns {_shape(given)}, expected ({n}, outputs)", advice.SHAPE)


def _gives_truths(visit: Visit) -> Breach | None:
    n, given = len(visit.arguments["targets"]), visit.result
    if given.shape == (n,) and not given.is_floating_point():
        return None
    return Breach(f"returns {given.dtype} of {_shape(given)}, expected bool of shape ({n},)", advice.SHAPE)


def _shape(tensor: Tensor) -> str:
    return f"shape {tuple(tensor.shape)}"


_CONTRACTS: dict[tuple[str, str], Callable[[Visit], Breach | None]] = {
    ("regularizers", "prepare"): _gives_params,
    ("regularizers", "init"): _gives_tensors,
    ("regularizers", "perturb"): _gives_batch,
    ("regularizers", "objective"): _gives_scalar,
    ("regularizers", "penalty"): _gives_scalar,
    ("regularizers", "transform"): _gives_gradients,
    ("regularizers", "project"): _gives_projected,
    ("tasks", "embed"): _gives_inputs,
    ("tasks", "forward"): _gives_outputs,
    ("tasks", "loss"): _gives_scalar,
    ("tasks", "correct"): _gives_truths,
    ("metrics", "measure"): _gives_scalar,
}
