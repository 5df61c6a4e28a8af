"""The JSON of a measurement: the machine, and under each part's name its rows with every round.

A document is written whole after every row, so what was measured survives whatever ends the process.
"""

import json
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.provenance import environment

__all__ = ["Document", "facts"]

KEPT = ("grokbench", "machine", "cores", "python", "torch", "platform", "git")


@dataclass
class Document:
    """Facts, and parts that grow. Without a file it is only kept in memory."""

    file: Path | None
    facts: dict[str, Any]
    parts: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def continued(cls, file: Path, facts: dict[str, Any]) -> "Document":
        """A document that goes on with what an earlier process wrote; StoreError where that was another machine."""
        if not file.exists():
            return cls(file, facts)
        try:
            stored = json.loads(file.read_text())
            parts = {part: list(rows) for part, rows in stored.items() if part not in facts}
        except (ValueError, TypeError, AttributeError) as error:
            raise StoreError(f"{file} is no measurement that could be gone on with ({error}): name another.") from error
        for name in ("machine", "device", "torch"):
            if stored.get(name) != facts[name]:
                raise StoreError(f"{file} has {name} {stored.get(name)!r}, here it is {facts[name]!r}: name another.")
        return cls(file, facts, parts)

    def add(self, part: str, row: Any) -> None:
        """Put a row at the end of a part, and write the file."""
        self.parts.setdefault(part, []).append(row)
        if self.file:
            atomic.write(self.file, (json.dumps({**self.facts, **self.parts}, indent=1) + "\n").encode())


def facts(device: str) -> dict[str, Any]:
    """The machine and what runs on it; no host name, no path."""
    import torch

    known = environment()
    name = torch.cuda.get_device_name(device) if device != "cpu" else f"CPU, {platform.machine()}"
    return {
        **{name: known[name] for name in KEPT},
        "device": name,
        "cuda": torch.version.cuda if device != "cpu" else None,
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),  # programs that wanted a core in the minute before
    }
