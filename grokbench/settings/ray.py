"""The section `launcher: ray:` of the user's settings file."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field

from grokbench.records.bounds import JsonObject

__all__ = ["RaySettings"]

MOST_WORKERS = 10_000
Workers = Annotated[int, Field(strict=True, ge=1, le=MOST_WORKERS)]


@dataclass(frozen=True)
class RaySettings:
    """The settings of the launcher `ray`.

    Attributes:
        address: the address of the cluster, such as `10.0.0.1:6379`, or `auto` for the one on this machine. None: that
            of $RAY_ADDRESS; without it, a cluster on this machine that the command starts and ends.
        workers: the number of workers. None: as many as the cluster's CPUs or GPUs allow.
        cpus: CPUs for each worker, which has one thread.
        workers_per_gpu: the workers that share a GPU, as far as they use one.
        retries: how often a job starts again after its worker or node is lost.
        runtime_env: Ray's description of the workers' environment, such as `{env_vars: {GROKBENCH_DATA: /data}}`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    address: str | None = None
    workers: Workers | None = None
    cpus: Annotated[float, Field(gt=0, le=MOST_WORKERS)] = 1
    workers_per_gpu: Workers = 2
    retries: Annotated[int, Field(strict=True, ge=0, le=1000)] = 2
    runtime_env: JsonObject = field(default_factory=dict)
