"""Suggestions for misspelt names, and user values shortened for a sentence."""

import difflib
import json
import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Any

__all__ = ["did_you_mean", "nearest", "sentences", "short", "shown"]

MAX_NAMES = 100  # most names that `nearest` compares
MAX_PARTS = 6  # most entries of a list or a mapping that `shown` writes
MAX_DEPTH = 3  # most levels that `shown` writes


def short(text: str, limit: int = 60) -> str:
    """Cut a text that is too long for a sentence.

    Args:
        text: a text of any length.
        limit: the largest number of characters, including the `...` of a cut text.
    """
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown(value: Any) -> str:
    """Describe a value of a suite in a few words, such as `the number 3` or `the list [0.9]`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {short(value)!r}"
    if isinstance(value, int | float):
        return f"the number {short(str(value))}"
    return short(f"the {'list' if isinstance(value, list | tuple) else 'mapping'} {_flow(value, MAX_DEPTH)}")


def _flow(value: Any, depth: int) -> str:
    """Write a value as a suite could have it in one line, texts in quotes; deep and long ones end in `...`."""
    if not isinstance(value, dict | list | tuple):
        return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    pairs = value.items() if isinstance(value, dict) else (("", each) for each in value)
    parts = [f"{_key(key)}{_flow(part, depth - 1)}" for key, part in islice(pairs, MAX_PARTS if depth else 0)]
    parts += ["..."] if len(parts) < len(value) else []
    inside = ", ".join(parts)
    return f"{{{inside}}}" if isinstance(value, dict) else f"[{inside}]"


def _key(key: Any) -> str:
    return f"{key if str(key).isprintable() else repr(key)}: " if key != "" else ""


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

    If a letter of the word only looks like the expected one (a Cyrillic a, for example), the suggestion names it.

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
    """Join sentences that have no full stops: put one after each but the last, unless it ends with a question mark.

    Args:
        first: the first sentence, whose first letter is kept.
        *others: the other sentences, whose first letters become capitals.
    """
    for other in others:
        first += f"{' ' if first.endswith('?') else '. '}{other[:1].upper()}{other[1:]}"
    return first
