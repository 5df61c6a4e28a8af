"""The search that a suite and a command describe, with the space of every method on every task."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grokbench.errors import SuiteError
from grokbench.records import Cell
from grokbench.runner.request import Plan, Request, resolve
from grokbench.suite import RegularizerEntry, Suite
from grokbench.suite.problems import dotted
from grokbench.suite.schema import MAX_LABEL
from grokbench.suite.tuning import Range, Search, owner, read_search
from grokbench.tune.sampling import MAX_DIMENSIONS, require_optuna
from grokbench.tune.space import Dimension, Space
from grokbench.tune.trials import Key, Trial, default_trial

if TYPE_CHECKING:
    from grokbench.types import Optimizer

__all__ = ["Tuning", "prepare"]

SUFFIX = "#default"  # the longest suffix of a label
SETTINGS = ("lr", "weight_decay")  # searched settings of every optimizer, in the order of their coordinates


@dataclass(frozen=True)
class Tuning:
    """A search: what is tuned, and how.

    Attributes:
        plan: the plan of the suite itself, with its registry, devices and cells.
        request: the options of the command.
        search: the settings of the search, from the suite and the command.
        spaces: labels of task and method -> the search space, in the order of the suite.
        defaults: labels of task and method -> trial 0, which has the suite's own settings.
        directory: the folder of everything that the search writes.
    """

    plan: Plan
    request: Request
    search: Search
    spaces: Mapping[Key, Space]
    defaults: Mapping[Key, Trial]
    directory: Path

    @property
    def suite(self) -> Suite:
        """The suite whose methods are tuned."""
        return self.plan.suite

    @property
    def cells(self) -> dict[Key, Cell]:
        """The suite's own cells."""
        return {cell.key: cell for cell in self.plan.cells}


def prepare(request: Request, n_trials: int | None = None) -> Tuning:
    """Resolve the request of a search.

    Args:
        request: the options; `out` is the folder of the search, by default `runs/<suite>-tuning`.
        n_trials: the number of trials, in place of the suite's.

    Raises:
        SuiteError: the suite, a search space or an option is wrong, or the sampler needs a package that is missing.
        PluginError: the plugins cannot be loaded.
    """
    plan = resolve(request)
    search = read_search(plan.suite.document.data)
    search = dataclasses.replace(search, n_trials=n_trials or search.n_trials)
    if search.sampler == "tpe":
        require_optuna()
    _check_labels(plan.suite)
    methods = {method.label: method for method in plan.suite.regularizers}
    spaces = {cell.key: tuple(_space(plan, cell, methods[cell.regularizer], search)) for cell in plan.cells}
    defaults = {cell.key: _default(plan, cell, spaces[cell.key]) for cell in plan.cells}
    directory = Path(request.out or f"runs/{plan.suite.name}-tuning")
    return Tuning(plan, request, search, spaces, defaults, directory)


def _check_labels(suite: Suite) -> None:
    """Raise SuiteError for a label that would be too long with the number of a trial."""
    for method in suite.regularizers:
        if len(method.label) + len(SUFFIX) > MAX_LABEL:
            place = f"{suite.where(method.path)}: {dotted(method.path)}"
            most = MAX_LABEL - len(SUFFIX)
            raise SuiteError(f"{place}: the label {method.label!r}, expected at most {most} characters to be tuned")


def _optimizer(plan: Plan, cell: Cell) -> "Optimizer":
    optimizer: Optimizer = plan.registry.get("tasks", cell.recipe.task.name).make(cell.recipe.task.parameters).optimizer
    return optimizer


def _space(plan: Plan, cell: Cell, method: RegularizerEntry, search: Search) -> Iterator[Dimension]:
    """Yield the dimensions of a method on a task: settings of the optimizer, then parameters of the method."""
    optimizer = _optimizer(plan, cell)
    for coordinate, (key, factors) in enumerate(zip(SETTINGS, (search.lr, search.weight_decay), strict=True)):
        if hasattr(optimizer, key):
            own = float(getattr(optimizer, key))
            yield _setting(coordinate, key, own, factors, search.decay_from_zero)
    yield from _parameters(plan.suite, method)


def _setting(coordinate: int, key: str, own: float, factors: Range, from_zero: Range) -> Dimension:
    low, high = (own * factor for factor in factors) if own else from_zero
    return Dimension(name=key, coordinate=coordinate, key=key, low=low, high=high, log=True, zero=not own)


def _parameters(suite: Suite, method: RegularizerEntry) -> Iterator[Dimension]:
    label = str(method.path[1])
    entry = suite.document.data["regularizers"][label] or {}
    written = entry.get("search_space") or {}
    if len(written) + len(SETTINGS) > MAX_DIMENSIONS:
        place = f"{suite.where((*method.path, 'search_space'))}: {dotted(method.path)}.search_space"
        raise SuiteError(f"{place}: {len(written)} parameters, expected at most {MAX_DIMENSIONS - len(SETTINGS)}")
    for coordinate, (name, given) in enumerate(written.items(), len(SETTINGS)):
        plugin, key = owner(name, entry, label)
        ends = {end: given[end] for end in ("low", "high") if given.get(end) is not None}
        yield Dimension(
            name=f"{plugin}.{key}" if name in SETTINGS else name,
            coordinate=coordinate,
            key=key,
            plugin=plugin,
            log=bool(given.get("log")),
            integer=bool(given.get("integer")),
            choices=tuple(given.get("choices") or ()),
            **ends,
        )


def _default(plan: Plan, cell: Cell, space: Space) -> Trial:
    """Make the trial of the suite's own settings, which the cell's recipe holds."""
    own: dict[str, Any] = {}
    settings = vars(_optimizer(plan, cell)) | dict(cell.recipe.optimizer or {})
    parameters = {use.name: use.parameters for use in cell.recipe.regularizers}
    for dimension in space:
        own[dimension.name] = (parameters[dimension.plugin] if dimension.plugin else settings)[dimension.key]
    return default_trial(space, own, MAX_DIMENSIONS)
