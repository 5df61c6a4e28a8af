"""Questions and answers: what is asked of a plugin, and what it answers."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grokbench.conformance.subjects import Subject

__all__ = [
    "Answer",
    "Answers",
    "Question",
    "Verdict",
    "failed",
    "not_applicable",
    "passed",
    "sums",
    "waiting",
    "waiting_lines",
]


BEGINNINGS = frozenset("a at full in it its no on shapes the two".split())  # words, where names may stand


class Verdict(StrEnum):
    """The verdict of an answer to a conformance question."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    WAITING = "waiting"


@dataclass(frozen=True)
class Answer:
    """The answer to one question."""

    verdict: Verdict
    message: str = ""  # failed: what is wrong; not applicable: why; passed: a measurement, or nothing
    fix: str = ""  # what to do about it, where something is wrong
    place: str = ""  # the line of the plugin, where one is known
    astray: bool = False  # failed: the engine raised an exception, at no line of the plugin
    after: str = ""  # waiting: the name of the question that has to be put right first

    @property
    def said(self) -> str:
        """The message as a sentence; a name that it begins with keeps its own case."""
        begins = self.message.partition(" ")[0] in BEGINNINGS
        return _ended(self.message[:1].upper() + self.message[1:] if begins else self.message)

    @property
    def way_out(self) -> str:
        """What to do, as a sentence."""
        return _ended(f"Fix: {self.fix}")

    def __str__(self) -> str:
        """What was measured, why it was not asked, or what is wrong and what to do; empty if nothing is to be said."""
        if not self.message:
            return ""
        said = f"{self.said.removesuffix('.')} ({self.place})." if self.place else self.said
        return f"{said} {self.way_out}" if self.fix else said


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


@dataclass(frozen=True)
class Question:
    """Something that every plugin of a kind is asked."""

    name: str
    asks: str  # a sentence that is true of a sound plugin
    ask: Callable[[Subject], Answer]


Answers = Sequence[tuple[Question, Answer]]


def passed(measured: str = "") -> Answer:
    """Nothing is wrong; `measured` is reported and not judged."""
    return Answer(Verdict.PASSED, measured)


def failed(message: str, fix: str, place: str = "") -> Answer:
    """Something is wrong, and this is the way out."""
    return Answer(Verdict.FAILED, message, fix, place)


def waiting(name: str) -> Answer:
    """It cannot be asked before that question is put right."""
    return Answer(Verdict.WAITING, f"it cannot be asked before this is put right: {name}", after=name)


def not_applicable(why: str) -> Answer:
    """The question does not arise."""
    return Answer(Verdict.NOT_APPLICABLE, why)


def sums(answers: Answers) -> str:
    """How many questions were answered how: `12 passed, 1 failed, 2 not applicable, 5 waiting`."""
    counts = Counter(answer.verdict for _, answer in answers)
    shown = [verdict for verdict in Verdict if verdict is not Verdict.WAITING or counts[verdict]]
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in shown)


def waiting_lines(answers: Answers) -> Iterator[tuple[str, str]]:
    """For each question that others wait for, its name and a line about them."""
    for name in dict.fromkeys(answer.after for _, answer in answers if answer.after):
        waiting = [question.name for question, answer in answers if answer.after == name]
        many = f"{len(waiting)} questions wait" if len(waiting) > 1 else "1 question waits"
        yield name, f"{many} for {name}: {', '.join(waiting)}"
