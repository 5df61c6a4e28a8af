"""Options of a run in messages: `--num-seeds 8` on the command line, `num_seeds=8` in Python.

Modules that serve both the command line and Python put an `Option` into their messages. A context variable decides in
which of the two forms the option is written.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["Option", "as_keywords"]

FLAGS = {
    "methods": "with",
    "parameters": "param",
    "plugins": "plugin",
    "regularizers": "regularizer",
    "tasks": "task",
}  # keyword -> option
_KEYWORDS = ContextVar("_KEYWORDS", default=False)  # whether options are written as keywords


@dataclass(frozen=True)
class Option:
    """An option of a run, alone or with a value.

    Attributes:
        keyword: a parameter of `grokbench.run`.
        value: the option's present or suggested value; None for the option alone.
    """

    keyword: str
    value: str | int | None = None

    def __str__(self) -> str:
        """Write the option as on the command line, `--task xor`, or as in Python, `tasks='xor'` (`as_keywords`)."""
        if _KEYWORDS.get():
            return self.keyword if self.value is None else f"{self.keyword}={self.value!r}"
        flag = f"--{FLAGS.get(self.keyword, self.keyword.replace('_', '-'))}"
        return flag if self.value is None else f"{flag} {_argument(str(self.value))}"


def _argument(value: str) -> str:
    """Quote a value if a shell needs quotes; escape characters that cannot be printed."""
    return shlex.quote(value) if value.isprintable() else repr(value)


@contextmanager
def as_keywords() -> Iterator[None]:
    """Write options as keywords of `grokbench.run` within a block, in this thread."""
    before = _KEYWORDS.set(True)
    try:
        yield
    finally:
        _KEYWORDS.reset(before)
