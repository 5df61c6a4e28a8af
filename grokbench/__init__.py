"""GrokBench, a benchmark of methods that accelerate grokking: the public interface of the package.

    runs = grokbench.run("quick", num_seeds=2)      # train the missing replicas
    runs = grokbench.load_runs("runs/quick")        # or only read a results folder
    grokbench.leaderboard(runs)

A plugin imports only from `grokbench`, not from its submodules. Its tests may also import `grokbench.testing` and
shipped tasks. Names are loaded on first use, so that the command line starts without torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grokbench import data as data
    from grokbench import random as random
    from grokbench.api.evaluate import evaluate as evaluate
    from grokbench.api.leaderboard import Leaderboard as Leaderboard
    from grokbench.api.leaderboard import leaderboard as leaderboard
    from grokbench.api.run import run as run
    from grokbench.api.runs import Runs as Runs
    from grokbench.api.runs import load_runs as load_runs
    from grokbench.at import About as About
    from grokbench.at import At as At
    from grokbench.at import GradAt as GradAt
    from grokbench.errors import DataError as DataError
    from grokbench.errors import GrokbenchError as GrokbenchError
    from grokbench.errors import PluginError as PluginError
    from grokbench.errors import StoreError as StoreError
    from grokbench.errors import SuiteError as SuiteError
    from grokbench.events import Progress as Progress
    from grokbench.hookspecs import hookimpl as hookimpl
    from grokbench.metric import Metric as Metric
    from grokbench.metric import Probe as Probe
    from grokbench.observer import Observer as Observer
    from grokbench.optimizers import SGD as SGD
    from grokbench.optimizers import AdamW as AdamW
    from grokbench.records import Cell as Cell
    from grokbench.records import Crossings as Crossings
    from grokbench.records import Outcome as Outcome
    from grokbench.records import Planned as Planned
    from grokbench.records import Run as Run
    from grokbench.regularizer import Regularizer as Regularizer
    from grokbench.task import Task as Task
    from grokbench.torch_optimizers import from_torch as from_torch
    from grokbench.types import Batch as Batch
    from grokbench.types import Local as Local
    from grokbench.types import Optimizer as Optimizer
    from grokbench.types import Params as Params
    from grokbench.types import Role as Role
    from grokbench.types import fans as fans
    from grokbench.types import linearize as linearize

__version__ = "0.2.0"

_MODULES = {
    "About": "at",
    "AdamW": "optimizers",
    "At": "at",
    "Batch": "types",
    "Cell": "records",
    "Crossings": "records",
    "DataError": "errors",
    "GradAt": "at",
    "GrokbenchError": "errors",
    "Leaderboard": "api.leaderboard",
    "Local": "types",
    "Metric": "metric",
    "Observer": "observer",
    "Optimizer": "types",
    "Outcome": "records",
    "Params": "types",
    "Planned": "records",
    "PluginError": "errors",
    "Probe": "metric",
    "Progress": "events",
    "Regularizer": "regularizer",
    "Role": "types",
    "Run": "records",
    "Runs": "api.runs",
    "SGD": "optimizers",
    "StoreError": "errors",
    "SuiteError": "errors",
    "Task": "task",
    "data": "",
    "evaluate": "api.evaluate",
    "fans": "types",
    "from_torch": "torch_optimizers",
    "hookimpl": "hookspecs",
    "leaderboard": "api.leaderboard",
    "linearize": "types",
    "load_runs": "api.runs",
    "random": "",
    "run": "api.run",
}
__all__ = [*_MODULES, "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'grokbench' has no attribute {name!r}")
    module = _MODULES[name]
    return getattr(import_module(f"grokbench.{module}"), name) if module else import_module(f"grokbench.{name}")


def __dir__() -> list[str]:
    return sorted(__all__)
