"""The agreement of a command and its workers on other machines: the facts on which numbers depend.

A launcher collects the facts of the command, sends them to every worker as plain data, and compares them there before
the first job: `versions` before the worker reads anything else, the others by an `Agreement`, which the worker's own
process runs. A worker that differs gets no work.
"""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokbench.data.digests import fetched
from grokbench.errors import GrokbenchError
from grokbench.events import Notice
from grokbench.launchers.interface import Measurement, Worker
from grokbench.provenance import environment
from grokbench.records import Cell, identity
from grokbench.text.headline import headline

__all__ = ["Agreement", "DisagreementError", "Facts", "check", "facts", "refusal", "versions"]

Facts = Mapping[str, str]  # "KIND NAME" -> value, where KIND is a key of REMEDIES
PACKAGES = ("grokbench", "torch")
# Variables of the environment with which torch and its libraries compute other numbers.
VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "MKL_CBWR",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
REMEDIES = {
    "version": "install the same version there",
    "variable": "give the variable the same value there",
    "plugin": "install the same source there",
    "data": "point $GROKBENCH_DATA there to a copy of the same data",
}


class DisagreementError(GrokbenchError):
    """A worker differs from the command in a fact on which numbers depend; it has done no work."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of packages, and the variables that change numbers; torch is not imported."""
    here = environment()
    found = {f"version {name}": here[name] or "missing" for name in PACKAGES}
    found["version Python"] = here["python"].rpartition(".")[0]
    return found | {f"variable {name}": os.environ.get(name, "unset") for name in VARIABLES}


def facts(cells: Iterable[Cell], registry: Any) -> dict[str, str]:
    """Return every fact: `versions`, the engine's revision, the sources of plugins, and digests of the tasks' data.

    Args:
        cells: the cells to train.
        registry: the plugins that this process has loaded.

    Raises:
        PluginError: a plugin of the cells is not registered.
        DataError: data of a task is missing and cannot be fetched.
    """
    from grokbench.engine import REVISION

    cells = list(cells)
    names = sorted({name for cell in cells for name in cell.origins})
    origins = {f"plugin {name}": registry.get(*name.split(".", maxsplit=1)).origin.with_digest for name in names}
    return {**versions(), "version engine": str(REVISION), **origins, **_data(cells, registry)}


def _data(cells: Sequence[Cell], registry: Any) -> dict[str, str]:
    """Return the digests of the data that the tasks and metrics of the cells fetch."""
    from grokbench.plan import cell_step

    read: dict[str, str] = {}
    for cell in {identity(cell.recipe.task.data()): cell for cell in cells}.values():
        step = cell_step(cell, registry)
        read |= fetched([step.task.fetch, *(metric.fetch for metric in step.metrics.values())])
    return {f"data {name}": sha256 for name, sha256 in read.items()}


def check(expected: Facts, here: Facts) -> None:
    """Compare facts of the command with those of this worker.

    Args:
        expected: the facts of the command.
        here: the facts of this worker; facts that only one of the two has are not compared.

    Raises:
        DisagreementError: a fact differs; the message lists all that differ, and says what to do.
    """
    differing = [key for key, value in expected.items() if here.get(key, value) != value]
    if differing:
        listed = "; ".join(_difference(key, here[key], expected[key]) for key in differing)
        remedies = dict.fromkeys(REMEDIES[key.partition(" ")[0]] for key in differing)
        raise DisagreementError(f"it has {listed}; {', '.join(remedies)}, and give the same command again")


def _difference(key: str, here: str, expected: str) -> str:
    kind, _, name = key.partition(" ")
    if kind in ("plugin", "data"):
        return f"another {'source of ' if kind == 'plugin' else 'content of the data set '}{name}"
    return f"{name} {here} instead of {expected}"


def refusal(error: str) -> str:
    """Say that the worker on this machine gets no work.

    Args:
        error: the message of an error, or a traceback.
    """
    return f"the worker on {socket.gethostname()} is refused: {headline(error)}"


@dataclass(frozen=True)
class Agreement(Measurement):
    """A comparison of the facts of a command with those of the worker that runs it.

    Attributes:
        cells: the cells that the command trains.
        expected: the facts of the command.
    """

    cells: tuple[Cell, ...]
    expected: Facts

    @classmethod
    def of(cls, cells: Sequence[Cell], registry: Any) -> "Agreement":
        """Collect the facts of this process, which are those of the command.

        Args:
            cells: the cells that the command trains.
            registry: the plugins that this process has loaded.
        """
        return cls(tuple(cells), facts(cells, registry))

    def run(self, worker: Worker, registry: Any) -> Iterator[Notice]:
        """Yield nothing if the facts agree.

        Raises:
            DisagreementError: a fact differs.
        """
        check(self.expected, facts(self.cells, registry))
        yield from ()

    def failed(self, error: str) -> Iterator[Notice]:
        """Yield the refusal of this worker."""
        yield Notice(refusal(error))
