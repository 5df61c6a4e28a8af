"""Plugin files of observers: one takes notes, one raises, one changes what it receives, and some are invalid."""

HEAD = '''\
"""Observers of a user."""

import json
import os
import sys

from grokbench import Observer, hookimpl

EVENTS = ("begin", "stored", "progress", "finished", "end", "close")
'''


SOUND = '''

def diary(file: str = "diary.jsonl", omit: str = "") -> Observer:
    """Write a line for every event, with what it is about."""
    def note(event):
        def receive(*records):
            about = [getattr(record, "seed", getattr(record, "regularizer", "")) for record in records]
            curves = [len(record.curves) for record in records if hasattr(record, "curves")]
            with open(file, "a") as lines:
                print(json.dumps([event, *about, *curves, os.getpid()]), file=lines)
        return receive
    return Observer(**{event: note(event) for event in EVENTS if event != omit})
'''


ANGRY = '''

def angry(at: str = "finished", error: str = "boom") -> Observer:
    """Raise at an event."""
    def receive(*records):
        sys.exit(3) if error == "exit" else None
        raise KeyboardInterrupt if error == "interrupt" else RuntimeError(error)
    return Observer(**{at: receive})
'''


MEDDLER = '''

def meddler() -> Observer:
    """Change whatever can be changed."""
    import random, numpy, torch
    def spoil(value):
        if isinstance(value, dict):
            for inner in value.values():
                spoil(inner)
            value.clear()
            value["spoilt"] = True
        for field in getattr(value, "__dataclass_fields__", ()):
            spoil(getattr(value, field))
        for inner in value if isinstance(value, (list, tuple)) else ():
            spoil(inner)
    def receive(*records):
        for record in records:
            spoil(record)
        random.seed(0), numpy.random.seed(0), torch.manual_seed(0)
    return Observer(**{event: receive for event in EVENTS})
'''


WRONG = '''

def nothing() -> Observer:
    """Return no observer."""


def refuses(size: int = 1) -> Observer:
    """Take no size but 1."""
    if size != 1:
        raise ValueError(f"size must be 1, got {size}")
    return Observer()


def misspelt() -> Observer:
    """Name a field that there is not."""
    return Observer(finish=print)


def absent() -> Observer:
    """Need a package that is not there."""
    import no_such_package.writer
'''


HOOK = """

@hookimpl
def grokbench_observers():
    yield from ({names})
"""


FACTORIES = ("diary", "angry", "meddler", "nothing", "refuses", "misspelt", "absent")
