"""A worker process that fuzzes, and its supervisor, which survives crashes and kills a worker that hangs."""

import hashlib
import multiprocessing
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzzing.examination import BYTES, IDLE, SECONDS, Find, examine

__all__ = ["Job", "Report", "supervise"]

# An input may take this many times the time limit; after that, the supervisor kills a worker that has not ended it.
GRACE = 2 * (IDLE + 1)  # an input that takes too long is read twice
ADDRESSES = 4  # the address space may grow by this many times the memory limit, which protects the machine
MAKING = 300.0  # most seconds in which a worker makes its target, which may compile and import everything
MOST_WORKERS = 20  # most workers of a target, one after the other: each may die at an input
PAUSE = 0.2  # seconds between two looks at the worker


@dataclass(frozen=True)
class Job:
    """A request to fuzz one target.

    Attributes:
        target: one of `targets.TARGETS`, or the path of a module, see `targets.make_target`.
        engine: a key of `engines.ENGINES`.
        seconds: the duration, counted from when the target is made.
        finds: a folder; a find is written to `finds/TARGET/HASH`, its traceback beside it.
        seed: decides the choices of the engine.
        most_seconds: the time limit of an input, see `examination.SECONDS`.
        most_bytes: the memory limit of an input.
    """

    target: str
    engine: str
    seconds: float
    finds: Path
    seed: int = 0
    most_seconds: float = SECONDS
    most_bytes: int = BYTES

    @property
    def grace(self) -> float:
        """The seconds after which the supervisor ends an input."""
        return GRACE * self.most_seconds


@dataclass(frozen=True)
class Report:
    """The result of fuzzing.

    Attributes:
        inputs: the number of inputs that were examined.
        finds: the files of the finds: one input for each place.
    """

    inputs: int
    finds: list[Path]


class _Shared:
    """The numbers that worker and supervisor share, and the file that holds the present input."""

    def __init__(self, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.began = context.Value("d", 0.0, lock=False)  # of the present input; 0 between inputs
        self.ready = context.Value("d", 0.0, lock=False)  # the time at which the target was made
        self.inputs = context.Value("q", 0, lock=False)
        self.current = folder / "current"


def supervise(job: Job) -> Report:
    """Fuzz a target in worker processes, one after the other; the input at which a worker dies or hangs is a find.

    Args:
        job: what is fuzzed.
    """
    before, left, rounds = set(_found(job)), job.seconds, 0
    with TemporaryDirectory(prefix="fuzzing-", ignore_cleanup_errors=True) as name:
        shared = _Shared(Path(name))
        while rounds == 0 or (left > 1 and rounds < MOST_WORKERS):
            _one_worker(job, shared, Path(name) / str(rounds), left, job.seed + 1000 * rounds)
            left, rounds = left - (time.monotonic() - shared.ready.value), rounds + 1
    return Report(shared.inputs.value, [file for file in _found(job) if file not in before])


def _one_worker(job: Job, shared: _Shared, folder: Path, seconds: float, seed: int) -> None:
    """Run a worker until it ends, is stuck, or has used up its time."""
    folder.mkdir()
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(job, shared, folder, seconds, seed))
    worker.start()
    shared.ready.value = time.monotonic() + MAKING  # the worker sets it sooner
    while worker.is_alive() and time.monotonic() < shared.ready.value + seconds + job.grace and not _stuck(job, shared):
        worker.join(PAUSE)
    stuck, alive = _stuck(job, shared), worker.is_alive()
    if alive:
        worker.kill()
        worker.join()
    if stuck:
        save(job, shared.current.read_bytes(), Find("hang", "hang", f"no end within {job.grace:.0f} s"))
    elif not alive and worker.exitcode and shared.began.value:
        text = f"the process ended with exit code {worker.exitcode}"
        save(job, shared.current.read_bytes(), Find("death", text, text))
    elif not alive and worker.exitcode:
        raise RuntimeError(f"{job.target}: the worker ended with exit code {worker.exitcode} before its first input")
    shared.began.value = 0.0


def _stuck(job: Job, shared: _Shared) -> bool:
    return 0.0 < shared.began.value < time.monotonic() - job.grace


def _work(job: Job, shared: _Shared, folder: Path, seconds: float, seed: int) -> None:
    """Make the target and run the engine; the process ends after a find of memory, since its peak cannot be lowered."""
    from fuzzing.engines import ENGINES, instrumented

    warnings.simplefilter("ignore")
    (folder / "target").mkdir()
    (folder / "inputs").mkdir()
    with instrumented(job.engine):
        from fuzzing.targets import make_target

        target = make_target(job.target, folder / "target")
    shared.ready.value = time.monotonic()
    _bound_memory(ADDRESSES * job.most_bytes)

    def attempt(data: bytes) -> None:
        if _file(job, data).exists():  # it would end this process, too
            return
        shared.current.write_bytes(data)
        shared.began.value = time.monotonic()
        find = examine(target.read, data, job.most_seconds, job.most_bytes)
        shared.began.value = 0.0
        shared.inputs.value += 1
        if find and save(job, data, find) and find.kind == "memory":
            raise SystemExit

    for base in target.inputs:
        attempt(base)
    ENGINES[job.engine](
        target, attempt, max(1.0, shared.ready.value + seconds - time.monotonic()), seed, folder / "inputs"
    )


def _bound_memory(more: int) -> None:
    """Limit the address space of this process, if the platform allows it."""
    try:
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + more, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ImportError, OSError, ValueError):
        pass


def _folder(job: Job) -> Path:
    return job.finds / job.target


def _file(job: Job, data: bytes) -> Path:
    return _folder(job) / hashlib.sha256(data).hexdigest()[:16]


def _found(job: Job) -> list[Path]:
    return sorted(file for file in _folder(job).glob("*") if file.suffix != ".txt")


def save(job: Job, data: bytes, find: Find) -> bool:
    """Write a find and print its traceback; return False for an exception whose place has a find already.

    Args:
        job: what is fuzzed.
        data: the input.
        find: the failure.
    """
    file, about = _file(job, data), f"{find.kind}: {find.place}\n"
    known = any(each.read_text().startswith(about) for each in _folder(job).glob("*.txt"))
    if known and " at " in find.place:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    file.with_suffix(".txt").write_text(about + find.text, encoding="utf-8", errors="backslashreplace")
    print(f"{job.target}: {about}  {file}\n{find.text}", flush=True)
    return True
