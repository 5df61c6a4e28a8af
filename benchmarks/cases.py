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

__all__ = ["METHODS", "Case", "case", "chosen", "missing_data", "shipped_cases"]

METHODS = ("baseline", "grokalign")


@dataclass(frozen=True)
class Case:
    """A cell to train on some seeds. Its budget is the number of epochs, the same for every competitor."""

    cell: Cell
    step: Step
    seeds: tuple[int, ...]
    precision: str = "float32"

    @property
    def name(self) -> str:
        """The task and the method."""
        return f"{self.cell.task} {self.cell.regularizer}"

    @property
    def seed_epochs(self) -> int:
        """Epochs summed over the seeds."""
        return len(self.seeds) * self.cell.budget

    def lasting(self, epochs: int) -> "Case":
        """The same for so many epochs, rounded up to end with an evaluation; at least two."""
        every = self.cell.evaluate_every
        return replace(self, cell=replace(self.cell, budget=-(-max(epochs, 2) // every) * every))


def case(cell: Cell, registry: Registry, seeds: Sequence[int], precision: str = "float32") -> Case:
    """A cell that trains to its budget, whether or not it groks on the way."""
    endless = replace(cell, recipe={**cell.recipe, "stop": "budget"})
    return Case(endless, cell_step(endless, registry), tuple(seeds), precision)


def chosen(suite: Suite, task: str) -> Suite:
    """A suite reduced to one task and the benchmarked methods; SuiteError when it lacks one of them."""
    for kind, wanted, entries in (("task", (task,), suite.tasks), ("regularizer", METHODS, suite.regularizers)):
        for label in wanted:
            if label not in [entry.label for entry in entries]:
                raise SuiteError(f"{suite.path}: the benchmarks need a {kind} {label!r}; add it, or change {__name__}")
    return replace(
        suite,
        tasks=tuple(entry for entry in suite.tasks if entry.label == task),
        regularizers=tuple(entry for entry in suite.regularizers if entry.label in METHODS),
    )


def missing_data(step: Step) -> str | None:
    """How to get the data of a task whose files are not here; nothing is downloaded in the middle of a benchmark."""
    if step.task.fetch is not data.mnist:
        return None
    (mnist,) = [status for status in data.status() if status.name == "mnist"]
    return None if mnist.present else f"its data are not here: {mnist.how}, or set $GROKBENCH_DATA"


def shipped_cases(tasks: Sequence[str], seeds: int, full_xor: bool, registry: Registry) -> Iterator[Case]:
    """Every method on those tasks, at the paper's settings; XOR as `quick` cuts it, unless asked in full."""
    for task in tasks:
        suite = load_suite("quick" if task == "xor" and not full_xor else "paper")
        paired = load_suite("paper").seeds[:seeds]
        for cell in expand(chosen(suite, task), registry, "float32", engine.REVISION):
            yield case(cell, registry, paired)
