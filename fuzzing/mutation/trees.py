"""Edits of trees of values, such as those of JSON and YAML, and their text with repeated keys or deep nesting."""

import json
import re
from random import Random
from typing import Any

__all__ = ["edit_tree", "json_text"]

DEEP = "\x00deep"  # stands for nesting that is deeper than `json.dumps` can write
DEPTHS = (30, 300, 100_000)
NUMBERS = (
    0, 1, -1, 2, 0.5, -0.0, 1e-320, 1e308, -1e308, 10**9, 10**18, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63), 10**40,
    10**400, float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "x", "NaN", "Infinity", "-Infinity", "1e999", "../../x", "a/b", "\x00", "\n", "\x1b[2J", "\u202e",
    "\ud800", "=1+1", "<script>", "> 0.5", "< 1e308", "> " + "1" * 5000 + "x", "9" * 5000, "x" * 100_000, "0-9999",
    "é" * 70, DEEP,
)  # fmt: skip
OTHERS = (None, True, False, [], {}, [[]], {"": {}}, [None], {"a": 1})


def edit_tree(tree: Any, rng: Random) -> Any:
    """Return the tree after one edit: a value or key is changed, removed, repeated or replaced by another of the tree.

    Args:
        tree: the tree; it is changed in place.
        rng: the source of all choices.
    """
    places = list(_places(tree))
    if not places or rng.random() < 0.01:
        return _value(tree, rng, tree)
    parent, key = rng.choice(places)
    what = rng.randrange(10)
    if what == 0:
        del parent[key]
    elif what == 1 and isinstance(parent, dict):
        parent[rng.choice((*TEXTS[:-1], rng.choice(places)[1]))] = parent.pop(key)
    elif what == 2 and isinstance(parent, list):
        parent[key:key] = parent[key : key + 1] * rng.choice((1, 2, 1000))
    else:
        other, name = rng.choice(places)
        parent[key] = _value(parent[key], rng, other[name])
    return tree


def _places(tree: Any) -> Any:
    """Yield the parent and the key of every value below a tree."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(items):
        yield tree, key
        yield from _places(value)


def _value(old: Any, rng: Random, other: Any) -> Any:
    """Return a value to replace another one: a close one, an extreme one, one of another type, or one of the tree."""
    ways = [lambda: rng.choice(NUMBERS), lambda: rng.choice(TEXTS), lambda: rng.choice(OTHERS), lambda: _copy(other)]
    if isinstance(old, int | float):
        ways += [lambda: old + 1, lambda: -old, lambda: old * 10, lambda: float(old), lambda: str(old)] * 2
    elif isinstance(old, str):
        ways += [lambda: old + rng.choice(TEXTS[:-1]), lambda: old[: len(old) // 2], lambda: old.upper(), lambda: [old]]
    return rng.choice(ways)()


def _copy(tree: Any) -> Any:
    """Copy a tree, so that a later edit changes only one of the two, and no tree contains itself."""
    return json.loads(json.dumps(tree))


def json_text(tree: Any, rng: Random) -> str:
    """Write a tree as JSON, sometimes with a repeated key; NaN and infinity are written as `NaN` and `Infinity`.

    Args:
        tree: the tree.
        rng: the source of all choices.
    """
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5, separators=(",", ":"))
    keys = [found.start() for found in re.finditer(r'(?<=[{,])"[^"]*":', text)] if rng.random() < 0.05 else []
    if keys:
        at = rng.choice(keys)
        text = f"{text[:at]}{text[at : text.index(':', at)]}:{rng.choice(('null', '0', '1e999', '{}'))},{text[at:]}"
    depth = rng.choice(DEPTHS)
    return text.replace(json.dumps(DEEP), "[" * depth + "]" * depth)
