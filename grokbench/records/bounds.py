"""Types for numbers in the files of a folder; pydantic checks their ranges when it reads a record.

Records that the program itself makes are not checked, because their numbers were checked when a suite was read.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from grokbench.criterion import parse_condition
from grokbench.validation import MAX_SEED, is_count

__all__ = [
    "Better",
    "Count",
    "Criterion",
    "Digest",
    "Epoch",
    "Every",
    "Finite",
    "JsonObject",
    "Labels",
    "Moment",
    "Provenance",
    "Seconds",
    "Seed",
    "Seeds",
    "Uses",
]

LATEST = 10**12  # most epochs, or evaluations: at a microsecond each they would take 11 days
MOST_SEEDS = 100_000  # most seeds of a folder: ten times as many as a suite may have
# Keys of provenance: those whose values are compared and printed, and those whose values are mappings.
FACTS = "device device_name machine torch precision grokbench engine pace timed_at curves reference".split()
SCALARS = frozenset({str, int, bool, type(None)})
TABLES = ("measured", "data", "imports", "origins", "git")


def _condition(text: str) -> str:
    parse_condition(text)
    return text


def _finite(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse numbers that strict JSON lacks, at any depth: pydantic reads `1e999` as infinity."""
    waiting: list[Any] = [found]
    while waiting:
        value = waiting.pop()
        if type(value) in SCALARS:  # most values, and a check of exact types is fast
            continue
        if isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError("a number is not finite")
        elif isinstance(value, dict | list | tuple):
            waiting += value.values() if isinstance(value, dict) else value
        elif isinstance(value, Mapping):
            waiting += value.values()
    return found


def _uses(found: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    """Refuse a metric that lacks a plugin, the plugin's parameters or a cadence."""
    for label, how in found.items():
        every = how.get("every")
        if isinstance(every, Mapping):
            every = every.get("per_decade", 0) if len(every) == 1 else 0
        known = isinstance(how.get("use"), str) and isinstance(how.get("parameters"), Mapping) and "every" in how
        if not known or not (every is None or is_count(every)) or how.get("weights", "raw") != "raw":
            raise ValueError(f"the metric {label} must have a plugin (`use`), its parameters and a cadence (`every`)")
    return found


def _provenance(found: Mapping[str, Any]) -> Mapping[str, Any]:
    if wrong := [key for key in TABLES if not isinstance(found.get(key), Mapping | None)]:
        raise ValueError(f"{wrong[0]} in provenance must be a mapping")
    if wrong := [key for key in FACTS if not isinstance(found.get(key), str | int | float | None)]:
        raise ValueError(f"{wrong[0]} in provenance must be a text or a number")
    versions = [*(found.get("data") or {}).values(), *(found.get("imports") or {}).values()]
    if not all(isinstance(version, str | None) for version in versions):
        raise ValueError("digests and versions in provenance must be texts")
    return found


Count = Annotated[int, Field(strict=True, ge=0, le=LATEST)]
Epoch = Count
Finite = Annotated[float, Field(allow_inf_nan=False)]
JsonObject = Annotated[Mapping[str, Any], AfterValidator(_finite)]
Every = Annotated[int, Field(strict=True, ge=1, le=LATEST)]  # for a budget, or for the epochs between evaluations
Labels = Annotated[tuple[str, ...], Field(max_length=10_000)]
Seconds = Annotated[float, Field(ge=0, lt=1e12, allow_inf_nan=False)]
Moment = Annotated[float, Field(ge=0, lt=4e9, allow_inf_nan=False)]  # seconds since 1970, until 2096
Seed = Annotated[int, Field(strict=True, ge=0, le=MAX_SEED)]
Seeds = Annotated[tuple[Seed, ...], Field(max_length=MOST_SEEDS)]
Better = Annotated[str, Field(pattern="^(higher|lower)$")]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{0,64}$")]
Criterion = Annotated[str, AfterValidator(_condition)]
Uses = Annotated[Mapping[str, JsonObject], AfterValidator(_uses)]
Provenance = Annotated[JsonObject, AfterValidator(_provenance)]
