"""Conformance questions that every plugin must pass; `grokbench check` and the tests use the same questions.

A question is a check of a `Subject`: a plugin with the tasks that it is checked on. The answer is `passed`, `failed`
with a message and a fix, or `not applicable` with the reason. An exception raised in a plugin is a failure. `examine`
skips questions that depend on one that failed.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from grokbench.conformance import description, recording
from grokbench.conformance.advice import translate
from grokbench.conformance.answers import Answer, Question, Verdict, failed, not_applicable, skipped
from grokbench.conformance.device_reads import restore_generators
from grokbench.conformance.questions import CALLS, QUESTIONS
from grokbench.conformance.short_runs import one_thread
from grokbench.conformance.subjects import NoTrialTask, Subject
from grokbench.errors import DataError, PluginError

__all__ = ["QUESTIONS", "Answer", "Question", "Subject", "Verdict", "answer", "examine"]


def answer(question: Question, subject: Subject) -> Answer:
    """Answer one question about a plugin.

    The global random generators are restored afterwards.

    Args:
        question: a question for the plugin's kind, see QUESTIONS.
        subject: the plugin.

    Raises:
        DataError: the data files of a task or metric are missing, so that it cannot be checked.
    """
    subject.tried.clear()
    try:
        with one_thread(), restore_generators():
            return question.check(subject)
    except DataError:
        raise
    except NoTrialTask as reason:
        return not_applicable(str(reason))
    except Exception as error:
        message, fix, place = translate(error, subject.file)
        given = failed(f"on {subject.tried[-1]}, {message}" if subject.tried else message, fix, place)
        return replace(given, in_engine=not place and not isinstance(error, PluginError))


def examine(subject: Subject, tell: Callable[[str], None] = lambda doing: None) -> Iterator[tuple[Question, Answer]]:
    """Answer every question for the plugin's kind, and yield each question with its answer as soon as it is known.

    A question is skipped if the plugin's factory does not make its record, such as a `Task`, or if the question would
    fail for the same cause as an earlier question.

    Args:
        subject: the plugin.
        tell: a function that receives a clause about each question before it is answered.
    """
    questions = QUESTIONS[subject.plugin.kind]
    failures: dict[str, Answer] = {}  # by name of the question
    for number, question in enumerate(questions, 1):
        tell(f"{subject.plugin.name}, {number} of {len(questions)}: {question.name}, {question.statement}")
        if description.RECORD in failures:
            yield question, skipped(description.RECORD)
            continue
        given = answer(question, subject)
        if given.verdict is Verdict.FAILED:
            causes = [name for name, first in failures.items() if _has_same_cause(given, name, first)]
            if causes:
                given = skipped(causes[0])
            else:
                failures[question.name] = given
        elif given.verdict is Verdict.HINT and question in recording.QUESTIONS:  # such a failure may be its cause
            causes = [name for name in failures if name in CALLS]
            given = skipped(causes[0]) if causes else given
        yield question, given


def _has_same_cause(later: Answer, name: str, first: Answer) -> bool:
    """Return whether a failure has the cause of an earlier one.

    There are two such cases. In the first, the earlier question calls the plugin, and the later failure is an exception
    that the engine raised. In the second, both failures have the same fix, and also the same message or the same line.
    If only one of the two lines is known, they count as the same.

    Args:
        later: the later failure.
        name: the question of the earlier failure.
        first: the earlier failure.
    """
    if later.in_engine and name in CALLS:
        return True
    here = later.place == first.place if later.place and first.place else bool(later.place or first.place)
    return later.fix == first.fix and (here or later.message == first.message)
