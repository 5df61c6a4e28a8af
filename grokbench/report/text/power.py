"""The results of a power analysis as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from grokbench.judging.power import MOST_SEEDS, SIMULATIONS, Aim, Need
from grokbench.report.text.prose import wrap
from grokbench.text.escape import markdown
from grokbench.text.lists import plural
from grokbench.text.numbers import number

__all__ = ["FORMATS", "render"]

FORMATS = ("table", "markdown", "json")
WIDTH = 120  # columns of text for people
HEADERS = ("task", "method", "pairs", "spread", "seeds needed", "power", "detectable")


def render(found: Sequence[Need], aim: Aim, style: str) -> str:
    """Write the needs of cells as text.

    Args:
        found: a need per cell.
        aim: the speed-up to detect.
        style: one of FORMATS.
    """
    if style == "json":
        return json.dumps({**asdict(aim), "cells": list(map(_plain, found))}, indent=2, allow_nan=False)
    escaped = markdown if style == "markdown" else str
    table = tabulate(
        [[escaped(cell) for cell in _cells(need)] for need in found],
        HEADERS,
        tablefmt="simple" if style == "table" else "pipe",
        disable_numparse=True,
        colalign=("left", "left", *["right"] * 5),
    )
    notes = [f"{need.task} {need.regularizer}: {need.note}" for need in found if need.note]
    lines = [line for text in [*notes, _legend(aim)] for line in wrap(escaped(text), WIDTH)]
    return "\n".join([table, "", *lines])


def _plain(need: Need) -> dict[str, Any]:
    """Turn a need into JSON data; `note` is a sentence, empty without one."""
    return asdict(need) | {"note": need.note.text if need.note else ""}


def _cells(need: Need) -> list[str]:
    seeds = str(need.seeds) if need.seeds else f"> {MOST_SEEDS}" if need.spread is not None else "-"
    spread = "-" if need.spread is None else f"{100 * need.spread:.1f}%"
    power = "-" if need.power is None else f"{need.power:.2f}"
    detectable = "-" if need.detectable is None else f"{need.detectable:.3f}x"
    return [need.task, need.regularizer, str(need.pairs), spread, seeds, power, detectable]


def _legend(aim: Aim) -> str:
    return (
        f"seeds needed: to detect a speed-up of {number(aim.speedup)} with probability {number(aim.power)}, as "
        f"significant {_corrected(aim)}. spread: standard deviation of the log ratios of the present pairs, assumed to "
        f"stay the same. power: of those seeds, in {SIMULATIONS} simulated experiments. detectable: the smallest "
        f"speed-up that the {plural(aim.planned, 'planned seed')} can detect with that probability."
    )


def _corrected(aim: Aim) -> str:
    """Name the correction, and the test where it is not the suite's own."""
    holm = f"after Holm over {plural(aim.family, 'comparison')}" if aim.family > 1 else "without a correction"
    other = "" if aim.primary == "sign_flip" else f" by the sign-flip test, where the suite's own is {aim.primary}"
    return holm + other
