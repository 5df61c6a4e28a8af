"""Jobs that greet, break and die, workers for them, and the events that return."""

import importlib
import os
import sys
import time
from contextlib import closing

from grokbench.events import Started
from grokbench.launchers.interface import Worker
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.local import pool

TORCH = """\
import os
from types import SimpleNamespace

threads = None


def set_num_threads(count):
    global threads
    threads = count


def set_flush_denormal(mode):
    return mode


said = []
broken = False


def zeros(size, device):
    # the device is one process's alone
    taken = os.path.join(os.path.dirname(__file__), "taken" if device != "cuda:9" else "torch.py")
    try:
        os.close(os.open(taken, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise RuntimeError("CUDA error: CUDA-capable device(s) is/are busy or unavailable\\nmore lines") from None


def synchronize(device):
    if broken:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


cuda = SimpleNamespace(
    set_device=said.append,
    set_per_process_memory_fraction=lambda share, device: said.append((share, device)),
    synchronize=synchronize,
)
backends = SimpleNamespace(
    cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=True)), cudnn=SimpleNamespace(allow_tf32=True)
)
"""


JOBS = """\
import os
import signal
import time
from dataclasses import dataclass

from grokbench.records import Outcome, Run


@dataclass(frozen=True)
class Job:
    name: str

    resumable = False

    def without(self, done):
        return self

    def without_compiled_code(self, why):
        return None

    def failed(self, error):
        yield f"{self.name} failed: {error}"


class Agree(Job):
    # A comparison with the command that finds no difference.
    expected = {}

    def run(self, worker, registry):
        yield from ()


class Disagree(Agree):
    def run(self, worker, registry):
        from grokbench.events import Notice

        yield Notice("another source")


class Greet(Job):
    def run(self, worker, registry):
        yield f"hello from {self.name}"
        yield f"goodbye from {self.name}"


class Stamp(Job):
    def run(self, worker, registry):
        began = time.time()
        time.sleep(0.05)
        yield self.name, os.getpid(), began, time.time()


class Look(Job):
    def run(self, worker, registry):
        import torch

        tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        yield worker, torch.threads, tf32, registry is not None, dict(os.environ)


class Hear(Job):
    def run(self, worker, registry):
        import torch

        yield torch.said


class Break(Job):
    def run(self, worker, registry):
        import torch

        yield os.getpid()
        os.remove(os.path.join(os.path.dirname(torch.__file__), "taken"))
        torch.broken = True
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


class Raise(Job):
    def run(self, worker, registry):
        yield f"begun {self.name}"
        raise RuntimeError("boom")


class Unspeakable(Job):
    def run(self, worker, registry):
        yield lambda: None


class Spend(Job):
    def run(self, worker, registry):
        import sys
        from types import SimpleNamespace

        broken = SimpleNamespace(GraphCapture=SimpleNamespace(broken=True))  # the fake torch has no engine
        sys.modules["grokbench.engine.cuda_graphs"] = broken
        os.remove(os.path.join(os.path.dirname(__file__), "taken"))
        yield os.getpid()


class Refused(Job):
    def run(self, worker, registry):
        raise ConnectionRefusedError("a plugin's own server is down")


class Die(Job):
    def run(self, worker, registry):
        os.kill(os.getpid(), signal.SIGKILL)
        yield


class Exit(Job):
    def run(self, worker, registry):
        os._exit(3)
        yield


class Interrupted(Job):
    def run(self, worker, registry):
        os.kill(os.getpid(), signal.SIGINT)
        yield "still here"


class Beat(Job):
    def run(self, worker, registry):
        for _ in range(600):
            yield os.getpid()
            time.sleep(0.05)


class Silent(Job):
    def run(self, worker, registry):
        yield os.getpid()
        time.sleep(600)


class Half(Job):
    # Two replicas: one is done when the worker dies.

    def run(self, worker, registry):
        yield Run("id", 1, Outcome.GROKKED, 5, None, 5)
        os.kill(os.getpid(), signal.SIGKILL)

    def without(self, done):
        assert done == {1}
        return Half("half of half")

    def failed(self, error):
        seeds = (1, 2) if self.name == "half" else (2,)
        yield from (Run("id", seed, Outcome.FAILED, None, None, 0, error=error) for seed in seeds)


class Sleep(Job):
    # No progress, at any attempt.

    def run(self, worker, registry):
        yield os.getpid()
        time.sleep(600)


class Slow(Job):
    # Steps, but no events.

    def run(self, worker, registry):
        from grokbench.records.activity import ACTIVITY

        for _ in range(20):
            ACTIVITY.steps += 1
            time.sleep(0.1)
        yield "done"


class Stop(Job):
    def run(self, worker, registry):
        yield os.getpid()
        os.kill(os.getpid(), signal.SIGSTOP)


class Fork(Job):
    # The worker is killed; its child holds the pipe.

    def run(self, worker, registry):
        if os.fork() == 0:
            time.sleep(8)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)
        yield


class Close(Job):
    def run(self, worker, registry):
        os.closerange(3, 100)
        yield "lost"


class Partial(Job):
    # Half a message, then nothing.

    def run(self, worker, registry):
        from multiprocessing import parent_process

        import gc
        from multiprocessing.connection import Connection

        pipe = next(each for each in gc.get_objects() if isinstance(each, Connection) and each.writable)
        os.write(pipe.fileno(), (100).to_bytes(4, "big") + b"x")
        time.sleep(600)
        yield


class Leave(Job):
    def run(self, worker, registry):
        raise SystemExit(5)
        yield


@dataclass(frozen=True)
class Compiled(Job):
    # Ends by a signal, or stalls, as long as it uses compiled code.
    signal: int
    why: str = ""

    def without_compiled_code(self, why):
        return None if self.why else Compiled(self.name, self.signal, why)

    def run(self, worker, registry):
        if self.why:
            yield f"without compiled code: {self.why}"
        elif self.signal:
            os.kill(os.getpid(), self.signal)
        else:
            time.sleep(600)


class Train(Job):
    # Stops with a checkpoint when it is asked to.
    resumable = True

    @property
    def cells(self):
        from types import SimpleNamespace

        return (SimpleNamespace(identity=self.name),)

    def run(self, worker, registry):
        from grokbench.records.activity import ACTIVITY

        yield os.getpid()
        while not ACTIVITY.stopping:
            ACTIVITY.steps += 1
            time.sleep(0.01)
        with open(os.path.join(os.path.dirname(__file__), f"{self.name}.checkpoint"), "w") as file:
            file.write("written")
        yield "the last event"


class Hush(Train):
    # Stops without a last event.

    def run(self, worker, registry):
        from grokbench.records.activity import ACTIVITY

        yield os.getpid()
        while not ACTIVITY.stopping:
            time.sleep(0.01)
"""


def fake_jobs(folder, monkeypatch):
    """The module of the jobs, which workers import too, beside a stand-in for torch."""
    (folder / "torch.py").write_text(TORCH, encoding="utf-8")
    (folder / "launcher_jobs.py").write_text(JOBS, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    sys.modules.pop("launcher_jobs", None)
    return importlib.import_module("launcher_jobs")


def cpu_workers(count=1):
    return [Worker("cpu", "float32", (), {"number": number}) for number in range(count)]


def launch(stages, workers, limits=TimeLimits()):  # noqa: B008 - frozen
    """What `pool.launch` yields, without the starts of jobs."""
    with closing(pool.launch(stages, workers, limits)) as found:
        yield from ((job, event) for job, event in found if not isinstance(event, Started))


def events(*stages, workers=1, limits=TimeLimits()):  # noqa: B008 - frozen
    return [event for _, event in launch(stages, cpu_workers(workers), limits)]


def gone(pid):
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
