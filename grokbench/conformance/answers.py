"""Questions and answers: what is asked of a plugin, and what it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from grokbench.conformance.subjects import Subject

__all__ = ["Answer", "Question", "Verdict", "failed", "not_applicable", "passed"]


class Verdict(StrEnum):
    """How a question was answered."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Answer:
    """The answer to one question."""

    verdict: Verdict
    message: str = ""  # failed: what is wrong; not applicable: why; passed: a measurement, or nothing
    fix: str = ""  # what to do about it, where something is wrong
    place: str = ""  # the line of the plugin, where one is known

    def __str__(self) -> str:
        """What was measured, why it was not asked, or what is wrong and what to do; empty if nothing is to be said."""
        if not self.message:
            return ""
        said = self.message[:1].upper() + self.message[1:] + (f" ({self.place})" if self.place else "")
        return f"{said}. Fix: {self.fix}." if self.fix else f"{said}."


@dataclass(frozen=True)
class Question:
    """Something that every plugin of a kind is asked."""

    name: str
    asks: str  # a sentence that is true of a sound plugin
    ask: Callable[[Subject], Answer]


def passed(measured: str = "") -> Answer:
    """Nothing is wrong; `measured` is reported and not judged."""
    return Answer(Verdict.PASSED, measured)


def failed(message: str, fix: str, place: str = "") -> Answer:
    """Something is wrong, and this is the way out."""
    return Answer(Verdict.FAILED, message, fix, place)


def not_applicable(why: str) -> Answer:
    """The question does not arise."""
    return Answer(Verdict.NOT_APPLICABLE, why)
