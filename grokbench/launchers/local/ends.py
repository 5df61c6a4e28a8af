"""Sentences about worker processes that ended, made no progress, or exceeded a limit."""

import signal

from grokbench.launchers.local.worker import CLOSED
from grokbench.text.options import Option

__all__ = ["FAULTS", "STOPPING", "UNCOMPILED", "crashed", "stalled", "took_too_long"]

STOPPING = "stopping after the checkpoints are written; a second signal stops at once"
# Exit codes of a process that ended by a fault of its own code, unlike one that was killed or exited.
FAULTS = {
    -getattr(signal, name) for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL") if hasattr(signal, name)
}
UNCOMPILED = "it starts again without compiled code"


def crashed(exit_code: int | None, frames: str) -> str:
    """Describe a process that ended by itself.

    Args:
        exit_code: the exit status, or minus the number of the signal that ended the process. None: the process is
            alive, but its pipe is closed.
        frames: where the process was, from the innermost frame on; empty if it is not known.
    """
    if exit_code is None or exit_code == CLOSED:
        return _with("the worker process closed its connection to the run, and was stopped", frames)
    return _with(f"the worker process ended with exit code {exit_code}{_cause(exit_code)}", frames)


def _cause(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return ": it was killed, most often because the machine ran out of memory"
    try:
        return f" ({signal.Signals(-exit_code).name})" if exit_code < 0 else ""
    except ValueError:
        return ""


def stalled(seconds: float, attempts: int, frames: str) -> str:
    """Describe a job whose process showed no progress at any attempt.

    Args:
        seconds: the time without progress at the last attempt.
        attempts: the number of attempts.
        frames: where the process was at the last attempt; empty if it is not known.
    """
    return _with(
        f"no progress for {seconds:.0f} s at each of {attempts} attempts, so the worker process was stopped; a step "
        f"that takes longer needs a longer {Option('stall_timeout')}",
        frames,
    )


def took_too_long(limit: float) -> str:
    """Describe a cell that was stopped at its limit."""
    return (
        f"stopped after the {limit:g} s that a cell may take; the same command with a longer {Option('cell_timeout')} "
        "goes on from its checkpoint"
    )


def _with(sentence: str, frames: str) -> str:
    return f"{sentence}. It was here, innermost frame first:\n{frames}" if frames else sentence
