"""The time of a whole suite: `grokbench run`, stopped when the time is up and continued by the next call.

Unsaved training of an interrupted call is repeated, so the sum over several calls is an upper bound.
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

__all__ = ["Call", "resume", "summary"]

POLL = 2.0  # seconds between two readings of the folder
GRACE = 20.0  # seconds for the command to save and end


@dataclass(frozen=True)
class Call:
    """The result of one call.

    Attributes:
        seconds: until all replicas were trained, or until the call ended.
        trained: replicas at its end, those of earlier calls included.
        planned: replicas of the suite.
        failed: replicas that failed.
        status: the exit status of the command; None if it was stopped.
    """

    seconds: float
    trained: int
    planned: int
    failed: int
    status: int | None

    @property
    def complete(self) -> bool:
        """True if every replica was trained without failing."""
        return self.trained == self.planned > 0

    def json(self) -> dict[str, Any]:
        """Return JSON data."""
        return {**asdict(self), "complete": self.complete}


def resume(
    suite: str, out: Path, device: str, seconds: float, options: Sequence[str] = (), say: Callable[[str], None] = print
) -> Call:
    """Run or continue a suite. The phase that times the cells, after training, is not counted.

    Args:
        suite: the name of a shipped suite, or a file.
        out: the results folder.
        device: the value of `--device`.
        seconds: the seconds after which the command is stopped.
        options: further options of the command.
        say: prints a line about the progress.
    """
    began = time.monotonic()
    command = [*GROKBENCH, "run", suite, "--out", str(out), "--device", device, *options]
    trained_after = None
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and time.monotonic() - began < seconds:
            time.sleep(min(POLL, max(0.0, began + seconds - time.monotonic())))
            if trained_after is None and _call(out, 0.0, None).complete:
                trained_after = time.monotonic() - began
                say(f"{suite}: every replica is trained after {trained_after:.1f} s; timing follows")
        status = process.poll()
        if status is None:
            process.terminate()
            _wait(process)
    return _call(out, trained_after or time.monotonic() - began, status)


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _call(out: Path, seconds: float, status: int | None) -> Call:
    try:
        counts = count_replicas(Store.load(out))
    except StoreError:  # the folder does not exist yet
        return Call(seconds, 0, 0, 0, status)
    trained = counts["planned"] - counts["missing"] - counts["failed"]
    return Call(seconds, trained, counts["planned"], counts["failed"], status)


def summary(suite: str, calls: Sequence[dict[str, Any]]) -> str:
    """Describe all calls so far in a sentence."""
    last, seconds = calls[-1], sum(call["seconds"] for call in calls)
    count = f"{len(calls)} call{'s' * (len(calls) > 1)}"
    done = "all" if last["complete"] else f"{last['trained']} of {last['planned']}"
    return f"{suite}: {done} replicas trained in {seconds:.1f} s over {count}" + (
        f"; {last['failed']} failed" if last["failed"] else ""
    )
