"""The JSON schema of a submission: the lines of each file of a packed folder.

The schema is made from the records that GrokBench itself reads, but it refuses unknown keys. It is shipped beside this
module as `submission.schema.json`; `python -m grokbench.submissions.schema` prints it anew.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import TypeAdapter

from grokbench.records import Run, Timing
from grokbench.store.ledger import Event
from grokbench.store.manifests import File
from grokbench.store.packs import Curves

__all__ = ["FILE", "faults", "make_schema", "schema"]

FILE = "submission.schema.json"
LINES: Mapping[str, Any] = {  # name of a file -> the type of its lines
    "manifest.json": File,
    "outcomes.jsonl": Run,
    "curves.jsonl": Curves,
    "timings.jsonl": Timing,
    "ledger.jsonl": Event,
}
PROSE = ("description", "title", "default")  # keywords that do not restrict anything
NAMES = ("properties", "$defs")  # keywords whose own keys are names
NOT_FINITE = {"enum": ["NaN", "Infinity", "-Infinity"]}
TEXT, NUMBER, TABLE = {"type": ["string", "null"]}, {"type": ["number", "null"]}, {"type": ["object", "null"]}
PROVENANCE = {  # every key that the provenance may have; others could name a person or the owner of a machine
    **dict.fromkeys("grokbench python torch numpy scipy platform cpu machine device precision".split(), TEXT),
    **dict.fromkeys("device_name pace timed_at curves reference".split(), TEXT),
    **dict.fromkeys(("cores", "engine"), NUMBER),
    **dict.fromkeys(("measured", "data", "imports", "origins", "git"), TABLE),
}


def make_schema() -> dict[str, Any]:
    """Make the schema from the records; `$defs` has one entry for each file, which describes its lines."""
    definitions = {name: _closed(TypeAdapter(kind).json_schema(ref_template=f"#/$defs/{name}/$defs/{{model}}"))
                   for name, kind in LINES.items()}  # fmt: skip
    for name in ("outcomes.jsonl", "timings.jsonl"):
        definitions[name]["properties"]["provenance"] = {
            "type": "object",
            "properties": PROVENANCE,
            "additionalProperties": False,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A submission to GrokBench",
        "description": "The lines of the files in a folder that `grokbench prepare-submission` writes.",
        "$defs": definitions,
    }


@cache
def schema() -> dict[str, Any]:
    """Read the published schema."""
    found: dict[str, Any] = json.loads(resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return found


def faults(name: str, line: bytes) -> Iterator[str]:
    """Yield a clause for each place where a line does not fit the schema, such as `group.0: -1 is less than ...`.

    Args:
        name: the name of the file.
        line: a line of the file, which is valid JSON.
    """
    for error in _validator(name).iter_errors(json.loads(line)):
        place = ".".join(map(str, error.absolute_path))
        yield f"{place or 'the line'}: {error.message[:200]}"


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator({**schema(), "$ref": f"#/$defs/{name}"})


def _closed(part: Any) -> Any:
    """Forbid unknown keys of records, drop prose, and allow the texts that stand for NaN and infinity."""
    if isinstance(part, list):
        return list(map(_closed, part))
    if not isinstance(part, Mapping):
        return part
    found = {
        key: {name: _closed(each) for name, each in value.items()} if key in NAMES else _closed(value)
        for key, value in part.items()
        if key not in PROSE
    }
    if found.get("type") == "object" and "properties" in found:
        found.setdefault("additionalProperties", False)
    if found == {"type": "number"}:
        return {"anyOf": [found, NOT_FINITE]}
    return found


if __name__ == "__main__":
    print(json.dumps(make_schema(), indent=1, sort_keys=True))
