"""A plugin's answers as a summary for a pull request: what failed first, and the rest folded away beneath."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from grokbench.conformance.answers import Answer, Answers, Question, Verdict, sums, waiting_lines
from grokbench.plugins.plugin import Plugin
from grokbench.provenance import environment
from grokbench.text import escape

__all__ = ["markdown"]


def markdown(plugin: Plugin, answers: Iterable[tuple[Question, Answer]]) -> Iterator[tuple[str, bool]]:
    """Blocks of markdown, each with whether it is about a question that failed."""
    given = list(answers)
    behind = dict(waiting_lines(given))
    yield f"### `{plugin.name}`: {sums(given)}\n", False
    yield f"{_escaped(_made_with(plugin))}\n", False
    for question, answer in given:
        if answer.verdict is Verdict.FAILED:
            yield "\n\n".join(_failure(question, answer, behind.get(question.name, ""))) + "\n", True
    yield _folded([pair for pair in given if pair[1].verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)]), False


def _made_with(plugin: Plugin) -> str:
    """Which plugin it is, and what it was asked with."""
    here = environment()
    git = f" (commit {here['git']['commit'][:10]}{', changed' * bool(here['git']['dirty'])})" if here["git"] else ""
    made = f"{plugin.kind[:-1].capitalize()}, {plugin.origin}, sha256 {plugin.origin.digest[:12]}"
    return f"{made}. Asked by GrokBench {here['grokbench']}{git} with torch {here['torch']}, Python {here['python']}."


def _failure(question: Question, answer: Answer, behind: str) -> Iterator[str]:
    yield f"**Failed: {_escaped(question.name)}** ({_escaped(question.asks)})"
    yield _escaped(answer.said)
    if answer.place:
        yield _code(answer.place)
    yield f"**Fix:** {_escaped(answer.way_out.removeprefix('Fix: '))}"
    if behind:
        yield f"{behind}."


def _folded(answers: Answers) -> str:
    """What needs no attention, as a table that opens on a click."""
    rows = [
        f"| {_escaped(question.name)} | {_escaped(question.asks)} | {answer.verdict} | {_escaped(str(answer))} |"
        for question, answer in answers
    ]
    counts = Counter(answer.verdict for _, answer in answers)
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    head = ["| question | | answer | |", "|---|---|---|---|"]
    return "\n".join([f"<details><summary>{summary}</summary>\n", *head, *rows, "\n</details>\n"])


def _escaped(text: str) -> str:
    """Text of a plugin or of torch on one line, in which markdown finds no marks of its own."""
    return escape.markdown(" ".join(text.split()))


def _code(text: str) -> str:
    """A line of source as such."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
