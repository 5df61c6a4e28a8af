"""What observers are asked: a made-up suite is shown to them, and nothing may break or change."""

import time
import traceback
from pathlib import Path
from typing import Any

from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.fake_suite import EVALUATIONS, made_up
from grokbench.conformance.subjects import Subject
from grokbench.observer import Observer
from grokbench.plugins.source_lines import innermost
from grokbench.records import Outcome, Run

__all__ = ["QUESTIONS"]

EXPECT = (
    "expect every outcome: a replica that failed has no curves and no final values, grokked_at and memorised_at are "
    "None where that did not happen, and values may be nan"
)
COPY = "take what you change into something of your own, dict(run.final), and write into files of your own"
ENDED = {
    Outcome.GROKKED: "grokked",
    Outcome.CENSORED: "did not grok",
    Outcome.DIVERGED: "diverged",
    Outcome.FAILED: "failed",
}


def takes_every_event(subject: Subject) -> Answer:
    """A suite with every outcome, from beginning to end, a part of which was there before."""
    observer: Observer = subject.plugin.make({})
    with made_up() as suite:
        for event, records in suite.whole():
            if trouble := _trouble(subject, observer, event, records):
                return trouble
    return passed()


def takes_interruptions(subject: Subject) -> Answer:
    """A suite that is broken off, gone on with, and asked for once more."""
    with made_up() as suite:
        for story in (suite.broken_off, suite.whole, suite.again):
            observer: Observer = subject.plugin.make({})
            for event, records in story():
                if trouble := _trouble(subject, observer, event, records):
                    return trouble
    return passed()


def changes_nothing(subject: Subject) -> Answer:
    """Records and results are afterwards what they were."""
    observer: Observer = subject.plugin.make({})
    with made_up() as suite:
        files = _contents(suite.planned.folder)
        for event, records in suite.whole():
            before = repr(records)
            if trouble := _trouble(subject, observer, event, records):
                return trouble
            if repr(records) != before:
                return failed(f"{event} writes into what it is given", COPY)
        after = _contents(suite.planned.folder)
    if changed := [file for file, content in files.items() if after.get(file) != content]:
        return failed(f"it changes or removes {changed[0].name}, a file of the results", COPY)
    return passed()


def costs(subject: Subject) -> Answer:
    """The time of a long replica, once everything is imported: reported, not judged."""
    observer, seconds = subject.plugin.make({}), 0.0
    with made_up() as suite:
        for event, records in suite.long():
            began = time.perf_counter()
            if trouble := _trouble(subject, observer, event, records):
                return trouble
            seconds = time.perf_counter() - began if event == "finished" else seconds
    return passed(f"{1e3 * seconds:.1f} ms for a replica of {EVALUATIONS:,} evaluations of 4 metrics")


def _trouble(subject: Subject, observer: Observer, event: str, records: tuple[Any, ...]) -> Answer | None:
    """Tell an observer; what it raises, if it does."""
    if (listen := getattr(observer, event)) is None:
        return None
    try:
        listen(*records)
    except (Exception, SystemExit) as error:
        of = "".join(f", told of a replica that {ENDED[run.outcome]}" for run in records if isinstance(run, Run))
        place = innermost(traceback.extract_tb(error.__traceback__), subject.file)
        return failed(f"{event} raises {type(error).__name__}: {error}{of}", EXPECT, place)
    return None


def _contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*.json")}


QUESTIONS = (
    Question("events", "it takes a suite with every outcome, from beginning to end", takes_every_event),
    Question("interruption", "it takes a suite that is broken off, gone on with and repeated", takes_interruptions),
    Question("results", "it changes neither what it is given nor the results folder", changes_nothing),
    Question("cost", "the time that it takes, measured and not judged", costs),
)
