"""Time limits of jobs, and the clock that tells how long a worker has shown no progress."""

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["ATTEMPTS", "ProgressClock", "TimeLimits"]

ATTEMPTS = 3  # attempts at a job whose worker shows no progress
START_UP = 300.0  # least seconds that a starting process is allowed: importing torch from a network disk can be slow
LEAST_STALL = 1800.0  # default limit in seconds; it must allow for a long `prepare`, which is one call
LONGEST_GAPS = 20  # the default limit is at least this many times the longest time between two signs of progress
SHOWN_AFTER = 60.0  # seconds without progress until the first report; the next comes after twice as long, and so on


@dataclass(frozen=True)
class TimeLimits:
    """The limits after which a worker is stopped.

    Attributes:
        stall: seconds without progress. None: LEAST_STALL, or LONGEST_GAPS times the longest time that the job has
            taken between two signs of progress, if that is longer.
        cell: the sum of the seconds that the groups of a cell may train, over all workers and attempts. None: no limit.
    """

    stall: float | None = None
    cell: float | None = None


class ProgressClock:
    """The clock of one worker process: when it last showed progress.

    Attributes:
        limits: the limits of its jobs.
        now: a clock in seconds, which never goes back.
        began: when the present job gave its first sign of progress; before that, the process may have to start.
        seen: when the last sign of progress came.
        longest: the longest time between two signs of progress of the present job, in seconds.
        starting: True until the process has sent something.
    """

    def __init__(self, limits: TimeLimits, now: Callable[[], float] = time.monotonic) -> None:
        """Start the clock.

        Args:
            limits: the limits of the process's jobs.
            now: a clock in seconds, which never goes back.
        """
        self.limits, self.now, self.starting = limits, now, True
        self.begin_job()

    def begin_job(self) -> None:
        """Start the clock of a job."""
        self.began = self.seen = self.now()
        self.longest, self._begun, self._shown = 0.0, False, 0.0

    def sign(self) -> None:
        """Note a sign of progress."""
        now = self.now()
        if self._begun:
            self.longest = max(self.longest, now - self.seen)
        else:
            self.began = now
        self.seen, self.starting, self._begun = now, False, True

    def pause(self, seconds: float) -> None:
        """Leave out the seconds in which this program itself was stopped, for instance by Ctrl-Z."""
        self.began, self.seen = self.began + seconds, self.seen + seconds

    @property
    def silent(self) -> float:
        """The seconds without progress."""
        return self.now() - self.seen

    @property
    def used(self) -> float:
        """The seconds since the present job began; 0 before its beginning."""
        return self.now() - self.began if self._begun else 0.0

    @property
    def stalled(self) -> bool:
        """True if the time without progress exceeds the limit."""
        return self.silent > self.stall_limit

    @property
    def stall_limit(self) -> float:
        """The limit of the time without progress, in seconds."""
        if self.limits.stall is None:
            return max(LEAST_STALL, LONGEST_GAPS * self.longest)
        return max(self.limits.stall, START_UP) if self.starting else self.limits.stall

    def to_show(self) -> float | None:
        """Return the seconds without progress if a report is due; 0.0 if progress has returned; otherwise None."""
        silent = self.silent
        if silent < SHOWN_AFTER:
            shown, self._shown = self._shown, 0.0
            return 0.0 if shown else None
        if silent < 2 * self._shown:
            return None
        self._shown = silent
        return silent
