"""Questions about a method's declarations: reserved examples, needs, claims, and the periods of its phases."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grokbench.at import At
from grokbench.conformance.answers import Answer, Question, failed, hint, not_applicable, passed
from grokbench.conformance.calls import ARGUMENTS, Call, call_functions, steps
from grokbench.conformance.short_runs import tensors
from grokbench.conformance.subjects import Subject
from grokbench.regularizer import Regularizer
from grokbench.step import Step
from grokbench.step.build import build_step

__all__ = ["QUESTIONS"]


def reads_what_it_declares(subject: Subject) -> Answer:
    """Check that everything in `needs`, and the reserved examples, are read by some phase."""
    method = subject.regularizer()
    declared = {*method.needs, *(["reserved"] if method.reserve else [])}
    if not declared:
        return not_applicable("it declares no needs and reserves nothing")
    read: set[str] = set()
    for _, task in subject.tasks():
        call_functions(build_step(task, [_with_recorded_needs(method, read)], {}))
    if unread := sorted(declared - read):
        name = unread[0]
        field = "reserve" if name == "reserved" else "needs"
        return hint(f"it declares {field} but no phase reads at.{name}", f"read at.{name} in a phase, or leave it out")
    return passed()


class _Recorded(dict[str, Any]):
    """A dict of the declared properties of `At` that records which of them are read."""

    read: set[str]

    def __getitem__(self, name: str) -> Any:
        self.read.add(name)
        return super().__getitem__(name)


def _with_recorded_needs(method: Regularizer, read: set[str]) -> Regularizer:
    """Return the method with phases that record which declared properties of `At` they read."""

    def watched(function: Callable[..., Any], place: int) -> Callable[..., Any]:
        def phase(*given: Any) -> Any:
            at: At = given[place]
            needed = _Recorded(at.needed)
            needed.read = read
            return function(*given[:place], replace(at, needed=needed))

        return phase

    phases = {name: names.index("at") for name, names in ARGUMENTS["regularizers"].items() if "at" in names}
    changes = {name: watched(f, place) for name, place in phases.items() if (f := getattr(method, name))}
    return replace(method, **changes)  # type: ignore[arg-type]


def claims_the_same_names(subject: Subject) -> Answer:
    """Check that `claims` returns every name once, in a defined order, and the same names in every call."""
    if (claims := subject.regularizer().claims) is None:
        return not_applicable("it claims no parameters")
    for label, step in steps(subject):
        given = claims(*_claimable(step))
        names = list(given)
        if isinstance(given, set | frozenset) and len(names) > 1:
            return failed(f"on {label}, claims returns a {type(given).__name__}, whose order is arbitrary", _CLAIMS)
        if twice := [name for name in names if names.count(name) > 1]:
            return failed(f"on {label}, claims names {twice[0]!r} twice", _CLAIMS)
        if list(claims(*_claimable(step))) != names:
            return failed(f"on {label}, claims gives other names when it is called again", _CLAIMS)
    return passed()


_CLAIMS = "choose names by role and shape alone: [name for name, role in roles.items() if role == 'hidden']"


def _claimable(step: Step) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    shapes = {name: tuple(p.shape) for name, p in step.task.trained(step.task.init(torch.tensor(0))).items()}
    return {name: step.task.roles[name] for name in shapes}, shapes


def counts_no_periods(subject: Subject) -> Answer:
    """Check that no number in the state counts the calls of a phase that runs only in some steps."""
    if not (every := subject.regularizer().every):
        return not_applicable("its phases run in every step")
    calls: list[Call] = []
    for label, step in steps(subject, calls):
        call_functions(step)
        for call in calls:
            if call.function in every and (path := next(_counters(call), "")):
                k = every[call.function]
                message = f"on {label}, {path} in the state counts the calls of {call.function}, one in {k} steps"
                return hint(message, "use at.step, which counts updates, unless the number of calls is meant")
    return passed()


def _counters(call: Call) -> Iterator[str]:
    """Yield the scalars of a state that a call has raised by exactly 1."""
    if not (isinstance(call.result, tuple) and len(call.result) == 2):
        return
    before, after = dict(tensors(call.arguments["state"])), dict(tensors(call.result[1]))
    yield from (path for path, old in before.items() if _is_next(old, after.get(path)))


def _is_next(old: Tensor, new: Tensor | None) -> bool:
    return new is not None and old.shape == new.shape == () and bool(new == old + 1)


QUESTIONS = (
    Question("declared", "it reads what it needs and reserves", reads_what_it_declares),
    Question("claims", "claims gives every name once, and the same ones in every call", claims_the_same_names),
    Question("periods", "no state counts the calls of a phase that skips steps", counts_no_periods),
)
