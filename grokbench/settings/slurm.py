"""The section `launcher: slurm:` of the user's settings file."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field

__all__ = ["SlurmSettings"]

MOST = 100_000
Count = Annotated[int, Field(strict=True, ge=1, le=MOST)]
Some = Annotated[int, Field(strict=True, ge=0, le=MOST)]
Option = str | bool | int | float


@dataclass(frozen=True)
class SlurmSettings:
    """The settings of the launcher `slurm`.

    Attributes:
        partition: the partition of the jobs; None for the cluster's default.
        account: the account that is charged; None for the user's default.
        minutes: the time limit of a job. A job that reaches it writes checkpoints and is requeued.
        memory_gb: the memory of a job in GB; None for the cluster's default.
        cpus: the CPUs of a job. On CPUs a job trains so many groups at once.
        gpus: the GPUs of a job; 0 to train on CPUs.
        workers_per_gpu: the workers that share a GPU.
        groups_per_job: the groups of replicas that a job trains; None: four for each that it trains at once.
        at_once: the most jobs that may run at once.
        retries: how often a group is submitted again after its job was lost, and how often a job may reach its limit.
        setup: lines of shell that prepare the environment, such as `module load cuda`.
        sbatch: further options of `sbatch`, such as `{constraint: a100}`.
        folder: a folder for submitit's files and the logs, which all nodes share. None: one in ~/.cache/grokbench.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    partition: str | None = None
    account: str | None = None
    minutes: Count = 240
    memory_gb: Annotated[float, Field(gt=0, le=MOST)] | None = None
    cpus: Count = 1
    gpus: Some = 0
    workers_per_gpu: Count = 2
    groups_per_job: Count | None = None
    at_once: Count = 64
    retries: Some = 2
    setup: tuple[str, ...] = ()
    sbatch: dict[str, Option] = field(default_factory=dict)
    folder: str | None = None

    @property
    def devices(self) -> tuple[str, ...]:
        """The device of each worker of a job."""
        if not self.gpus:
            return ("cpu",) * self.cpus
        return tuple(f"cuda:{i // self.workers_per_gpu}" for i in range(self.gpus * self.workers_per_gpu))
