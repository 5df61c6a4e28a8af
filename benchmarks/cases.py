"""The cases of the benchmarks: cells of the shipped suites, trained for a fixed number of epochs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grokbench import data, engine
from grokbench.errors import SuiteError
from grokbench.plan import cell_step, expand
from grokbench.plugins import Registry
from grokbench.records import Cell
from grokbench.step import Step
from grokbench.suite import Suite, load_suite

__all__ = ["METHODS", "Case", "case", "chosen", "missing_data", "rotation", "shipped_cases"]

METHODS = ("baseline", "grokalign")
SUITES = {"xor": "quick", "cifar10": "figure5-small"}  # task -> its suite; `paper` for the others
CUDA_START = 3  # fewest epochs of the engine's start on CUDA


@dataclass(frozen=True)
class Case:
    """A cell to train for a fixed number of epochs, the cell's budget.

    Attributes:
        cell: the cell of the seeds.
        step: the cell's step.
        seeds: the seeds to train.
        full: the step without XOR's exact rotation, which the engine's competitors train.
        precision: the precision of the engine and the loop.
        device: "cpu", or a CUDA device such as "cuda:0".
    """

    cell: Cell
    step: Step
    seeds: tuple[int, ...]
    full: Step
    precision: str = "float32"
    device: str = "cpu"

    @property
    def name(self) -> str:
        """The task and the method."""
        return f"{self.cell.task} {self.cell.regularizer}"

    @property
    def rotated(self) -> bool:
        """True if the engine uses the task's exact rotation."""
        return bool(self.cell.recipe.task.parameters.get("rotate"))

    @property
    def short(self) -> int:
        """Epochs of the engine's start, not timed: on CUDA the first ones choose kernels and capture graphs."""
        return 0 if self.device == "cpu" else -(-CUDA_START // self.cell.evaluate_every) * self.cell.evaluate_every

    @property
    def seed_epochs(self) -> int:
        """Timed epochs, summed over the seeds."""
        return len(self.seeds) * (self.cell.budget - self.short)

    def lasting(self, epochs: int) -> "Case":
        """Return the case with the given number of timed epochs, at least two, rounded up to end with an evaluation."""
        every = self.cell.evaluate_every
        return replace(self, cell=replace(self.cell, budget=self.short + -(-max(epochs, 2) // every) * every))


def case(cell: Cell, registry: Registry, seeds: Sequence[int], precision: str = "float32", device: str = "cpu") -> Case:
    """Make a case of a cell, which trains to its budget whether or not it groks."""
    endless = replace(cell, recipe=replace(cell.recipe, stop="budget"))
    full = cell_step(rotation(endless, False), registry)
    return Case(endless, cell_step(endless, registry), tuple(seeds), full, precision, device)


def rotation(cell: Cell, rotate: bool) -> Cell:
    """Turn a cell's exact rotation on, and name it in the label, or turn it off; tasks without one are not changed."""
    task = cell.recipe.task
    if "rotate" not in task.parameters:
        return cell
    turned = replace(task, parameters={**task.parameters, "rotate": rotate})
    label = cell.task.removesuffix(" rotated") + " rotated" * rotate
    return replace(cell, task=label, recipe=replace(cell.recipe, task=turned))


def chosen(suite: Suite, task: str, methods: Sequence[str] = METHODS) -> Suite:
    """Reduce a suite to one task and some methods, without its metrics; SuiteError if it lacks one of them."""
    for kind, wanted, entries in (("task", (task,), suite.tasks), ("regularizer", methods, suite.regularizers)):
        for label in wanted:
            if label not in [entry.label for entry in entries]:
                raise SuiteError(f"{suite.path}: the benchmarks need a {kind} {label!r}; add it, or change {__name__}")
    return replace(
        suite,
        tasks=tuple(entry for entry in suite.tasks if entry.label == task),
        regularizers=tuple(entry for entry in suite.regularizers if entry.label in methods),
        baseline=suite.baseline if suite.baseline in methods else methods[0],
        metrics=(),
    )


def missing_data(case: Case) -> str | None:
    """Say how to get a task's missing data, because a benchmark downloads nothing; None if no file is missing."""
    use = case.cell.recipe.task.name  # a data set and its task have the same name
    absent = [status for status in data.status() if status.name == use and not status.present]
    return f"its data are not here: {absent[0].how}, or set $GROKBENCH_DATA" if absent else None


def shipped_cases(
    tasks: Sequence[str],
    seeds: int,
    full_xor: bool,
    registry: Registry,
    methods: Sequence[str] = METHODS,
    device: str = "cpu",
) -> Iterator[Case]:
    """Yield a case for every method on every task, twice for tasks with an exact rotation: without and with it.

    Args:
        tasks: labels. Settings are those of the suite `paper`, for CIFAR-10 those of `figure5-small`.
        seeds: how many, from 1000 on as in the suites.
        full_xor: XOR as in `paper`; otherwise of the size in `quick`.
        registry: the plugins.
        methods: labels.
        device: "cpu", or a CUDA device.
    """
    for task in tasks:
        suite = load_suite("paper" if task == "xor" and full_xor else SUITES.get(task, "paper"))
        for cell in expand(chosen(suite, task, methods), registry, "float32", engine.REVISION):
            rotates = (False, True) if "rotate" in cell.recipe.task.parameters else (False,)
            for rotate in rotates:
                yield case(rotation(cell, rotate), registry, range(1000, 1000 + seeds), device=device)
