"""The commands of Slurm: submission, by submitit, the list of jobs, and their end."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokbench.data.folder import data_root
from grokbench.errors import GrokbenchError
from grokbench.launchers.slurm.pack import Pack
from grokbench.settings import settings_file
from grokbench.settings.slurm import SlurmSettings
from grokbench.text.options import Option

__all__ = ["Queue", "SlurmError"]

SECONDS = 60  # seconds that a command of Slurm may take
PROGRAMS = ("sbatch", "squeue", "scancel", "srun")
LIVE = {"PENDING", "RUNNING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SUSPENDED", "CONFIGURING", "COMPLETING"}
LIVE |= {"RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
FULL = ("submit limit", "submitjob", "maxsubmit", "queue limit", "temporarily unable")  # in sbatch's messages


class SlurmError(GrokbenchError):
    """Slurm cannot be used as the settings say; what was finished is saved."""

    exit_status = 1


@dataclass(frozen=True)
class Queue:
    """Slurm's queue.

    Attributes:
        settings: the user's settings.
        directory: the results folder.
    """

    settings: SlurmSettings
    directory: Path

    @property
    def folder(self) -> Path:
        """The folder of submitit's files and the logs; only submitit reads its pickles, in the jobs."""
        if self.settings.folder:
            return Path(self.settings.folder).expanduser()
        name = hashlib.sha256(str(self.directory.resolve()).encode()).hexdigest()[:16]
        return data_root() / "slurm" / name

    def submit(self, name: str, packs: Sequence[Pack]) -> tuple[str, ...]:
        """Submit packs as a job array, and return the id of each job.

        Args:
            name: the name of the jobs, by which `states` finds them.
            packs: the work of each job.

        Raises:
            SlurmError: Slurm or submitit is missing, or Slurm refuses the jobs.
        """
        executor = self._executor(name)
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            return tuple(job.job_id for job in executor.submit_array(list(packs)))
        except (FailedJobError, FailedSubmissionError, ValueError, OSError) as error:
            raise SlurmError(_refused(str(error))) from error

    def _executor(self, name: str) -> Any:
        executor = _submitit().SlurmExecutor(folder=self.folder, max_num_timeout=self.settings.retries)
        memory = {} if self.settings.memory_gb is None else {"mem": f"{int(self.settings.memory_gb * 1024)}M"}
        options = {
            "job_name": name,
            "partition": self.settings.partition,
            "account": self.settings.account,
            "time": self.settings.minutes,
            "cpus_per_task": self.settings.cpus,
            "gpus_per_node": self.settings.gpus or None,
            "array_parallelism": self.settings.at_once,
            "setup": list(self.settings.setup) or None,
            "stderr_to_stdout": True,
            "additional_parameters": {"requeue": True, **memory, **self.settings.sbatch},
        }
        executor.update_parameters(**{key: value for key, value in options.items() if value is not None})
        return executor

    def states(self, name: str) -> dict[int, str]:
        """Return the state of each job of an array that Slurm knows, by its number, such as {0: "RUNNING"}.

        Raises:
            SlurmError: Slurm does not answer.
        """
        rows = _run("squeue", "-h", "-r", "-t", "all", "-n", name, "-o", "%i|%T")  # no header, a row for each job
        found = {}
        for job, _, state in (row.partition("|") for row in rows.splitlines() if "|" in row):
            number = job.partition("_")[2]
            found[int(number) if number.isdecimal() else 0] = state.strip()
        return found

    def cancel(self, name: str) -> None:
        """End the jobs of an array."""
        _run("scancel", "-n", name)


def _submitit() -> Any:
    """Return submitit's module for Slurm; raise SlurmError if it or Slurm is missing."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise SlurmError(
            f"{Option('launcher', 'slurm')}: there is no program {missing[0]} here; give the command on a login node "
            f"of the cluster, or use {Option('launcher', 'local')}"
        )
    try:
        from submitit.slurm import slurm
    except ImportError as error:
        raise SlurmError(
            f"{Option('launcher', 'slurm')} needs submitit: `pip install 'grokbench[slurm]'`, and give the same "
            "command again"
        ) from error
    return slurm


def _refused(error: str) -> str:
    """Say why sbatch refused the jobs."""
    said = [line for line in error.splitlines() if "error:" in line] or error.strip().splitlines()[-1:]
    why = "; ".join(line.split("error:")[-1].strip() for line in said)
    if any(word in why.lower() for word in FULL):
        todo = "wait until earlier jobs have ended"
    else:
        todo = f"correct `launcher: slurm:` in {settings_file()}"
    return f"Slurm refused the jobs ({why}); {todo}, and give the same command again: what is finished is kept"


def _run(*command: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SlurmError(
            f"`{command[0]}` does not answer ({error}); the jobs go on, give the same command again"
        ) from error
    if done.returncode:
        raise SlurmError(
            f"`{command[0]}` failed ({done.stderr.strip()}); the jobs go on, give the same command again later"
        )
    return done.stdout
