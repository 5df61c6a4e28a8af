"""Records of the conformance questions and their answers, and summaries of answers."""

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
    "hint",
    "not_applicable",
    "passed",
    "skipped",
    "skipped_lines",
    "totals",
]


# First words of messages that a sentence capitalises; any other first word may be a name, which keeps its case.
CAPITALISED = frozenset("a at full in it its no on shapes the".split())


class Verdict(StrEnum):
    """The verdict of an answer to a conformance question."""

    PASSED = "passed"
    FAILED = "failed"
    HINT = "hint"
    NOT_APPLICABLE = "not applicable"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        verdict: the kind of answer. A hint is not a failure, because the behaviour may be intended.
        message: what is wrong (failed or a hint), the reason (not applicable or skipped), or a measurement or an empty
            text (passed).
        fix: what to do about it (failed or a hint).
        place: the line of the plugin (failed), such as `clip.py, line 12: g / g.norm()`; empty if no line is known.
        in_engine: True if the engine raised an exception outside the plugin's code (failed).
        cause: the name of the question that failed before and has to be fixed first (skipped).
    """

    verdict: Verdict
    message: str = ""
    fix: str = ""
    place: str = ""
    in_engine: bool = False
    cause: str = ""

    @property
    def sentence(self) -> str:
        """The message as a sentence; a name at its beginning keeps its case."""
        capitalised = self.message.partition(" ")[0] in CAPITALISED
        return _ended(self.message[:1].upper() + self.message[1:] if capitalised else self.message)

    @property
    def fix_sentence(self) -> str:
        """The fix as a sentence."""
        return _ended(f"Fix: {self.fix}")

    def __str__(self) -> str:
        """Return the message, place and fix in sentences; empty without a message."""
        if not self.message:
            return ""
        sentence = f"{self.sentence.removesuffix('.')} ({self.place})." if self.place else self.sentence
        return f"{sentence} {self.fix_sentence}" if self.fix else sentence


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


@dataclass(frozen=True)
class Question:
    """A check that every plugin of a kind must pass.

    Attributes:
        name: one or two words, unique among the questions of a kind.
        statement: a clause that is true of a conforming plugin.
        check: a function that answers the question for a plugin.
    """

    name: str
    statement: str
    check: Callable[[Subject], Answer]


Answers = Sequence[tuple[Question, Answer]]


def passed(measured: str = "") -> Answer:
    """Return the answer of a plugin that passes; `measured` is reported but not judged."""
    return Answer(Verdict.PASSED, measured)


def failed(message: str, fix: str, place: str = "") -> Answer:
    """Return the answer of a plugin that fails.

    Args:
        message: what is wrong, as a clause without a full stop.
        fix: what to do about it, in the same form.
        place: the line of the plugin, if known.
    """
    return Answer(Verdict.FAILED, message, fix, place)


def hint(message: str, fix: str) -> Answer:
    """Return the answer of a plugin whose behaviour may be wrong or intended.

    Args:
        message: what is wrong, as a clause without a full stop.
        fix: what to do about it, in the same form.
    """
    return Answer(Verdict.HINT, message, fix)


def skipped(name: str) -> Answer:
    """Return the answer to a question that is skipped, because it depends on the failed question `name`."""
    return Answer(Verdict.SKIPPED, f"it depends on a question that failed: {name}", cause=name)


def not_applicable(why: str) -> Answer:
    """Return the answer to a question that does not apply, with the reason."""
    return Answer(Verdict.NOT_APPLICABLE, why)


def totals(answers: Answers) -> str:
    """Count the answers by verdict, such as `12 passed, 1 failed, 2 hints, 2 not applicable`.

    Hints and skipped questions are left out if there are none.
    """
    counts = Counter(answer.verdict for _, answer in answers)
    shown = [verdict for verdict in Verdict if verdict not in (Verdict.HINT, Verdict.SKIPPED) or counts[verdict]]
    return ", ".join(f"{counts[verdict]} {_noun(verdict, counts[verdict])}" for verdict in shown)


def _noun(verdict: Verdict, count: int) -> str:
    return f"{verdict}s" if verdict is Verdict.HINT and count > 1 else str(verdict)


def skipped_lines(answers: Answers) -> Iterator[tuple[str, str]]:
    """Yield the name of each failed question, with a line about the skipped questions that depend on it."""
    for name in dict.fromkeys(answer.cause for _, answer in answers if answer.cause):
        names = [question.name for question, answer in answers if answer.cause == name]
        count = f"{len(names)} questions that depend" if len(names) > 1 else "1 question that depends"
        yield name, f"{count} on {name}: {', '.join(names)}"
