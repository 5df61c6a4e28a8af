"""What every plugin must answer; `grokbench check` and the tests ask the same questions.

A question is asked of a `Subject`, a plugin and what it is tried on, and answered `passed`, `failed` with a message
and a fix, or `not applicable` with the reason. An exception raised in a plugin is an answer too. `examine` lets what
one fault keeps from being asked wait for it.
"""

from collections.abc import Iterator
from dataclasses import replace

from grokbench.conformance import description, methods, metrics, observers, purity, tasks, training
from grokbench.conformance.advice import translate
from grokbench.conformance.answers import Answer, Question, Verdict, failed, not_applicable, waiting
from grokbench.conformance.device_reads import generators_moved
from grokbench.conformance.short_runs import one_thread
from grokbench.conformance.subjects import NoGround, Subject
from grokbench.errors import DataError, PluginError

__all__ = ["QUESTIONS", "Answer", "Question", "Subject", "Verdict", "answer", "examine"]

QUESTIONS: dict[str, tuple[Question, ...]] = {  # kind of plugin -> what it is asked, in order
    "tasks": (*description.QUESTIONS, *purity.QUESTIONS, *tasks.QUESTIONS, *training.QUESTIONS),
    "regularizers": (*description.QUESTIONS, *purity.QUESTIONS, *training.QUESTIONS, *methods.QUESTIONS),
    "metrics": (*description.QUESTIONS, *purity.QUESTIONS, *metrics.QUESTIONS),
    "observers": (*description.QUESTIONS, *observers.QUESTIONS),
}


def answer(question: Question, subject: Subject) -> Answer:
    """A plugin's answer to one question.

    Raises:
        DataError: a task's data files are not there, so that nothing can be said about it.
    """
    subject.tried.clear()
    try:
        with one_thread(), generators_moved():  # and put back, whatever a plugin does to them
            return question.ask(subject)
    except DataError:
        raise
    except NoGround as none:
        return not_applicable(str(none))
    except Exception as error:
        what, fix, place = translate(error, subject.file)
        given = failed(f"on {subject.tried[-1]}, {what}" if subject.tried else what, fix, place)
        return replace(given, astray=not place and not isinstance(error, PluginError))


def examine(subject: Subject) -> Iterator[tuple[Question, Answer]]:
    """Every question that a plugin of this kind is asked, with its answer, as they come."""
    failures: dict[str, Answer] = {}  # by the question that found them
    for question in QUESTIONS[subject.plugin.kind]:
        if description.RECORD in failures:
            yield question, waiting(description.RECORD)
            continue
        given = answer(question, subject)
        if given.verdict is Verdict.FAILED:
            causes = [name for name, first in failures.items() if _follows(given, name, first)]
            if causes:
                given = waiting(causes[0])
            else:
                failures[question.name] = given
        yield question, given


CALLS = {question.name for question in (*purity.QUESTIONS, *training.QUESTIONS)}  # questions that call the plugin


def _follows(later: Answer, name: str, first: Answer) -> bool:
    """Whether a failure is another face of an earlier one, which that question found.

    The engine may stumble over what a function returned; or the same is to be done about both, at one line as far as
    lines are known.
    """
    if later.astray and name in CALLS:
        return True
    here = later.place == first.place if later.place and first.place else bool(later.place or first.place)
    return later.fix == first.fix and (here or later.message == first.message)
