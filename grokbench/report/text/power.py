"""The results of a power analysis as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from tabulate import tabulate

from grokbench.judging.power import LIMIT, Need
from grokbench.judging.sample_size import MOST_SEEDS, SIMULATIONS, Aim
from grokbench.report.text.prose import wrap
from grokbench.text.escape import markdown
from grokbench.text.lists import plural
from grokbench.text.numbers import NOTHING, number
from grokbench.text.table import table

__all__ = ["FORMATS", "render"]

FORMATS = ("table", "markdown", "json")
WIDTH = 120  # columns of text for people
HEADERS = ("task", "method", "pairs", "spread", "seeds needed", "power", "detectable")


def render(found: Sequence[Need], aim: Aim, style: str) -> str:
    """Write the needs of cells as text.

    Args:
        found: the need of each cell.
        aim: the speed-up to detect.
        style: one of FORMATS.
    """
    if style == "json":
        settings = {**asdict(aim), "limit": LIMIT}
        return json.dumps({**settings, "cells": list(map(_plain, found))}, indent=2, allow_nan=False)
    rows, sides = map(_cells, found), ("left", "left", *["right"] * 5)
    escaped: Callable[[str], str] = str
    if style == "table":
        written = table(rows, HEADERS, sides)
    else:
        escaped, cells = markdown, [list(map(markdown, row)) for row in rows]
        written = tabulate(cells, HEADERS, tablefmt="pipe", disable_numparse=True, colalign=sides)
    notes = [f"{need.task} {need.regularizer}: {need.note}" for need in found if need.note]
    lines = [line for text in [*notes, _legend(aim)] for line in wrap(escaped(text), WIDTH)]
    return "\n".join([written, "", *lines])


def _plain(need: Need) -> dict[str, Any]:
    """Convert a need to JSON data; `note` is a sentence, or empty."""
    return asdict(need) | {"note": need.note.text if need.note else ""}


def _cells(need: Need) -> list[str]:
    known = need.spread is not None
    return [
        need.task,
        need.regularizer,
        str(need.pairs),
        _to(need.spread, need.spread_limit, lambda spread: f"{100 * spread:.1f}%"),
        _to(need.seeds, need.seeds_limit, str, f"> {MOST_SEEDS}" if known else NOTHING),
        _to(need.power, need.power_limit, "{:.2f}".format),
        _to(need.detectable, need.detectable_limit, "{:.3f}x".format),
    ]


def _to(value: float | None, limit: float | None, write: Callable[[float], str], missing: str = NOTHING) -> str:
    """Write a value, followed by the value at the upper limit of the spread if the two differ as text."""
    shown, other = (missing if each is None else write(each) for each in (value, limit))
    return shown if shown == other else f"{shown} (to {other})"


def _legend(aim: Aim) -> str:
    return (
        f"seeds needed: the number that detects a speed-up of {number(aim.speedup)} with probability "
        f"{number(aim.power)}, as significant {_corrected(aim)}. spread: standard deviation of the log ratios of the "
        f"present pairs, assumed to stay the same. power: the power with that number, in {SIMULATIONS} simulated "
        f"experiments. detectable: the smallest speed-up that the {plural(aim.planned, 'planned seed')} can detect "
        "with that probability. to: the value at the upper limit of the spread, a one-sided "
        f"{100 * LIMIT:g}% confidence limit (chi-square) that assumes normal log ratios. Plan with these larger "
        "numbers of seeds, because the spread of a few pairs is uncertain."
    )


def _corrected(aim: Aim) -> str:
    """Name the correction, and the test if it is not the suite's own."""
    holm = f"after Holm over {plural(aim.family, 'comparison')}" if aim.family > 1 else "without a correction"
    other = "" if aim.primary == "sign_flip" else f" by the sign-flip test, where the suite's own is {aim.primary}"
    return holm + other
