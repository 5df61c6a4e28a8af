"""The targets: every reader of a file that other people may have written.

A function with the name of the target, in a module of this package, makes the target. It gets an empty folder, which
can hold other files that the reader needs. `corpus/TARGET/` holds further initial inputs, see `edits`.
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
        inputs: valid inputs, with which fuzzing begins.
        form: the format of its files, a key of `mutation.FORMS`.
        mend: repairs in a mutated input what the reader checks before it reads the rest, such as a length.
    """

    read: Callable[[bytes], Any]
    inputs: Sequence[bytes]
    form: str
    mend: Callable[[bytes], bytes] = _as_it_is


def make_target(name: str, folder: Path) -> Target:
    """Make a target, and add the inputs of its corpus.

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
