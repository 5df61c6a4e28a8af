"""Mutation of inputs: edits of the values in a file of a known form, and of its raw bytes.

`trees` edits values as JSON and YAML have them, `forms` takes files apart and puts them together again.
"""

from random import Random

from fuzzing.mutation.forms import FORMS
from fuzzing.mutation.raw import edit_bytes

__all__ = ["mutate"]

MOST = 3  # edits of one mutation


def mutate(data: bytes, rng: Random, form: str) -> bytes:
    """Return an input with a few edits; an input that is not of the form has its bytes edited.

    Args:
        data: the input.
        rng: the source of all choices.
        form: a key of FORMS.
    """
    for _ in range(rng.randint(1, MOST)):
        edit = FORMS[form] if rng.random() < 0.8 else edit_bytes
        try:
            data = edit(data, rng)
        except Exception:  # of the parsers of damaged files, which are many
            data = edit_bytes(data, rng)
    return data
