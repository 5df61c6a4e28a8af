"""The suites of `nox -s claims`: shipped suites, cut down so that two cores train all of them in half an hour."""

from pathlib import Path
from typing import Any

from grokbench.suite.yaml12 import read
from grokbench.suite.yaml_text import write_yaml
from grokbench.suite_files import find

__all__ = ["REDUCED", "write"]

# suite -> its seeds, and the changed settings of its tasks. The minutes are estimates for one idle core.
SMALL: dict[str, Any] = {"samples": 6000, "epochs": 60}
REDUCED: dict[str, dict[str, Any]] = {
    "quick": {},  # 8 minutes
    "figure2": {"seeds": "1000-1001"},  # 5
    "figure3": {"seeds": "1000-1001", "tasks": {"cross_entropy": SMALL, "squared_error": SMALL}},  # 2
    "figure4": {"seeds": "1000-1001", "tasks": {"mnist": {"epochs": 2500}}},  # 7
    "figure6": {"seeds": "1000-1001", "tasks": {"mnist": {"epochs": 1500}}},  # 6
    "figure7": {"seeds": "1000-1001", "tasks": {"mnist": {"epochs": 1500}}},  # 9
    "figure8-small": {"seeds": "1000-1001"},  # 16
}


def write(name: str, folder: Path) -> Path:
    """Write the cut-down suite into a folder, and return its file.

    Args:
        name: a key of `REDUCED`.
        folder: an existing folder.
    """
    data, changes = read(find(name)).data, REDUCED[name]
    for label, settings in changes.get("tasks", {}).items():
        data["tasks"][label] = {**(data["tasks"][label] or {}), **settings}
    seeds = {"seeds": changes["seeds"]} if "seeds" in changes else {}
    file = folder / f"{name}.yaml"
    file.write_text(write_yaml({**data, **seeds, "suite": f"reduced-{name}"}), encoding="utf-8")
    return file
