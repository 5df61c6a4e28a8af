"""A Markdown summary of a plugin's answers for a pull request: failures and hints first, the rest folded beneath."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from grokbench.conformance.answers import Answer, Answers, Question, Verdict, skipped_lines, totals
from grokbench.plugins.plugin import Plugin
from grokbench.provenance import environment
from grokbench.text import escape

__all__ = ["markdown"]


def markdown(plugin: Plugin, answers: Iterable[tuple[Question, Answer]]) -> Iterator[tuple[str, bool]]:
    """Yield pairs: a block of the summary, and True if the block reports a failed question.

    Args:
        plugin: the plugin that was checked.
        answers: the plugin's questions and answers; all are read before the first block is yielded.
    """
    given = list(answers)
    skipped = dict(skipped_lines(given))
    yield f"### `{plugin.name}`: {totals(given)}\n", False
    yield f"{_escaped(_made_with(plugin))}\n", False
    for question, answer in given:
        if answer.verdict in (Verdict.FAILED, Verdict.HINT):
            failed = answer.verdict is Verdict.FAILED
            yield "\n\n".join(_failure(question, answer, skipped.get(question.name, ""))) + "\n", failed
    yield _folded([pair for pair in given if pair[1].verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)]), False


def _made_with(plugin: Plugin) -> str:
    """Describe the plugin and the versions it was checked with."""
    here = environment()
    git = f" (commit {here['git']['commit'][:10]}{', changed' * bool(here['git']['dirty'])})" if here["git"] else ""
    made = f"{plugin.kind[:-1].capitalize()}, {plugin.origin}, sha256 {plugin.origin.digest[:12]}"
    return f"{made}. Checked by GrokBench {here['grokbench']}{git} with torch {here['torch']}, Python {here['python']}."


def _failure(question: Question, answer: Answer, skipped: str) -> Iterator[str]:
    """Yield the paragraphs about a failed question, or a hint; `skipped` lists the questions that depend on it."""
    yield f"**{str(answer.verdict).capitalize()}: {_escaped(question.name)}** ({_escaped(question.statement)})"
    yield _escaped(answer.sentence)
    if answer.place:
        yield _code(answer.place)
    yield f"**Fix:** {_escaped(answer.fix_sentence.removeprefix('Fix: '))}"
    if skipped:
        yield f"Skipped: {skipped}."


def _folded(answers: Answers) -> str:
    """Return a folded table of the questions that passed or do not apply."""
    rows = [
        f"| {_escaped(question.name)} | {_escaped(question.statement)} | {answer.verdict} | {_escaped(str(answer))} |"
        for question, answer in answers
    ]
    counts = Counter(answer.verdict for _, answer in answers)
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    head = ["| question | | answer | |", "|---|---|---|---|"]
    return "\n".join([f"<details><summary>{summary}</summary>\n", *head, *rows, "\n</details>\n"])


def _escaped(text: str) -> str:
    """Put a text of a plugin or of torch on one line, with its Markdown escaped."""
    return escape.markdown(" ".join(text.split()))


def _code(text: str) -> str:
    """Mark a line of source as code, also if it contains backticks."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"
