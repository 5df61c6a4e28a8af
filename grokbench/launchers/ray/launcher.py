"""The launcher `ray`: workers on the nodes of a Ray cluster."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from grokbench.events import Event
from grokbench.launchers.agreement import Agreement
from grokbench.launchers.interface import Job, Stage, Worker
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.ray.connection import connected
from grokbench.launchers.ray.plugin_files import collect
from grokbench.launchers.ray.pool import RemotePool
from grokbench.launchers.ray.remote_worker import Settings
from grokbench.launchers.signals import PendingSignal, deferring_signals
from grokbench.settings.ray import RaySettings

__all__ = ["RayLauncher"]


@dataclass(frozen=True)
class RayLauncher:
    """The launcher `ray`, see `Launcher`.

    Attributes:
        settings: the user's settings.
        agreement: a function that makes the comparison that precedes a worker's first job.
    """

    settings: RaySettings
    agreement: Callable[[], Agreement]

    def __call__(
        self,
        stages: Iterable[Stage],
        workers: Sequence[Worker],
        limits: TimeLimits = TimeLimits(),  # noqa: B008 - frozen
    ) -> Generator[tuple[Job, Event], None, None]:
        """Run the jobs of every stage, one stage after the other; the cluster is connected for the first job."""
        with deferring_signals() as signalled, ExitStack() as stack:
            pool: RemotePool | None = None
            for stage in stages:
                if stage.jobs and signalled.number is None:
                    pool = pool or self._pool(workers, limits, signalled, stack)
                    yield from pool.work(stage)
                if signalled.number is not None:
                    return

    def _pool(
        self, workers: Sequence[Worker], limits: TimeLimits, signalled: PendingSignal, stack: ExitStack
    ) -> "RemotePool":
        gpus = 0.0 if workers[0].device == "cpu" else 1 / self.settings.workers_per_gpu
        plugins, agreement = collect(workers[0].plugins), self.agreement()
        cluster = stack.enter_context(connected(self.settings, gpus))
        settings = [Settings(self._of_node(worker), plugins, limits, agreement) for worker in workers]
        pool = RemotePool(cluster, settings, limits, self.settings.retries, signalled)
        stack.callback(pool.stop)
        return pool

    def _of_node(self, worker: Worker) -> Worker:
        """Return the settings of a worker as its node needs them: Ray shows it one GPU, or a part of one."""
        if worker.device == "cpu":
            return worker
        return replace(worker, device="cuda:0", sharing=self.settings.workers_per_gpu)
