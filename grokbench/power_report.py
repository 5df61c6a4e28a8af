"""What a power analysis found, as text: for people (table, markdown) and for programs (json)."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from tabulate import tabulate

from grokbench.matrix import plural
from grokbench.notes import number
from grokbench.power import MOST_SEEDS, SIMULATIONS, Need
from grokbench.prose import wrap

__all__ = ["FORMATS", "render"]

FORMATS = ("table", "markdown", "json")
WIDTH = 120  # columns of text for people
HEADERS = ("task", "method", "pairs", "spread", "seeds needed", "power", "detectable")


def render(found: Sequence[Need], style: str, *, planned: int, family: int, speedup: float, power: float) -> str:
    """The needs as text in one of FORMATS."""
    asked = {"speedup": speedup, "power": power, "planned_seeds": planned, "family": family}
    if style == "json":
        return json.dumps({**asked, "cells": [asdict(need) for need in found]}, indent=2, allow_nan=False)
    table = tabulate(
        [_cells(need) for need in found],
        HEADERS,
        tablefmt="simple" if style == "table" else "pipe",
        disable_numparse=True,
        colalign=("left", "left", *["right"] * 5),
    )
    notes = [f"{need.task} {need.regularizer}: {need.note}" for need in found if need.note]
    lines = [line for text in [*notes, _legend(speedup, power, planned, family)] for line in wrap(text, WIDTH)]
    return "\n".join([table, "", *lines])


def _cells(need: Need) -> list[str]:
    seeds = str(need.seeds) if need.seeds else f"> {MOST_SEEDS}" if need.spread is not None else "-"
    spread = "-" if need.spread is None else f"{100 * need.spread:.1f}%"
    power = "-" if need.power is None else f"{need.power:.2f}"
    detectable = "-" if need.detectable is None else f"{need.detectable:.3f}x"
    return [need.task, need.regularizer, str(need.pairs), spread, seeds, power, detectable]


def _legend(speedup: float, power: float, planned: int, family: int) -> str:
    return (
        f"seeds needed: to detect a speed-up of {number(speedup)} with probability {number(power)}, as significant "
        f"after Holm over {plural(family, 'comparison')}. spread: standard deviation of the log ratios of the pairs "
        f"that are there; it is assumed to stay. power: of those seeds, in {SIMULATIONS} simulated experiments. "
        f"detectable: the smallest speed-up that the {plural(planned, 'planned seed')} detect so often."
    )
