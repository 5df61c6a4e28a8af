"""What `grokbench check` prints: the answers of plugins as they come."""

from collections.abc import Iterable, Iterator

from grokbench.conformance import Answer, Question, Subject, Verdict, examine
from grokbench.conformance.answers import sums, waiting_lines
from grokbench.conformance.pull_request import markdown
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin

__all__ = ["report"]


def report(registry: Registry, plugins: Iterable[Plugin], style: str) -> Iterator[tuple[str, bool]]:
    """Lines about plugins as their answers come, each with whether it names a question that failed.

    `text` says every answer when it is there, and what to do beneath; `markdown` is for a pull request.

    Raises:
        DataError: a task's data files are not there.
    """
    write = markdown if style == "markdown" else _text
    for plugin in plugins:
        yield from write(plugin, examine(Subject(plugin, registry)))


def _text(plugin: Plugin, answers: Iterable[tuple[Question, Answer]]) -> Iterator[tuple[str, bool]]:
    """A line for each question that could be asked, a line for those that wait for one, and the sum."""
    yield f"{plugin.name} ({plugin.kind[:-1]}, {plugin.origin})", False
    given = []
    for question, answer in answers:
        given.append((question, answer))
        line = f"{question.name}: {question.asks}"
        if answer.verdict is Verdict.FAILED:
            yield _row("failed", line), True
            yield from ((_row("", detail), False) for detail in _details(answer))
        elif answer.verdict is not Verdict.WAITING:
            yield _row(answer.verdict, f"{line}. {answer}" if answer.message else line), False
    yield from ((_row("waiting", line), False) for _, line in waiting_lines(given))
    yield f"  {sums(given)}", False


def _row(verdict: str, line: str) -> str:
    return f"  {verdict:<14}  {line}"


def _details(answer: Answer) -> Iterator[str]:
    yield answer.said
    if answer.place:
        yield f"At {answer.place}"
    yield answer.way_out
