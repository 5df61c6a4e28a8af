"""The output of `grokbench check`, line by line as the answers come."""

from collections.abc import Callable, Iterable, Iterator

from grokbench.conformance import Answer, Question, Subject, Verdict, examine
from grokbench.conformance.answers import skipped_lines, totals
from grokbench.conformance.pull_request import markdown
from grokbench.plugins import Registry
from grokbench.plugins.plugin import Plugin

__all__ = ["report"]


def report(
    registry: Registry,
    plugins: Iterable[Plugin],
    style: str,
    verbose: bool = False,
    tell: Callable[[str], None] = lambda doing: None,
) -> Iterator[tuple[str, bool]]:
    """Check plugins and yield pairs: a line to print, and True if the line reports a failed question.

    Args:
        registry: the plugins that the checks may use.
        plugins: the plugins to check.
        style: "text" yields failures and hints as soon as they are known, with their fixes beneath; "markdown" yields a
            summary for a pull request.
        verbose: in the style "text", yield a line for every question.
        tell: a function that receives a clause about each question before it is answered.

    Raises:
        DataError: the data files of a task or metric are missing.
    """
    for plugin in plugins:
        answers = examine(Subject(plugin, registry), tell)
        yield from markdown(plugin, answers) if style == "markdown" else _text(plugin, answers, verbose)


def _text(plugin: Plugin, answers: Iterable[tuple[Question, Answer]], verbose: bool) -> Iterator[tuple[str, bool]]:
    """Yield failures, hints and measurements, then a line for the questions skipped after each failure, and totals."""
    yield f"{plugin.name} ({plugin.kind[:-1]}, {plugin.origin})", False
    given = []
    for question, answer in answers:
        given.append((question, answer))
        line = f"{question.name}: {question.statement}"
        if answer.verdict in (Verdict.FAILED, Verdict.HINT):
            yield _row(answer.verdict, line), answer.verdict is Verdict.FAILED
            yield from ((_row("", detail), False) for detail in _details(answer))
        elif _is_shown(answer, verbose):
            yield _row(answer.verdict, f"{line}. {answer}" if answer.message else line), False
    yield from ((_row("skipped", line), False) for _, line in skipped_lines(given))
    yield f"  {totals(given)}", False


def _is_shown(answer: Answer, verbose: bool) -> bool:
    """Return whether an answer that is neither a failure nor a hint has its own line, as measurements have."""
    return (verbose and answer.verdict is not Verdict.SKIPPED) or (
        answer.verdict is Verdict.PASSED and bool(answer.message)
    )


def _row(verdict: str, line: str) -> str:
    return f"  {verdict:<14}  {line}"


def _details(answer: Answer) -> Iterator[str]:
    """Yield the message, place and fix of a failure or a hint, a line each."""
    yield answer.sentence
    if answer.place:
        yield f"At {answer.place}"
    yield answer.fix_sentence
