"""The launcher of a command: the one that its option names, otherwise the one of the user's settings, else `local`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from grokbench.errors import SuiteError
from grokbench.launchers.interface import Launcher
from grokbench.records import Cell
from grokbench.settings import Settings, load_settings
from grokbench.text.options import Option

__all__ = ["LAUNCHERS", "Choice", "choose"]

LAUNCHERS = ("local", "slurm", "ray")
GROUP_SIZE = (
    "the memory of a cluster's GPUs cannot be measured from here: say with {option} how many seeds of a cell train "
    "together, or use {device}"
)


@dataclass(frozen=True)
class Choice:
    """A launcher, chosen by name.

    Attributes:
        name: one of LAUNCHERS.
        settings: the user's settings.
        wait: False to submit jobs to Slurm without awaiting their results.
    """

    name: str = "local"
    settings: Settings = Settings()
    wait: bool = True

    @property
    def elsewhere(self) -> bool:
        """True if jobs may run on other machines than this one."""
        return self.name != "local"

    def devices(self, choice: str, group_size: int | None) -> tuple[str, ...] | None:
        """Return the device of each worker; None if they are devices of this machine.

        Args:
            choice: the value of `--device`.
            group_size: the value of `--group-size`.

        Raises:
            SuiteError: the choice names devices that the launcher cannot choose, or GPUs without a group size.
            ClusterError: the cluster cannot be used.
        """
        if self.name == "ray":
            from grokbench.launchers.ray.devices import devices, has_address

            if has_address(self.settings.launcher.ray):
                found = devices(self.settings.launcher.ray, choice)
                if found[0] != "cpu" and not group_size:
                    raise SuiteError(GROUP_SIZE.format(option=Option("group_size"), device=Option("device", "cpu")))
                return found
        if self.name == "slurm":
            return self._slurm_devices(choice, group_size)
        return None

    def _slurm_devices(self, choice: str, group_size: int | None) -> tuple[str, ...]:
        """Return the devices of one Slurm job, of which several run at once."""
        found = self.settings.launcher.slurm.devices
        if choice not in ("auto", found[0].partition(":")[0]):
            raise SuiteError(
                f"{Option('device', choice)}: the settings give a Slurm job {'GPUs' if found[0] != 'cpu' else 'CPUs'}; "
                "change `gpus` of `launcher: slurm:` there, or leave the option out"
            )
        if found[0] != "cpu" and not group_size:
            raise SuiteError(GROUP_SIZE.format(option=Option("group_size"), device="`gpus: 0`"))
        return found

    def launcher(self, cells: Sequence[Cell], registry: Any, directory: Path) -> Launcher:
        """Return the launcher.

        Args:
            cells: the cells that the command trains, on which workers elsewhere have to agree.
            registry: the plugins that this process has loaded.
            directory: the results folder.
        """
        if self.name == "ray":
            from grokbench.launchers.agreement import Agreement
            from grokbench.launchers.ray.launcher import RayLauncher

            return RayLauncher(self.settings.launcher.ray, partial(Agreement.of, cells, registry))
        if self.name == "slurm":
            from grokbench.launchers.agreement import Agreement
            from grokbench.launchers.slurm.launcher import SlurmLauncher

            agreement = cache(partial(Agreement.of, cells, registry))
            return SlurmLauncher(self.settings.launcher.slurm, directory, agreement, self.wait)
        from grokbench.launchers.local import pool

        return pool.launch


def choose(name: str | None, wait: bool = True) -> Choice:
    """Choose a launcher.

    Args:
        name: one of LAUNCHERS; None for that of the settings.
        wait: False to submit jobs to Slurm without awaiting their results.

    Raises:
        SuiteError: the settings file has mistakes, or another launcher than `slurm` is not to wait.
    """
    settings = load_settings()
    chosen = Choice(name or settings.launcher.name, settings, wait)
    if not wait and chosen.name != "slurm":
        raise SuiteError(
            f"{Option('no_wait')}: only jobs of Slurm go on without the command; add {Option('launcher', 'slurm')}"
        )
    return chosen
