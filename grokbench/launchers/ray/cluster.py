"""A connected Ray cluster: its nodes, and the workers that it has places for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from grokbench.errors import GrokbenchError
from grokbench.launchers.ray.remote_worker import RemoteWorker
from grokbench.text.headline import headline

__all__ = ["Cluster", "ClusterError", "LostError"]

CLOSES_WITHIN = 3.0  # seconds that workers have to end their processes before they are killed
CALLS = 3  # methods of a worker that may run at once: fetch, stop, close
ROUNDING = 1e-9  # 4 GPUs have 12 places for thirds
DEAD = "The actor is dead because "  # Ray writes the reason after these words


class ClusterError(GrokbenchError):
    """A Ray cluster cannot be used as the settings say; what was finished is saved."""


class LostError(Exception):
    """A worker did not answer and cannot any more; the message says why."""


@dataclass(frozen=True)
class Cluster:
    """A connected cluster, which finds places for workers.

    Attributes:
        ray: the module.
        cpus: CPUs for each worker.
        gpus: GPUs for each worker, or the part of one.
    """

    ray: Any
    cpus: float
    gpus: float

    @property
    def need(self) -> str:
        """The needs of a worker in words."""
        return f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "") + " for a worker"

    @property
    def largest(self) -> str:
        """The resources of the nodes in words."""
        nodes = [(each.get("CPU", 0), each.get("GPU", 0)) for each in self._nodes()]
        return "it has " + (", ".join(f"{cpu:g} CPU and {gpu:g} GPU" for cpu, gpu in nodes) or "no node")

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    def with_gpus(self, gpus: float) -> "Cluster":
        """Return the cluster for workers with GPUs, or with a part of one each."""
        return replace(self, gpus=gpus)

    def has_place(self) -> bool:
        """Return whether a node is large enough for a worker, whether or not it is free."""
        return any(each.get("CPU", 0) >= self.cpus and each.get("GPU", 0) >= self.gpus for each in self._nodes())

    def places(self) -> int:
        """Return the number of workers for which the nodes are large enough."""
        needs = {name: need for name, need in (("CPU", self.cpus), ("GPU", self.gpus)) if need}
        fits = [min(each.get(name, 0) / need for name, need in needs.items()) for each in self._nodes()]
        return sum(int(fit + ROUNDING) for fit in fits)

    def start_worker(self) -> Any:
        """Start a worker as soon as a node has a place; return Ray's handle."""
        actor = self.ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_concurrency=CALLS)(RemoteWorker)
        return actor.remote()

    def end_workers(self, actors: Sequence[Any]) -> None:
        """End workers and their processes."""
        closing = [actor.close.remote() for actor in actors]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=CLOSES_WITHIN)
        for actor in actors:
            self.ray.kill(actor)

    def wait(self, calls: Sequence[Any], seconds: float) -> list[Any]:
        """Wait for an answer, and return the calls that have one."""
        ready, _ = self.ray.wait(list(calls), num_returns=len(calls), timeout=0)
        return ready or self.ray.wait(list(calls), num_returns=1, timeout=seconds)[0]

    def answer(self, call: Any) -> Any:
        """Return the answer of a call.

        Raises:
            LostError: the worker or its node has ended, or the call failed.
        """
        try:
            return self.ray.get(call)
        except self.ray.exceptions.RayError as error:
            raise LostError(_reason(error)) from error


def _reason(error: Any) -> str:
    """Return the reason that Ray gives, in one line."""
    if (cause := getattr(error, "cause", None)) is not None and isinstance(cause, Exception):
        return f"{type(cause).__name__}: {headline(str(cause))}"
    if type(error).__name__ == "ActorUnavailableError":
        return "Ray cannot reach it"
    text = str(error)
    return headline(text[text.find(DEAD) + len(DEAD) :] if DEAD in text else text).partition(". ")[0].rstrip(".")
