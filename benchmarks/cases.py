"""What is trained: cells of the shipped suites at their settings, for a number of epochs and without stopping early."""

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
SUITES = {"xor": "quick", "cifar10": "cifar10-small"}  # that a task is taken from; `paper` elsewhere
CUDA_START = 3  # epochs at least


@dataclass(frozen=True)
class Case:
    """A cell to train on some seeds. Its budget is the number of epochs, the same for engine and plain loop."""

    cell: Cell
    step: Step
    seeds: tuple[int, ...]
    full: Step  # without XOR's exact rotation: what everybody but the engine computes
    precision: str = "float32"
    device: str = "cpu"

    @property
    def name(self) -> str:
        """The task and the method."""
        return f"{self.cell.task} {self.cell.regularizer}"

    @property
    def rotated(self) -> bool:
        """Whether the engine trains it in its span."""
        return bool(self.cell.recipe.task.parameters.get("rotate"))

    @property
    def short(self) -> int:
        """Epochs of the engine that belong to its start: on CUDA the first ones choose kernels and capture graphs."""
        return 0 if self.device == "cpu" else -(-CUDA_START // self.cell.evaluate_every) * self.cell.evaluate_every

    @property
    def seed_epochs(self) -> int:
        """Epochs that count, summed over the seeds."""
        return len(self.seeds) * (self.cell.budget - self.short)

    def lasting(self, epochs: int) -> "Case":
        """The same for so many epochs that count, rounded up to end with an evaluation; at least two."""
        every = self.cell.evaluate_every
        return replace(self, cell=replace(self.cell, budget=self.short + -(-max(epochs, 2) // every) * every))


def case(cell: Cell, registry: Registry, seeds: Sequence[int], precision: str = "float32", device: str = "cpu") -> Case:
    """A cell that trains to its budget, whether or not it groks on the way."""
    endless = replace(cell, recipe=replace(cell.recipe, stop="budget"))
    full = cell_step(rotation(endless, False), registry)
    return Case(endless, cell_step(endless, registry), tuple(seeds), full, precision, device)


def rotation(cell: Cell, rotate: bool) -> Cell:
    """The cell with its exact rotation on, which its label then says, or off; itself for tasks that have none."""
    task = cell.recipe.task
    if "rotate" not in task.parameters:
        return cell
    turned = replace(task, parameters={**task.parameters, "rotate": rotate})
    label = cell.task.removesuffix(" rotated") + " rotated" * rotate
    return replace(cell, task=label, recipe=replace(cell.recipe, task=turned))


def chosen(suite: Suite, task: str, methods: Sequence[str] = METHODS) -> Suite:
    """A suite reduced to one task and some methods, without its metrics; SuiteError when it lacks one of them."""
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
    """How to get the data of a task whose files are not here; nothing is downloaded in the middle of a benchmark."""
    use = case.cell.recipe.task.name  # a data set has the name of its task
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
    """Every method on those tasks, at the paper's settings; XOR as `quick` cuts it, unless asked in full; CIFAR-10 as
    `cifar10-small` does.

    What has an exact rotation comes twice, without and with it. Seeds count from 1000 on, as the suites' do.
    """
    for task in tasks:
        suite = load_suite("paper" if task == "xor" and full_xor else SUITES.get(task, "paper"))
        for cell in expand(chosen(suite, task, methods), registry, "float32", engine.REVISION):
            rotates = (False, True) if "rotate" in cell.recipe.task.parameters else (False,)
            for rotate in rotates:
                yield case(rotation(cell, rotate), registry, range(1000, 1000 + seeds), device=device)
