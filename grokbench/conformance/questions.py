"""The conformance questions for each kind of plugin, which `grokbench check` and the tests use."""

from grokbench.conformance import (
    averages,
    declarations,
    description,
    effects,
    layout,
    methods,
    metrics,
    observers,
    purity,
    recording,
    tasks,
    training,
)
from grokbench.conformance.answers import Question

__all__ = ["CALLS", "QUESTIONS"]

QUESTIONS: dict[str, tuple[Question, ...]] = {  # kind of plugin -> its questions, in order
    "tasks": (*description.QUESTIONS, *purity.QUESTIONS, *tasks.QUESTIONS, *training.QUESTIONS, *recording.QUESTIONS),
    "regularizers": (
        *description.QUESTIONS,
        *purity.QUESTIONS,
        *training.QUESTIONS,
        *recording.QUESTIONS,
        *effects.QUESTIONS,
        *averages.QUESTIONS,
        *layout.QUESTIONS,
        *declarations.QUESTIONS,
        *methods.QUESTIONS,
    ),
    "metrics": (*description.QUESTIONS, *purity.QUESTIONS, *metrics.QUESTIONS, *recording.QUESTIONS),
    "observers": (*description.QUESTIONS, *observers.QUESTIONS),
}

CALLS = {question.name for question in (*purity.QUESTIONS, *training.QUESTIONS)}  # questions that call the plugin
