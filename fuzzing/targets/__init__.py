"""The targets: every reader of a file that may come from elsewhere.

A target is made by the function of its name in a module of this package. The function gets an empty folder, in which
it may keep what its reader needs beside the input. `corpus/TARGET/` holds further inputs to begin with, see `edits`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from fuzzing import edits

__all__ = ["TARGETS", "Target", "make_target"]

CORPUS = Path(__file__).parents[1] / "corpus"
TARGETS = {
    "suites": "suites",
    "published": "suites",
    "conditions": "suites",
    "seeds": "suites",
    "manifests": "folders",
    "runs": "folders",
    "ledger": "folders",
    "timings": "folders",
    "outcomes": "folders",
    "curves": "folders",
    "packed_timings": "folders",
    "weights": "tensors",
    "checkpoints": "tensors",
    "idx": "datasets",
    "idx_gz": "datasets",
    "cifar10": "datasets",
    "cifar10c": "datasets",
    "searches": "searches",
}  # name -> module


def _as_it_is(data: bytes) -> bytes:
    return data


@dataclass(frozen=True)
class Target:
    """A reader and its inputs.

    Attributes:
        read: reads an input; only a GrokbenchError may come out.
        inputs: sound inputs to begin with.
        form: the form of its files, a key of `mutation.FORMS`.
        mend: restores in a mutated input what the reader compares before it looks at the rest, such as a length.
    """

    read: Callable[[bytes], Any]
    inputs: Sequence[bytes]
    form: str
    mend: Callable[[bytes], bytes] = _as_it_is


def make_target(name: str, folder: Path) -> Target:
    """Make a target, with the inputs of its corpus.

    Args:
        name: one of TARGETS, or the path of a module with a function `target`.
        folder: an empty folder for its files.
    """
    module = import_module(f"fuzzing.targets.{TARGETS[name]}" if name in TARGETS else name)
    made: Target = getattr(module, name if name in TARGETS else "target")(folder)
    return replace(made, inputs=(*made.inputs, *_corpus(name, made)))


def _corpus(name: str, made: Target) -> Iterator[bytes]:
    """Yield the committed inputs of a target."""
    for file in sorted((CORPUS / name).glob("*")):
        content = file.read_bytes()
        yield edits.apply(content, made.inputs[0], made.mend) if file.suffix == edits.SUFFIX else content
