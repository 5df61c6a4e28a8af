"""Suggestions for misspelt names, and user values shortened for a sentence."""

import difflib
import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Any

__all__ = ["did_you_mean", "nearest", "sentences", "short", "shown"]

MAX_NAMES = 100  # most names that `nearest` compares


def short(text: str, limit: int = 60) -> str:
    """Cut a text that is too long for a sentence.

    Args:
        text: a text of any length.
        limit: the largest number of characters, with the `...` of a cut text.
    """
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown(value: Any) -> str:
    """Describe a value of a suite in a few words, such as `the number 3`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {short(value)!r}"
    if isinstance(value, int | float):
        return f"the number {short(str(value))}"
    return "a list" if isinstance(value, list) else "a mapping"


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most similar to a word, ignoring case.

    Args:
        word: the word that the user wrote.
        names: the known names, of which the first MAX_NAMES are compared.

    Returns:
        The name; None if none is similar enough.
    """
    folded = {name.casefold(): name for name in islice(names, MAX_NAMES)}
    near = difflib.get_close_matches(word[:80].casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return `. Did you mean 'x'?` for the nearest name, to append to a sentence; empty if no name is near.

    A letter that only looks like the expected one (a Cyrillic a, for example) is named.

    Args:
        word: the word that the user wrote.
        names: the known names.
    """
    name = nearest(word, names)
    if name is None:
        return ""
    odd = next((letter for letter in word if ord(letter) > 127 and letter not in name), None)
    letter = f" ({odd!r} here is {unicodedata.name(odd, hex(ord(odd)))})" if odd else ""
    return f". Did you mean {name!r}?{letter}"


def sentences(first: str, *others: str) -> str:
    """Join sentences without full stops, and add a full stop to each sentence that has no question mark.

    Args:
        first: the first sentence, whose first letter is kept.
        *others: their first letters become capitals.
    """
    for other in others:
        first += f"{' ' if first.endswith('?') else '. '}{other[:1].upper()}{other[1:]}"
    return first
