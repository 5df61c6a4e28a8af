"""A question about `project`, which should return no averages and make no updates in addition to the optimizer's."""

from collections import Counter
from itertools import islice
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from grokbench.conformance.answers import Answer, Question, failed, hint, not_applicable, passed
from grokbench.conformance.calls import steps
from grokbench.conformance.short_runs import same
from grokbench.conformance.step_probes import BEGINS, SIZE, STEPS, StepProbe, drawn, walk
from grokbench.conformance.subjects import Subject
from grokbench.types import Params

__all__ = ["QUESTIONS"]

TASKS = 2  # number of trial tasks that are used
AVERAGED = 0.6  # an average takes over at most this share of the update
EQUAL = 1e-9  # relative tolerance
OFTEN = len(BEGINS) * STEPS // 2  # a running average shows in more steps than this; Lookahead's shows in fewer


def returns_trained_weights(subject: Subject) -> Answer:
    """Check that `project` returns the weights to train on, and leaves updates to the optimizer or `update`."""
    if subject.regularizer().project is None:
        return not_applicable("it has no project")
    for label, step in islice(steps(subject), TASKS):
        averaged, unread, on_top = Counter[str](), Counter[str](), False
        for probe, grads, updated in walk(step):
            averaged.update(_averaged(probe, updated))
            unread.update(_unread(probe, updated))
            on_top = on_top or _moves_along(probe, grads)
        if often := [name for name, count in averaged.items() if count > OFTEN]:
            return failed(
                f"on {label}, project returns a running average of {often[0]}, from which training continues", _AVERAGE
            )
        if on_top:
            message = "project makes an update of its own, from gradients that transform keeps in the state"
            return hint(f"on {label}, {message}", _OWN_UPDATE)
        if never := [name for name, count in unread.items() if count == len(BEGINS) * STEPS]:
            message = (
                f"project takes nothing from the updated {never[0]}: the optimizer has no effect on this parameter"
            )
            return hint(f"on {label}, {message}", _OWN_UPDATE)
    return passed()


_AVERAGE = (
    "return the given params from project, keep the average in the state, and show it to evaluations: "
    'eval_params=lambda params, state: state.mean, privileges=frozenset({"averaged_weights"})'
)
_OWN_UPDATE = (
    "for an optimizer of your own, define claims and update, which replace the task's for the claimed parameters"
)


def _averaged(probe: StepProbe, updated: Params) -> list[str]:
    """Name the parameters for which `project` passes on a fixed small share of a change, as a running average does."""
    change = {name: SIZE * p for name, p in drawn(updated, "change", probe.number).items()}
    (one, kept), (other, others) = (
        probe.through("project", each) for each in (updated, {name: p + change[name] for name, p in updated.items()})
    )
    if same(kept, others):
        return []
    return [name for name in one if _is_share(other[name] - one[name], change[name]) and _remembers(kept, one[name])]


def _is_share(moved: Tensor, change: Tensor) -> bool:
    share = float((moved * change).sum() / change.square().sum())
    off = float((moved - share * change).abs().max())
    return 0.0 < share < AVERAGED and off < EQUAL * float(change.abs().max())


def _remembers(states: Any, p: Tensor) -> bool:
    """Return whether a state holds a tensor of the parameter's shape, or a stack of such tensors."""
    shapes = [tuple(leaf.shape) for leaf in pytree.tree_leaves(states) if isinstance(leaf, Tensor)]
    return any(shape[len(shape) - p.ndim :] == tuple(p.shape) for shape in shapes if len(shape) >= p.ndim)


def _unread(probe: StepProbe, updated: Params) -> list[str]:
    """Name the matrices whose value after `project` does not depend on the optimizer's update."""
    other = {
        name: p + SIZE * q for (name, p), q in zip(updated.items(), drawn(updated, "unread", 0).values(), strict=True)
    }
    (one, _), (two, _) = (probe.through("project", each) for each in (updated, other))
    return [
        name
        for name, p in one.items()
        if p.ndim > 1 and same(p, two[name]) and not same(p, probe.params[name])  # an unchanged one may be held fixed
    ]


def _moves_along(probe: StepProbe, grads: Params) -> bool:
    """Return whether `project` moves some weights by an amount that depends on the gradient.

    The weights are set to zero, and no optimizer has moved them. A weight decay that is masked by the gradient is
    allowed: it leaves them at zero.
    """
    zeros = {name: g > 0 for name, g in drawn(grads, "zeros", 0).items()}
    still = probe.params | {name: probe.params[name].masked_fill(zero, 0.0) for name, zero in zeros.items()}
    trained = probe.step.task.trained(still)
    moved = []
    for each in (grads, {name: -2.0 * g for name, g in grads.items()}):
        _, states = probe.through("transform", each)
        moved.append(probe.through("project", trained, still, states)[0])
    return any(not same(p[zeros[name]], moved[1][name][zeros[name]]) for name, p in moved[0].items())


QUESTIONS = (
    Question("project", "project returns the weights to train on, and makes no update", returns_trained_weights),
)
