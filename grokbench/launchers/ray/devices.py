"""The workers for which a Ray cluster has places."""

import os

from grokbench.errors import SuiteError
from grokbench.launchers.ray.cluster import ClusterError
from grokbench.launchers.ray.connection import TOO_SMALL, connected
from grokbench.settings.ray import RaySettings
from grokbench.text.options import Option

__all__ = ["devices", "has_address"]


def has_address(settings: RaySettings) -> bool:
    """Return whether the cluster exists already; otherwise the command starts one on this machine."""
    return bool(settings.address or os.environ.get("RAY_ADDRESS"))


def devices(settings: RaySettings, choice: str) -> tuple[str, ...]:
    """Return the device of each worker on an existing cluster.

    Args:
        settings: the user's settings.
        choice: the value of `--device`: "cpu", "cuda", or "auto" for CUDA if the cluster has GPUs.

    Returns:
        "cpu" for each worker; or "cuda:0" for each worker of the first GPU, "cuda:1" for those of the second, and so
        on. On its node every worker sees only its own GPU.

    Raises:
        SuiteError: the choice names single devices.
        ClusterError: there is no such cluster, or it has no place for a worker.
    """
    if choice not in ("auto", "cpu", "cuda"):
        raise SuiteError(f"{Option('device', choice)}: expected auto, cpu or cuda, because Ray chooses the GPUs")
    with connected(settings, 0.0) as cluster:
        with_gpus = cluster.with_gpus(1 / settings.workers_per_gpu)
        cuda = choice == "cuda" or (choice == "auto" and with_gpus.has_place())
        places = with_gpus.places() if cuda else cluster.places()
        if not places:
            raise ClusterError(TOO_SMALL.format(need=with_gpus.need, largest=with_gpus.largest))
    count = settings.workers or places
    return tuple(f"cuda:{i // settings.workers_per_gpu}" for i in range(count)) if cuda else ("cpu",) * count
