"""Regularizers made of optimizers in the style of `torch.optim`: a class becomes a method in one line."""

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.at import About, At
from grokbench.regularizer import Regularizer, positional
from grokbench.types import Params, Role

__all__ = ["from_torch"]

NUMBERS = (bool, int, float)
INERT = frozenset({"foreach", "fused", "capturable", "differentiable"})  # keywords that change only the speed


def from_torch(
    optimizer: type[torch.optim.Optimizer],
    *,
    roles: Sequence[Role] | None = None,
    name: str = "",
    revision: int = 1,
    **defaults: Any,
) -> Callable[..., Regularizer]:
    """Make the factory of a method that trains with an optimizer class in the style of `torch.optim`.

        lion = from_torch(pytorch_optimizer.Lion, lr=1e-4, weight_decay=1.0)

    The optimizer replaces the task's optimizer, and uses its own weight decay instead of the task's. In many classes
    the default weight decay is 0, with which few networks grok. The optimizer gets ordinary tensors of one replica,
    with matrices in torch's layout, (fan_out, fan_in). It cannot be mapped over replicas, so replicas are trained one
    by one. If the class has methods `train` and `eval`, as schedule-free optimizers do, evaluations use the weights
    that `eval` sets.

    Args:
        optimizer: a class that is called with the parameters and keywords, and whose `step` takes no closure.
        roles: update only the parameters with these roles; the task's optimizer updates the rest. None: update all.
        name: the name of the method in suites. By default the name of the class in lower case, with an underscore
            between a small letter and a capital: AdaBelief becomes `ada_belief`, and RAdam becomes `radam`.
        revision: the revision of the method, see `Regularizer`.
        defaults: parameter -> default of the method, in place of the default of the class.

    Returns:
        A factory for the hook `grokbench_regularizers` to yield. It has the parameters of the class.

    Raises:
        TypeError: the class has no parameter of a name in `defaults`, or its `step` needs a closure.
    """
    if needed := [each for each in positional(optimizer.step) if each != "self"]:
        raise TypeError(
            f"{optimizer.__name__}.step needs {needed[0]}, expected an optimizer whose step needs only gradients"
        )
    signature = _signature(optimizer, defaults)

    def factory(**settings: Any) -> Regularizer:
        chosen = {key: each.default for key, each in signature.parameters.items()} | settings
        method = _Torch(optimizer, chosen, roles)
        return Regularizer(
            init=method.init,
            claims=method.claims,
            update=method.update,
            eval_params=method.evaluated if method.averages else None,
            privileges=frozenset({"averaged_weights"}) if method.averages else frozenset(),
            mapped=False,
            inert=INERT & set(signature.parameters),
            revision=revision,
        )

    factory.__name__ = factory.__qualname__ = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", optimizer.__name__).lower()
    factory.__doc__ = (
        f"Train with `{optimizer.__module__}.{optimizer.__qualname__}`.\n\n{inspect.getdoc(optimizer) or ''}"
    )
    factory.__module__ = str(sys._getframe(1).f_globals.get("__name__", __name__))  # noqa: SLF001
    factory.__signature__ = signature  # type: ignore[attr-defined]
    factory.__annotations__ = {key: each.annotation for key, each in signature.parameters.items()}
    return factory


def _signature(optimizer: type, defaults: Mapping[str, Any]) -> inspect.Signature:
    """Return the keywords of a class, typed by their defaults, so that suites can be checked."""
    own = list(inspect.signature(optimizer).parameters.values())[1:]
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    named = {each.name: each.default for each in own if each.kind not in kinds}
    if unknown := [key for key in defaults if key not in named and not any(e.kind is kinds[0] for e in own)]:
        raise TypeError(f"{optimizer.__name__} has no parameter {unknown[0]!r}, expected one of: {', '.join(named)}")
    chosen = named | dict(defaults)
    return inspect.Signature(
        [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=_kind(value))
            for key, value in chosen.items()
        ]
    )


def _kind(default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple[tuple(map(_kind, default))]  # type: ignore[misc]
    return type(default) if isinstance(default, (*NUMBERS, str)) else Any


class TorchState(NamedTuple):
    """The state of a torch optimizer as tensors.

    Attributes:
        fresh: (), bool: True before the first step.
        values: index of a leaf -> its value. The leaves are those of the pytree of the optimizer's state and parameter
            groups; only tensors and numbers are kept.
    """

    fresh: Tensor
    values: dict[str, Tensor]


class _Torch:
    """An optimizer class with its settings, as phases of one replica."""

    def __init__(self, optimizer: type[torch.optim.Optimizer], settings: Mapping[str, Any], roles: Any) -> None:
        self.optimizer, self.settings, self.roles = optimizer, dict(settings), roles
        self.averages = all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval"))
        self.names: list[str] = []
        self.leaves: list[Any] = []  # leaves of a state after a step; its numbers are replaced
        self.structure: Any = None

    def claims(self, roles: Mapping[str, Role], shapes: Mapping[str, Any]) -> list[str]:
        """Name the parameters of the requested roles."""
        del shapes
        return [name for name, role in roles.items() if self.roles is None or role in self.roles]

    def init(self, params: Params, about: About) -> TorchState:
        """Take a trial step on copies, which shows what the optimizer's state contains after its first step."""
        self.names = self.claims(about.roles, {})
        trial = self._made({name: params[name] for name in self.names})
        for p in trial.named.values():
            p.grad = torch.zeros_like(p)
        trial.optimizer.step()
        self.leaves, self.structure = pytree.tree_flatten(trial.kept())
        device = next(iter(params.values())).device
        return TorchState(torch.ones((), dtype=torch.bool, device=device), self._values(self.leaves, device))

    def update(self, params: Params, grads: Params, state: TorchState, at: At) -> tuple[Params, TorchState]:
        """Take one step of the optimizer, with its learning rate multiplied by `at.rate`."""
        made = self._made(params, state)
        for name, p in made.named.items():
            p.grad = _in_torch_layout(grads[name])
        made.step(1.0 if at.rate is None else float(at.rate))
        leaves, structure = pytree.tree_flatten(made.kept())
        if structure != self.structure:
            raise ValueError(f"{self.optimizer.__name__} keeps a state whose structure differs between steps")
        return made.params(), TorchState(torch.zeros_like(state.fresh), self._values(leaves, state.fresh.device))

    def evaluated(self, params: Params, state: TorchState) -> Params:
        """Return the weights that the optimizer's `eval` sets."""
        if bool(state.fresh):
            return params
        made = self._made({name: params[name] for name in self.names}, state)
        made.optimizer.eval()  # type: ignore[attr-defined]
        return params | made.params()

    def _made(self, params: Params, state: TorchState | None = None) -> "_Made":
        named = {name: torch.nn.Parameter(_in_torch_layout(p.detach()).clone()) for name, p in params.items()}
        made = _Made(self.optimizer(list(named.values()), **self.settings), named)
        if state is not None and not bool(state.fresh):
            made.load(pytree.tree_unflatten(self._restored(state.values), self.structure))
        if self.averages:
            made.optimizer.train()  # type: ignore[attr-defined]
        return made

    def _values(self, leaves: Sequence[Any], device: torch.device) -> dict[str, Tensor]:
        return {str(place): _as_tensor(leaf, device) for place, leaf in enumerate(leaves) if _is_number(leaf)}

    def _restored(self, values: Mapping[str, Tensor]) -> list[Any]:
        """Return the leaves of a state: the leaves of the trial step, with their numbers replaced by `values`."""
        leaves = list(self.leaves)
        for place, value in values.items():
            old = leaves[int(place)]
            leaves[int(place)] = value.clone() if isinstance(old, Tensor) else type(old)(value.item())
        return leaves


class _Made(NamedTuple):
    """An optimizer, and the named parameters that it was made with, in torch's layout."""

    optimizer: torch.optim.Optimizer
    named: dict[str, torch.nn.Parameter]

    def step(self, rate: float) -> None:
        """Take one step at the learning rate times a factor."""
        rates = [group["lr"] for group in self.optimizer.param_groups] if rate != 1.0 else []
        for group, lr in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = lr * rate
        self.optimizer.step()
        for group, lr in zip(self.optimizer.param_groups, rates, strict=False):
            group["lr"] = lr

    def params(self) -> Params:
        """Return the parameters in GrokBench's layout."""
        return {name: _in_torch_layout(p.detach()).clone() for name, p in self.named.items()}

    def kept(self) -> Any:
        """Return the optimizer's state by parameter name, and the settings of its parameter groups."""
        groups = [{k: v for k, v in group.items() if k != "params"} for group in self.optimizer.param_groups]
        return {name: dict(self.optimizer.state[p]) for name, p in self.named.items()}, groups

    def load(self, kept: Any) -> None:
        """Restore the optimizer's state and the settings of its parameter groups, as `kept` returned them."""
        states, groups = kept
        for name, p in self.named.items():
            self.optimizer.state[p] = states[name]
        for group, values in zip(self.optimizer.param_groups, groups, strict=True):
            group.update(values)


def _in_torch_layout(p: Tensor) -> Tensor:
    """Transpose a matrix (fan_in, fan_out) to (fan_out, fan_in), or back; return other parameters unchanged."""
    return p.T.contiguous() if p.ndim == 2 else p


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, (Tensor, *NUMBERS))


def _as_tensor(leaf: Any, device: torch.device) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf.detach().clone()
    return torch.tensor(leaf, dtype=torch.float64 if isinstance(leaf, float) else None, device=device)
