"""The two engines that make inputs: atheris, guided by the coverage of GrokBench, or hypothesis."""

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.mutation import mutate
from fuzzing.targets import Target

__all__ = ["ENGINES", "LONGEST", "default_engine", "instrumented", "mutated"]

LONGEST = 2**20  # most bytes of an input
SHARE_OF_LIBFUZZER = 0.1  # the share of atheris's mutations that ignore the file format

Try = Callable[[bytes], None]


def default_engine() -> str:
    """Return "atheris" where it is installed, else "hypothesis"."""
    return "atheris" if importlib.util.find_spec("atheris") else "hypothesis"


@contextmanager
def instrumented(engine: str) -> Iterator[None]:
    """Instrument the modules of GrokBench that are imported in this block: atheris is guided by their coverage."""
    if engine != "atheris":
        yield
        return
    import atheris

    with atheris.instrument_imports(include=["grokbench"]):
        yield


def run_atheris(target: Target, attempt: Try, seconds: float, seed: int, folder: Path) -> None:
    """Fuzz with atheris, which mutates the inputs that reached new code; this process ends afterwards.

    Args:
        target: the target.
        attempt: called with every input.
        seconds: the time until the end.
        seed: decides all choices.
        folder: an empty folder; the initial inputs are written to it.
    """
    import atheris

    for number, base in enumerate(target.inputs):
        (folder / str(number)).write_bytes(base)

    def made(data: bytes, most: int, choice: int) -> bytes:
        rng = Random(choice)
        changed = atheris.Mutate(data, most) if rng.random() < SHARE_OF_LIBFUZZER else mutated(target, data, rng)
        return changed[:most]

    flags = {"max_total_time": max(1, round(seconds)), "seed": seed + 1, "max_len": LONGEST, "artifact_prefix": folder}
    flags |= {"timeout": 0, "rss_limit_mb": 0, "verbosity": 0, "print_final_stats": 0}
    atheris.Setup([sys.argv[0], *(f"-{key}={value}" for key, value in flags.items()), str(folder)], attempt,
                  custom_mutator=made)  # fmt: skip
    atheris.Fuzz()


def run_hypothesis(target: Target, attempt: Try, seconds: float, seed: int, folder: Path) -> None:
    """Fuzz with hypothesis: draw one of the target's inputs and edits of it, until the time is over.

    Args:
        target: the target.
        attempt: called with every input.
        seconds: the time until the end.
        seed: decides all choices.
        folder: not used.
    """
    import hypothesis
    from hypothesis import strategies as st

    end = time.monotonic() + seconds
    options: dict[str, Any] = {"max_examples": 200, "database": None, "deadline": None, "derandomize": False}
    options["suppress_health_check"] = list(hypothesis.HealthCheck)
    options["phases"] = [hypothesis.Phase.generate]
    while time.monotonic() < end:

        @hypothesis.seed(seed)
        @hypothesis.settings(**options)
        @hypothesis.given(st.sampled_from(target.inputs), st.randoms(use_true_random=True))
        def drawn(data: bytes, rng: Random) -> None:
            if time.monotonic() < end:
                attempt(mutated(target, data, rng)[:LONGEST])

        drawn()
        seed += 1


def mutated(target: Target, data: bytes, rng: Random) -> bytes:
    """Mutate an input; in most cases, also repair what the reader checks first."""
    changed = mutate(data, rng, target.form)
    if rng.random() < 0.2:
        return changed
    try:
        return target.mend(changed)
    except Exception:  # what cannot be parsed stays as it is
        return changed


ENGINES = {"atheris": run_atheris, "hypothesis": run_hypothesis}
