"""Figures that were drawn, taken apart: their specifications, the rows of their data, and the text of an SVG."""

import xml.etree.ElementTree as ElementTree

from grokbench.judging.evidence import gather
from grokbench.report.charts import FIGURES, drawings
from grokbench.store import Store

from . import awkward_labels, curve_folders

TWO = ("parity", "another")
SVG = "{http://www.w3.org/2000/svg}"
KINDS = ["sound", "awkward", "60", *curve_folders.AWKWARD]


def gathered(folder, kind):
    """The evidence of a folder of that kind."""
    make = {
        "awkward": awkward_labels.make,
        "sound": lambda at: curve_folders.make(at, tasks=TWO),
        "60": curve_folders.crowded,
    }
    make = make.get(kind) or (lambda at: curve_folders.make(at, **curve_folders.AWKWARD[kind]))
    return gather(Store.load(make(folder)))


def drawn(sheet):
    return [drawing for figure in FIGURES for drawing in drawings(sheet, figure)]


def one(sheet, figure, task="parity"):
    """The specification of a figure."""
    (found,) = [drawing for drawing in drawings(sheet, figure) if drawing.task == task]
    return found.specification


def rows(specification, *fields):
    """Every row of a specification's data that has these fields."""
    every = [row for data in specification["datasets"].values() for row in data]
    return [row for row in every if set(fields) <= set(row)]


def shown_text(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text") if text.text]
