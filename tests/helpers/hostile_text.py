"""A results folder whose texts contain code for terminals, pages, papers and spreadsheets."""

import unicodedata
from dataclasses import replace

from grokbench.records import Cell, Manifest, Outcome, Published, Skip, Timing
from grokbench.store import Store

from .result_folders import BASELINE, FASTER, HERE, SEEDS, a_run, recipe_of

ITEMS = (
    *(
        "\nFORGED  1/1",
        "\rFORGED",
        "\t",
        "\x1b[31mred",
        "\x1b]8;;http://e\x07link",
        "\x1b]52;c;aGk=\x07",
        "\x9b2J",
        "\0",
    ),
    *("\x7f", "\u202eright", "\u2066", "\u200b", "\ufeff", "\u2028", "\u3164", "e" + "\u0301" * 40, "\U000e0041"),
    *("|", "</script><img src=x onerror=alert(1)>", "$\\input{/etc/passwd}", "`", "中文", "{{7*7}}", "%s{x}"),
)
ALL = "".join(ITEMS)
LABELS = tuple(f"{sign}cmd(){ALL}" for sign in "=+-@")
INVISIBLE = "\u034f\u115f\u1160\u3164\uffa0\ufeff"


def make(directory):
    """A baseline and a method for each of LABELS, one with a failed replica; every other text is hostile too."""
    made = {key: HERE.get(key) for key in HERE if key in ("device", "precision", "engine")}
    made |= {key: ALL for key in ("machine", "device_name", "torch", "python", "cpu", "platform")}
    made["git"] = {"commit": LABELS[0], "dirty": True}
    cells = [_cell(label, f"c{number}") for number, label in enumerate(("baseline", *LABELS))]
    published = Published(ALL, {ALL: {"baseline": 100.0, LABELS[0]: 50.0}})
    skips = (Skip(ALL, LABELS[1], ALL),)
    given = (LABELS[0], ALL, "baseline", SEEDS, tuple(cells))
    with Store.open(directory, Manifest(*given, skipped=skips, published=published)) as store:
        for cell in cells:
            for seed, epochs in zip(SEEDS, BASELINE if cell.regularizer == "baseline" else FASTER, strict=True):
                run = a_run(cell, seed, epochs, made)
                failed = (cell.identity, seed) == ("c4", SEEDS[-1])
                end = {"outcome": Outcome.FAILED, "grokked_at": None, "error": f"RuntimeError: {ALL}"} if failed else {}
                store.save(replace(run, final={**run.final, ALL: 0.5}, **end))
            store.save_timing(Timing(cell.identity, (0.1, 0.12, 0.11), made))
    return directory


def _cell(label, identity):
    recipe = replace(recipe_of(label), grokked={"test_accuracy": "> 0.9"})
    metrics = {"test_accuracy": "higher", ALL: None}
    return Cell(ALL, label, identity, recipe, 200, 2, metrics, privileges=() if label == "baseline" else (ALL,))


def acting(text):
    """The characters of a printed text that are neither visible nor an end of a line."""
    marks = [unicodedata.combining(char) > 0 for char in text]
    piles = any(all(marks[i : i + 6]) for i in range(len(marks) - 5))
    return sorted({c for c in text if c != "\n" and (not c.isprintable() or c in INVISIBLE)}) + ["a pile"] * piles
