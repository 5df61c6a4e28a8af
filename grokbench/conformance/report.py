"""The output of `grokbench check`, line by line as the answers come."""

from collections.abc import Iterable, Iterator

from grokbench.conformance import Answer, Question, Subject, Verdict, examine
from grokbench.conformance.answers import skipped_lines, totals
from grokbench.conformance.pull_request import markdown
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin

__all__ = ["report"]


def report(registry: Registry, plugins: Iterable[Plugin], style: str) -> Iterator[tuple[str, bool]]:
    """Check plugins and yield pairs: a line to print, and True if the line reports a failed question.

    Args:
        registry: the plugins that the checks may use.
        plugins: the plugins to check.
        style: "text" yields each answer as soon as it is known, with its fix beneath; "markdown" yields a summary for a
            pull request.

    Raises:
        DataError: the data files of a task or metric are missing.
    """
    write = markdown if style == "markdown" else _text
    for plugin in plugins:
        yield from write(plugin, examine(Subject(plugin, registry)))


def _text(plugin: Plugin, answers: Iterable[tuple[Question, Answer]]) -> Iterator[tuple[str, bool]]:
    """Yield a line for each question, one for the skipped questions of each failed one, and the totals."""
    yield f"{plugin.name} ({plugin.kind[:-1]}, {plugin.origin})", False
    given = []
    for question, answer in answers:
        given.append((question, answer))
        line = f"{question.name}: {question.statement}"
        if answer.verdict is Verdict.FAILED:
            yield _row("failed", line), True
            yield from ((_row("", detail), False) for detail in _details(answer))
        elif answer.verdict is not Verdict.SKIPPED:
            yield _row(answer.verdict, f"{line}. {answer}" if answer.message else line), False
    yield from ((_row("skipped", line), False) for _, line in skipped_lines(given))
    yield f"  {totals(given)}", False


def _row(verdict: str, line: str) -> str:
    return f"  {verdict:<14}  {line}"


def _details(answer: Answer) -> Iterator[str]:
    """Yield the message, place and fix of a failure, a line each."""
    yield answer.sentence
    if answer.place:
        yield f"At {answer.place}"
    yield answer.fix_sentence
