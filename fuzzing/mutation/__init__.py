"""Mutation of inputs: edits of the values in a file of a known format, and of its raw bytes.

`trees` edits trees of values, such as those of JSON and YAML. `forms` decodes a file, edits it and encodes it again.
"""

from random import Random

from fuzzing.mutation.forms import FORMS
from fuzzing.mutation.raw import edit_bytes

__all__ = ["mutate"]

MOST = 3  # edits of one mutation


def mutate(data: bytes, rng: Random, form: str) -> bytes:
    """Return an input with a few edits; if the input does not have the format, its bytes are edited.

    Args:
        data: the input.
        rng: the source of all choices.
        form: a key of FORMS.
    """
    for _ in range(rng.randint(1, MOST)):
        edit = FORMS[form] if rng.random() < 0.8 else edit_bytes
        try:
            data = edit(data, rng)
        except Exception:  # parsers raise many kinds of errors for damaged files
            data = edit_bytes(data, rng)
    return data
