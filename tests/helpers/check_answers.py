"""A plugin file, examined: by all questions or by one."""

from dataclasses import replace

from grokbench.conformance import QUESTIONS, Subject, Verdict, answer, examine
from grokbench.plugins import load_registry

from .planted import source


def subject(folder, text, like=source):
    """The one plugin of a file, under examination."""
    registry = load_registry([source.write(folder, text, like.HEAD, like.HOOK)])
    assert not registry.broken, registry.broken[0].traceback
    kinds = (registry.tasks, registry.regularizers, registry.metrics, registry.observers)
    (plugin,) = [plugin for kind in kinds for plugin in kind.values() if str(plugin.origin) == "file method.py"]
    return Subject(plugin, registry)


def examined(folder, text, like=source, **changes):
    """Every answer, by question; `changes` replace fields of the subject."""
    examinee = replace(subject(folder, text, like), **changes)
    return {question.name: given for question, given in examine(examinee)}


def answer_of(folder, text, name, like=source):
    """The answer to one question."""
    examinee = subject(folder, text, like)
    (question,) = [question for question in QUESTIONS[examinee.plugin.kind] if question.name == name]
    return answer(question, examinee)


def failures(answers):
    return {name: given for name, given in answers.items() if given.verdict is Verdict.FAILED}
