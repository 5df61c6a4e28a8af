"""The JSON document of a measurement: facts about the machine, and for each part its rows with every round.

It is written whole after every row, so a process that ends early loses no finished measurement.
"""

import json
import os
import platform
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.provenance import environment

__all__ = ["Document", "facts"]

KEPT = ("grokbench", "machine", "cores", "python", "torch", "platform", "git")


@dataclass
class Document:
    """A document that grows row by row.

    Attributes:
        file: the file to write; None to keep the document in memory only.
        facts: about the machine.
        parts: name of a part -> its rows.
    """

    file: Path | None
    facts: dict[str, Any]
    parts: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def continued(cls, file: Path, facts: dict[str, Any]) -> "Document":
        """Continue the document of an earlier process, if there is one; StoreError if it is from another machine."""
        if not file.exists():
            return cls(file, facts)
        try:
            stored = json.loads(file.read_text())
            parts = {part: list(rows) for part, rows in stored.items() if part not in facts}
        except (ValueError, TypeError, AttributeError) as error:
            raise StoreError(f"{file} is not a measurement that can be continued ({error}): name another.") from error
        for name in ("machine", "device", "torch"):
            if stored.get(name) != facts[name]:
                raise StoreError(f"{file} has {name} {stored.get(name)!r}, here it is {facts[name]!r}: name another.")
        return cls(file, facts, parts)

    def add(self, part: str, row: Any) -> None:
        """Append a row to a part, and write the file."""
        self.parts.setdefault(part, []).append(row)
        if self.file:
            atomic.write(self.file, (json.dumps({**self.facts, **self.parts}, indent=1) + "\n").encode())


def facts(device: str) -> dict[str, Any]:
    """Return facts about the machine and its software, without host name and paths."""
    import torch

    known = environment()
    name = torch.cuda.get_device_name(device) if device != "cpu" else f"CPU, {platform.machine()}"
    return {
        **{name: known[name] for name in KEPT},
        "jax": metadata.version("jax") if find_spec("jax") else None,
        "device": name,
        "cuda": torch.version.cuda if device != "cpu" else None,
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),  # mean number of runnable processes in the last minute
    }
