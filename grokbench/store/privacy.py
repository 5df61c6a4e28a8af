"""Removal of a machine's paths and users' names from records, so that a packed folder can be published.

A recipe is not changed, because the identity of the cell depends on it; `paths_left` finds the paths in it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from grokbench.records import Manifest, Run, Timing
from grokbench.text.lists import listed, plural
from grokbench.text.private import paths_in, without_private

__all__ = ["about_machines", "paths_left", "public_manifest", "public_run", "public_timing", "texts"]

SHOWN = ("platform", "cpu", "cores", "device_name", "python", "grokbench", "torch", "numpy", "scipy", "git")
COMPARED = ("origins", "measured")  # keys of provenance that are compared with the plan; they contain no free text


def public_manifest(manifest: Manifest) -> Manifest:
    """Clean the texts of a suite: its description, its reasons for skipping, and the source of published numbers."""
    published = manifest.published
    return replace(
        manifest,
        description=without_private(manifest.description),
        skipped=tuple(replace(skip, why=without_private(skip.why)) for skip in manifest.skipped),
        published=published and replace(published, source=without_private(published.source)),
    )


def public_run(run: Run) -> Run:
    """Clean the traceback and the provenance of a run."""
    error = run.error and without_private(run.error)
    return replace(run, error=error, provenance=_public_provenance(run.provenance))


def public_timing(timing: Timing) -> Timing:
    """Clean the provenance of a timing."""
    return replace(timing, provenance=_public_provenance(timing.provenance))


def about_machines(runs: Sequence[Run]) -> Iterator[str]:
    """Return two sentences: what runs reveal about the machines on which they were made, and what was removed."""
    made = [public_run(run).provenance for run in runs]
    facts = {key: list(dict.fromkeys(str(_fact(each[key])) for each in made if each.get(key))) for key in SHOWN}
    known = "; ".join(f"{key} {listed(_shortened(values))}" for key, values in facts.items() if values)
    failed = sum(run.error is not None for run in runs)
    yield f"{plural(len(runs), 'replica')}, {failed} failed. About the machine: {known or 'nothing'}."
    yield "Paths and names of users are removed from tracebacks and from the suite's texts."


def _shortened(values: list[str], most: int = 3) -> list[str]:
    """Write the first values, and the number of the others."""
    return values if len(values) <= most else [*values[:most], f"{len(values) - most} more"]


def _fact(value: Any) -> Any:
    """Write a value of provenance; for a git state, write the commit and whether files were changed."""
    commit = value.get("commit") if isinstance(value, Mapping) else None
    return f"{str(commit)[:12]}{' with changes' if value.get('dirty') else ''}" if commit else value


def paths_left(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield (file name, path) for each path of a machine that is left in JSON to be published."""
    for name, content in files.items():
        if name.endswith((".json", ".jsonl")):
            for line in content.splitlines():
                yield from ((name, path) for text in texts(json.loads(line)) for path in paths_in(text))


def texts(value: Any) -> Iterator[str]:
    """Yield every text in JSON data, keys included; leave out tracebacks, which have been cleaned."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        yield from (text for name, each in value.items() if name != "error" for text in texts(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in texts(each))


def _public_provenance(provenance: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value if key in COMPARED else _public(value) for key, value in provenance.items()}


def _public(value: Any) -> Any:
    if isinstance(value, str):
        return without_private(value)
    if isinstance(value, Mapping):
        return {key: _public(each) for key, each in value.items()}
    return [_public(each) for each in value] if isinstance(value, list | tuple) else value
