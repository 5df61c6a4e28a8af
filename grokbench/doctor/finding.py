"""What a checkup finds."""

from dataclasses import dataclass

__all__ = ["BAD", "NOTE", "OK", "Finding"]

OK = "ok"
NOTE = "note"  # something is not there that a suite may want
BAD = "bad"  # it is broken


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str  # versions, devices, data, plugins or results
    state: str  # OK, NOTE or BAD
    text: str
    remedy: str = ""  # what to do about it
