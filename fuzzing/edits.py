"""Inputs of the corpus that are stored as an edit of a valid input, so that they follow changes of file formats."""

import json
from collections.abc import Callable
from typing import Any

__all__ = ["SUFFIX", "apply"]

SUFFIX = ".edit"  # of a file such as {"line": 0, "path": ["manifest", "statistics", "alpha"], "value": 5}


def apply(edit: bytes, sound: bytes, mend: Callable[[bytes], bytes]) -> bytes:
    """Set one value in a line of JSON.

    Args:
        edit: JSON with `path`, the keys and indices that lead to a value, and `value`. Optional: `line`, 0 by default;
            `mend`, true by default.
        sound: the input to change.
        mend: see `targets.Target.mend`.
    """
    what: dict[str, Any] = {"line": 0, "mend": True, **json.loads(edit)}
    lines = sound.split(b"\n")
    tree = parent = json.loads(lines[what["line"]])
    for key in what["path"][:-1]:
        parent = parent[key]
    parent[what["path"][-1]] = what["value"]
    lines[what["line"]] = json.dumps(tree).encode()
    edited = b"\n".join(lines)
    return mend(edited) if what["mend"] else edited
