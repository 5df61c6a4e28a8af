"""The record of a search by `grokbench tune`."""

import json
from pathlib import Path

from fuzzing.targets import Target
from fuzzing.targets.results import SUITE

__all__ = ["searches"]


def searches(folder: Path) -> Target:
    """Make the target `search.json`, which decides whether a folder of trials is continued.

    Args:
        folder: an empty folder.
    """
    from grokbench.runner.request import Request
    from grokbench.tune.folder import check_folder, remember
    from grokbench.tune.preparation import prepare

    (folder / "suite.yaml").write_text(SUITE, encoding="utf-8")
    tuning = prepare(Request(str(folder / "suite.yaml"), out=str(folder / "search"), device="cpu"))
    tuning.directory.mkdir()
    remember(tuning)
    file = tuning.directory / "search.json"

    def read(data: bytes) -> None:
        file.write_bytes(data)
        check_folder(tuning)

    return Target(read, (json.dumps(json.loads(file.read_bytes())).encode(),), "json")
