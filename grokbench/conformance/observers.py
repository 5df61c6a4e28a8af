"""Questions for observers: they receive the events of a fake suite, and must not raise errors or change anything."""

import time
import traceback
from pathlib import Path
from typing import Any

from grokbench.conformance.answers import Answer, Question, failed, passed
from grokbench.conformance.fake_suite import EVALUATIONS, fake_suite
from grokbench.conformance.subjects import Subject
from grokbench.observer import Observer
from grokbench.plugins.source_lines import innermost
from grokbench.records import Outcome, Run

__all__ = ["QUESTIONS"]

EXPECT = (
    "expect every outcome: a replica that failed has no curves and no final values, grokked_at and memorised_at are "
    "None if the replica did not grok or memorise, and values may be nan"
)
COPY = "change copies, such as dict(run.final), and write to files of your own"
ENDED = {
    Outcome.GROKKED: "grokked",
    Outcome.CENSORED: "did not grok",
    Outcome.DIVERGED: "diverged",
    Outcome.FAILED: "failed",
}


def accepts_every_event(subject: Subject) -> Answer:
    """Check that the observer accepts all events of a suite that has every outcome and was partly trained before."""
    observer: Observer = subject.plugin.make({})
    with fake_suite() as suite:
        for event, records in suite.complete():
            if failure := _failure(subject, observer, event, records):
                return failure
    return passed()


def accepts_interruptions(subject: Subject) -> Answer:
    """Check that the observer accepts a suite that is interrupted, resumed and repeated."""
    with fake_suite() as suite:
        for events in (suite.interrupted, suite.complete, suite.repeated):
            observer: Observer = subject.plugin.make({})
            for event, records in events():
                if failure := _failure(subject, observer, event, records):
                    return failure
    return passed()


def changes_nothing(subject: Subject) -> Answer:
    """Check that the observer changes neither the records it receives nor the files of the results."""
    observer: Observer = subject.plugin.make({})
    with fake_suite() as suite:
        files = _contents(suite.planned.folder)
        for event, records in suite.complete():
            before = repr(records)
            if failure := _failure(subject, observer, event, records):
                return failure
            if repr(records) != before:
                return failed(f"{event} changes the records it is given", COPY)
        after = _contents(suite.planned.folder)
    if changed := [file for file, content in files.items() if after.get(file) != content]:
        return failed(f"it changes or removes {changed[0].name}, a file of the results", COPY)
    return passed()


def costs(subject: Subject) -> Answer:
    """Measure the time that the observer takes for a long replica, after its imports; the time is not judged."""
    observer, seconds = subject.plugin.make({}), 0.0
    with fake_suite() as suite:
        for event, records in suite.long_curves():
            began = time.perf_counter()
            if failure := _failure(subject, observer, event, records):
                return failure
            seconds = time.perf_counter() - began if event == "finished" else seconds
    return passed(f"{1e3 * seconds:.1f} ms for a replica of {EVALUATIONS:,} evaluations of 4 metrics")


def _failure(subject: Subject, observer: Observer, event: str, records: tuple[Any, ...]) -> Answer | None:
    """Notify an observer of an event; return a failed answer if it raises."""
    if (function := getattr(observer, event)) is None:
        return None
    try:
        function(*records)
    except (Exception, SystemExit) as error:
        of = "".join(f", given a replica that {ENDED[run.outcome]}" for run in records if isinstance(run, Run))
        place = innermost(traceback.extract_tb(error.__traceback__), subject.file)
        return failed(f"{event} raises {type(error).__name__}: {error}{of}", EXPECT, place)
    return None


def _contents(folder: Path) -> dict[Path, bytes]:
    """Read the files of the results."""
    return {file: file.read_bytes() for file in folder.rglob("*.json")}


QUESTIONS = (
    Question("events", "it accepts every event of a suite with every outcome", accepts_every_event),
    Question("interruption", "it accepts a suite that is interrupted, resumed and repeated", accepts_interruptions),
    Question("results", "it changes neither the records it is given nor the results folder", changes_nothing),
    Question("cost", "its time, measured but not judged", costs),
)
