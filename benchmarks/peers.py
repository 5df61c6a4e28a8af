"""The engine's ways of running and JAX, each in one process on one thread or one CUDA device.

All of them train the seeds of one worker. A turn continues a peer's training for some seconds, evaluations included.
The start, tracing and compilation before the first turn are not timed. To add a way of running, add an entry to PEERS.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch

from benchmarks import grouped
from benchmarks.cases import Case
from benchmarks.competitors import Competitor, Figure
from benchmarks.gauge import SIZES, RateProbe, Rates
from benchmarks.memory import keep_freed_memory
from grokbench import engine
from grokbench.engine import executors
from grokbench.engine.executors import EagerExecutor, Executor
from grokbench.engine.loop import TrainingLoop
from grokbench.launchers.interface import Worker
from grokbench.step import Step

__all__ = ["PEERS", "Peer", "competitor", "one_thread", "own_rates", "seeds_of_a_worker"]

WARM_UP = 3  # evaluations, and the epochs after each, in which graphs are recorded, checked and captured
ENDLESS = 10**9  # epochs
FLAGS = {  # environment variables, which JAX reads on import: one thread, or only as much device memory as is used
    "cpu": {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "NPROC": "1"},
    "cuda": {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
}

Further = Callable[[], int]  # trains until at least the next evaluation, and returns the epochs


@dataclass(frozen=True)
class Peer:
    """A way of training all seeds of a case.

    Attributes:
        start: initialises the seeds.
        lacks: says why a case cannot be trained in this way; None if it can.
    """

    start: Callable[[Case], Further]
    lacks: Callable[[Case], str | None] = lambda case: None


def way(make: Callable[[Step, str], Executor]) -> Peer:
    """Return the peer that trains by the engine with an executor, in the groups of `grokbench run`."""

    def start(case: Case) -> Further:
        endless, dtype = replace(case.cell, budget=ENDLESS), engine.DTYPES[case.precision]
        groups = [training.seeds for training in grouped.groups(case)]
        made = [(make(case.step, case.device), seeds) for seeds in groups]
        loops = [TrainingLoop.begin(endless, case.step, *each, case.device, dtype, None) for each in made]
        return lambda: [_further(loop) for loop in loops][0]

    return Peer(start)


def _further(loop: TrainingLoop) -> int:
    """Evaluate a group and train it until its next evaluation, as `engine.train` does."""
    before = loop.epoch
    for evaluation in loop.evaluate():
        for _ in loop.read_back(evaluation):
            pass
    loop.advance(stoppable=False)
    return loop.epoch - before


def later(name: str, make: Callable[[Step, str], Executor]) -> Peer:
    """Return the peer that trains by an executor of `engine.executors`; it cannot train if there is no class `name`."""
    if hasattr(executors, name):
        return way(make)
    return Peer(lambda case: lambda: 0, lambda case: f"the engine has no {name}")


def flat(step: Step, device: str) -> Executor:
    """Make an executor of flat graphs, which are recorded in the first calls."""
    make: Any = executors.make_executor
    return make(step, device, record_after=0)


def compiled(step: Step, device: str) -> Executor:
    """Make an executor of compiled graphs, captured on CUDA."""
    make: Any = executors.make_executor
    return make(step, device, compiled=True)


def jax_start(kind: str, case: Case) -> Further:
    """Initialise and compile the JAX loop of a kind."""
    from benchmarks import jax_loop

    loop = jax_loop.start(case, kind)

    def further() -> int:
        loop.advance()
        return loop.epochs

    return further


def jax_lacks(case: Case) -> str | None:
    """Say why JAX cannot train a case."""
    if find_spec("jax") is None:
        return "JAX is not installed: pip install 'grokbench[jax]'"
    import jax

    from benchmarks.jax_parts import lacks

    try:
        jax.devices(case.device.split(":")[0])
    except RuntimeError:
        return "JAX sees no CUDA device: pip install 'jax[cuda13]'"
    return lacks(case)


EAGER, JAX = way(lambda step, device: EagerExecutor(step)), Peer(partial(jax_start, "vmap"), jax_lacks)
FLAT, COMPILED = later("FlatExecutor", flat), later("CompiledExecutor", compiled)
PEERS: Mapping[str, Mapping[str, Peer]] = {
    "cpu": {
        "eager": EAGER,
        "flat": FLAT,
        "compiled": COMPILED,
        "jax": JAX,
        "jax map": Peer(partial(jax_start, "map"), jax_lacks),
    },
    "cuda": {"eager": EAGER, "captured": way(executors.make_executor), "compiled": COMPILED, "jax": JAX},
}


def competitor(peer: Peer, seconds: float) -> Competitor:
    """Make a competitor of a peer; its rounds are turns of some seconds."""

    def prepare(case: Case) -> Callable[[], Figure]:
        began = time.perf_counter()
        further = peer.start(case)
        for _ in range(WARM_UP):
            further()
        engine.synchronize(case.device)
        ready = time.perf_counter() - began
        return lambda: _turn(case, further, seconds, ready)

    return prepare


def _turn(case: Case, further: Further, seconds: float, ready: float) -> Figure:
    """Train for some seconds; the detail `cpu` has the processor's seconds, which one thread cannot exceed."""
    began, used, epochs = time.perf_counter(), time.process_time(), 0
    while epochs == 0 or time.perf_counter() - began < seconds:
        epochs += further()
    engine.synchronize(case.device)
    seed_epochs = epochs * len(case.seeds)
    elapsed, cpu = time.perf_counter() - began, time.process_time() - used
    return Figure(elapsed / seed_epochs, {"cpu": cpu / seed_epochs, "epochs": epochs, "ready": ready})


@contextmanager
def one_thread(device: str) -> Iterator[None]:
    """While active, torch computes on one thread of a CPU; so does JAX, if it is imported here for the first time.

    From now on memory is allocated as in the engine's workers.
    """
    threads = torch.get_num_threads()
    keep_freed_memory()
    os.environ.update({**FLAGS[device.split(":")[0]], **os.environ})
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def own_rates(device: str, rate_probe: RateProbe | None = None) -> Iterator[Rates]:
    """Yield the rates of this process, measured anew for each."""
    kind = device.split(":")[0]
    while True:
        yield from (rate_probe or SIZES[kind]).run(Worker(device, "float32", (), {}), None)


def seeds_of_a_worker(seeds: int, device: str) -> int:
    """Return the seeds that one of the workers trains, at least two."""
    return max(2, -(-seeds // grouped.cores(device)))
