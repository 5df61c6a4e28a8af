"""The findings of a checkup."""

from dataclasses import dataclass

__all__ = ["BAD", "NOTE", "OK", "Finding"]

OK = "ok"
NOTE = "note"  # something is missing that a suite may need
BAD = "bad"  # something is broken


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        about: the section: "versions", "devices", "data", "plugins" or "results".
        state: OK, NOTE or BAD.
        text: what was found; it may have several lines.
        remedy: what to do about it; empty if there is nothing to do.
    """

    about: str
    state: str
    text: str
    remedy: str = ""
