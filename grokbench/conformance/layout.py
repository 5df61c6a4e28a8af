"""A hint about methods that act on units: a unit's incoming weights are a column here, but a row in torch."""

from itertools import islice

from torch import Tensor

from grokbench.conformance.answers import Answer, Question, hint, not_applicable, passed
from grokbench.conformance.calls import steps
from grokbench.conformance.step_probes import StepProbe, begun, drawn
from grokbench.conformance.subjects import Subject
from grokbench.types import Params

__all__ = ["QUESTIONS"]

PHASES = ("transform", "update", "project")
TASKS = 2  # number of trial tasks that are used
SCALES = (0.01, 1.0, 1000.0)  # scales of gradients, some of which exceed a method's threshold
EQUAL = 1e-9  # relative tolerance


def acts_on_columns(subject: Subject) -> Answer:
    """Check that no phase acts on a matrix row by row, unless it also acts column by column."""
    method = subject.regularizer()
    phases = [phase for phase in PHASES if getattr(method, phase)]
    if not phases:
        return not_applicable("it changes neither gradients nor weights")
    for label, step in islice(steps(subject), TASKS):
        for phase in phases:
            if found := _matrices_by_row(begun(step), phase):
                message = f"on {label}, {phase} acts on each row of {found[0]} separately, but mixes the columns"
                return hint(message, _COLUMNS)
    return passed()


_COLUMNS = (
    "weights are (fan_in, fan_out): a unit's incoming weights are a column, so reduce over dim 0 where code for torch "
    "layers reduces over dim 1; if the rule is about single inputs, it needs no change"
)


def _matrices_by_row(probe: StepProbe, phase: str) -> list[str]:
    """Name the matrices on which a phase acts row by row, but not column by column."""
    names = _moved(probe, phase)
    by_row, by_column = dict.fromkeys(names, True), dict.fromkeys(names, True)
    for scale in SCALES:
        given = {name: scale * p for name, p in drawn(names, "layout", 0).items()}
        plain = probe.through(phase, _beside(probe, given))[0]
        for row, kept in ((True, by_row), (False, by_column)):
            other = {name: _with_first_changed(p, row) for name, p in given.items()}
            changed = probe.through(phase, _beside(probe, other))[0]
            for name in [name for name in names if name in plain]:
                kept[name] &= _rest_is_equal(plain[name], changed[name], row)
    return [name for name in names if by_row[name] and not by_column[name]]


def _moved(probe: StepProbe, phase: str) -> Params:
    """Select the matrices among a phase's inputs that have at least two rows and two columns."""
    own = probe.step.claimed(probe.params) if phase == "update" else probe.step.task.trained(probe.params)
    return {
        name: probe.params[name] for name in own if probe.params[name].ndim == 2 and min(probe.params[name].shape) > 1
    }


def _beside(probe: StepProbe, given: Params) -> Params:
    """Add random values of the parameters that are not given."""
    return drawn(probe.step.task.trained(probe.params), "others", 0) | given


def _with_first_changed(p: Tensor, row: bool) -> Tensor:
    changed = p.clone()
    (changed if row else changed.T)[0] *= -3.0
    return changed


def _rest_is_equal(plain: Tensor, changed: Tensor, row: bool) -> bool:
    one, other = ((each if row else each.T)[1:] for each in (plain, changed))
    return bool(((one - other).abs() <= EQUAL * plain.abs().max()).all())


QUESTIONS = (Question("layout", "no phase acts on the rows of a matrix as if they were units", acts_on_columns),)
