"""The folder of a search, which belongs to one suite, one space and one set of seeds."""

import dataclasses
import json
from typing import Any

from grokbench.errors import StoreError
from grokbench.io import atomic, json_lines, links, locks
from grokbench.text.lists import listed
from grokbench.text.options import Option
from grokbench.tune.preparation import Tuning

__all__ = ["CHOSEN", "FINDINGS", "check_folder", "remember", "write_json"]

FACTS = "search.json"
FINDINGS = "tuning.json"
CHOSEN = "chosen.yaml"
SECTIONS = ("suite", "baseline", "tasks", "regularizers", "skip", "metrics", "statistics")  # on which trials depend


def check_folder(tuning: Tuning) -> None:
    """Check that the folder of a search, if it exists, holds trials of this search; their number may differ.

    Raises:
        StoreError: the folder holds another search or is a results folder, or its record cannot be read.
    """
    path = tuning.directory / FACTS
    links.refuse_all(tuning.directory, (locks.LOCK, FACTS, FINDINGS, CHOSEN))
    if not path.exists():
        if tuning.directory.is_dir() and any(tuning.directory.glob("manifest.json")):
            raise StoreError(f"{tuning.directory} is a results folder: choose another folder ({Option('out')}).")
        return
    try:
        there = json_lines.read(dict[str, Any], path)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read ({error.strerror}): choose another folder ({Option('out')})."
        ) from None
    except ValueError:
        raise StoreError(f"{path} is no record of a search: choose another folder ({Option('out')}).") from None
    here = _facts(tuning)
    if changed := [key for key in here if there.get(key) != here[key]]:
        raise StoreError(
            f"{tuning.directory} holds the trials of another search: {listed(changed)} differ. Choose another folder "
            f"({Option('out')}), or delete {tuning.directory}."
        )


def remember(tuning: Tuning) -> None:
    """Write everything on which the trials of a folder depend, see `check_folder`."""
    write_json(tuning, FACTS, _facts(tuning))


def write_json(tuning: Tuning, name: str, data: Any) -> None:
    """Write data as indented JSON into the folder of a search.

    Args:
        tuning: the search.
        name: the name of the file.
        data: mappings, lists and finite numbers.

    Raises:
        StoreError: the file cannot be written.
    """
    content = f"{json.dumps(data, indent=1, allow_nan=False)}\n".encode()
    atomic.write(tuning.directory / name, content, tuning.directory)


def _facts(tuning: Tuning) -> dict[str, Any]:
    """Return everything that decides the values of the trials and their scores, except the number of trials."""
    data = tuning.suite.document.data
    facts = {key: data.get(key) for key in SECTIONS}
    facts |= {key: value for key, value in dataclasses.asdict(tuning.search).items() if key != "n_trials"}
    facts |= {"precision": tuning.request.precision}
    as_read: dict[str, Any] = json.loads(json.dumps(facts))
    return as_read
