"""How long a whole suite takes: `grokbench run`, stopped when the time is up, gone on with by the next call.

What an interrupted call had trained and not saved is trained again, so the sum over several calls is an upper bound.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.startup import GROKBENCH
from grokbench.errors import StoreError
from grokbench.store import Store
from grokbench.store.status import count_replicas

__all__ = ["Leg", "go_on", "summary"]

POLL = 2.0  # seconds between two looks at the folder
GRACE = 20.0  # seconds to save and end in


@dataclass(frozen=True)
class Leg:
    """What one call did."""

    seconds: float  # until all replicas were trained, or the call ended
    trained: int  # replicas at its end, those of earlier calls included
    planned: int
    failed: int
    status: int | None  # of the command; None where it had to be stopped

    @property
    def complete(self) -> bool:
        """Whether every replica was trained without failing."""
        return self.trained == self.planned > 0

    def json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "complete": self.complete}


def go_on(
    suite: str, out: Path, device: str, seconds: float, options: Sequence[str] = (), say: Callable[[str], None] = print
) -> Leg:
    """Run a suite into a folder for so many seconds at most. Its timing phase, after the training, is not counted."""
    began = time.monotonic()
    command = [*GROKBENCH, "run", suite, "--out", str(out), "--device", device, *options]
    trained_after = None
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and time.monotonic() - began < seconds:
            time.sleep(min(POLL, max(0.0, began + seconds - time.monotonic())))
            if trained_after is None and _leg(out, 0.0, None).complete:
                trained_after = time.monotonic() - began
                say(f"{suite}: every replica is trained after {trained_after:.1f} s; timing follows")
        status = process.poll()
        if status is None:
            process.terminate()
            _wait(process)
    return _leg(out, trained_after or time.monotonic() - began, status)


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _leg(out: Path, seconds: float, status: int | None) -> Leg:
    try:
        counts = count_replicas(Store.load(out))
    except StoreError:  # not begun yet
        return Leg(seconds, 0, 0, 0, status)
    trained = counts["planned"] - counts["missing"] - counts["failed"]
    return Leg(seconds, trained, counts["planned"], counts["failed"], status)


def summary(suite: str, legs: Sequence[dict[str, Any]]) -> str:
    """All calls so far, in a sentence."""
    last, seconds = legs[-1], sum(leg["seconds"] for leg in legs)
    calls = f"{len(legs)} call{'s' * (len(legs) > 1)}"
    done = "all" if last["complete"] else f"{last['trained']} of {last['planned']}"
    return f"{suite}: {done} replicas trained in {seconds:.1f} s over {calls}" + (
        f"; {last['failed']} failed" if last["failed"] else ""
    )
