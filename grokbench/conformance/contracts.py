"""The shapes that every function of a plugin must return, and the sentence about one that does not."""

from collections.abc import Callable

from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.conformance.rehearsal import Visit
from grokbench.conformance.trials import shapes

__all__ = ["breach"]


def breach(kind: str, visit: Visit) -> str:
    """How the result of a call breaks the contract of its function; empty if it does not."""
    contract = _CONTRACTS.get((kind, visit.function))
    return contract(visit) if contract else ""


def _gives_scalar(visit: Visit) -> str:
    if isinstance(visit.result, Tensor) and visit.result.shape == ():
        return ""
    given = f"shape {tuple(visit.result.shape)}" if isinstance(visit.result, Tensor) else type(visit.result).__name__
    return f"returns {given}, expected a tensor of shape ()"


def _gives_tensors(visit: Visit) -> str:
    strange = [leaf for leaf in pytree.tree_leaves(visit.result) if not isinstance(leaf, Tensor)]
    return f"puts a {type(strange[0]).__name__} into the state, expected a NamedTuple of tensors" if strange else ""


def _gives_params(visit: Visit) -> str:
    if shapes(visit.result) == shapes(visit.arguments["params"]):
        return ""
    return "returns parameters of another shape, dtype or order than it was given"


def _gives_gradients(visit: Visit) -> str:
    return _gives_moved(visit, "grads", "gradient")


def _gives_projected(visit: Visit) -> str:
    return _gives_moved(visit, "params", "parameter")


def _gives_moved(visit: Visit, argument: str, word: str) -> str:
    if not (isinstance(visit.result, tuple) and len(visit.result) == 2):
        return f"returns a {type(visit.result).__name__}, expected ({argument}, state)"
    names = [list(visit.result[0]), list(visit.arguments[argument])]
    if missing := [name for name in names[1] if name not in names[0]]:
        return f"returns no {word} of {missing[0]}"
    given = visit.arguments[argument], visit.arguments["state"]
    for after, before, what in zip(visit.result, given, (f"{word}s", "a state"), strict=True):
        if shapes(after) != shapes(before):
            changed = [new for new, old in zip(shapes(after), shapes(before), strict=False) if new != old]
            where = f": {changed[0][0]} is {changed[0][1]} {changed[0][2]}" if changed else ""
            return f"returns {what} of another shape, dtype or order than it was given{where}"
    return ""


def _gives_batch(visit: Visit) -> str:
    if shapes(visit.result) == shapes(visit.arguments["batch"]):
        return ""
    return "returns a batch of another shape or dtype than it was given"


def _gives_inputs(visit: Visit) -> str:
    n, given = len(visit.arguments["inputs"]), visit.result
    fine = len(given) == n and given.is_floating_point()
    return "" if fine else f"returns {given.dtype} of shape {tuple(given.shape)}, expected floats of shape ({n}, ...)"


def _gives_outputs(visit: Visit) -> str:
    n, given = len(visit.arguments["inputs"]), visit.result.shape
    return "" if len(given) == 2 and given[0] == n else f"returns shape {tuple(given)}, expected ({n}, outputs)"


def _gives_truths(visit: Visit) -> str:
    n, given = len(visit.arguments["targets"]), visit.result
    fine = given.shape == (n,) and not given.is_floating_point()
    return "" if fine else f"returns {given.dtype} of shape {tuple(given.shape)}, expected bool of shape ({n},)"


_CONTRACTS: dict[tuple[str, str], Callable[[Visit], str]] = {
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
