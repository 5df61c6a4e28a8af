"""Notes in other words, and the outputs of a results folder with the kinds of notes in place of their words."""

import csv
import json
from contextlib import contextmanager
from functools import cache
from html import escape

import pytest

from grokbench.judging.evidence import gather
from grokbench.judging.note import Note
from grokbench.report.charts import FIGURES, Sheet, drawings
from grokbench.report.html import document
from grokbench.report.methods import paragraphs
from grokbench.report.text import FORMATS, render, render_text
from grokbench.report.text.markup import fragment
from grokbench.report.text.prose import warnings
from grokbench.store import Store
from grokbench.text.escape import latex_prose, markdown

from .html_elements import Page

WRITTEN = {"latex": latex_prose, "markdown": markdown, "html": escape, "json": lambda text: json.dumps(text)[1:-1]}


@contextmanager
def notes_made(reworded):
    """Collect the notes made while active; if `reworded`, replace their texts, so that equal ones stay equal."""
    made, original, words = [], Note.__init__, {}

    def init(note, *arguments, **keywords):
        original(note, *arguments, **keywords)
        if reworded:
            object.__setattr__(note, "text", words.setdefault(note.text, f"other{len(words):05d}words"))
        made.append(note)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Note, "__init__", init)
        yield made


def leaderboards(folder):
    """The leaderboard in every format, and the places of its notes."""
    evidence = gather(Store.load(folder))
    board, page = evidence.leaderboard, Page(document(evidence))
    shown = {format: render(board, format) for format in FORMATS}
    shown |= {"csv": cells(shown["csv"]), "html notebook": fragment(board), "page": "\n".join(page.texts)}
    shown |= {
        "json of elements": json.dumps(page.elements),
        "data": without_words(json.loads(page.scripts[0])["datasets"]),
    }
    shown["markdown of methods"] = render_text(paragraphs(evidence.comparisons), "markdown")
    for figure in FIGURES:
        shown[figure] = "".join(map(_drawing, drawings(Sheet(evidence), figure)))
    kinds = [[(note.kind, note.severity, note.facts) for note in row.notes] for row in board.rows]
    return shown, kinds, [(note.kind, note.facts) for note in warnings(board)]


def cells(text):
    """The cells of a table in CSV, without the quotation marks that some words need."""
    return "\n".join(" | ".join(row) for row in csv.reader(text.splitlines()))


def without_words(datasets):
    """The data of the charts, without the notes that are shown on hover."""
    return json.dumps([{name: column for name, column in each.items() if name != "said"} for each in datasets.values()])


def _drawing(drawing):
    rows = [row for data in drawing.specification["datasets"].values() for row in data]
    kept = [{name: value for name, value in row.items() if name != "said"} for row in rows]
    return json.dumps([drawing.specification | {"datasets": None, "data": None, "layer": None}, kept], default=str)


def skeleton(shown, made):
    """The texts with the kind of a note in place of its words, and blanks in place of line breaks."""
    found = {}
    for name, text in shown.items():
        write = next((each for format, each in WRITTEN.items() if name.startswith(format)), str)
        words = {" ".join(write(note.text).split()): note.kind for note in made}
        text = " ".join(text.split())
        for each in sorted(words, key=len, reverse=True):
            text = text.replace(each, f"[{words[each]}]")
        found[name] = text
    return found


@cache  # several tests look at the same folder
def both(show, *arguments):
    """The outputs with the original words and with other words: skeletons of texts, and other data as it is."""
    found = []
    for reworded in (False, True):
        with notes_made(reworded) as made:
            shown, *rest = show(*arguments)
        assert made and all(note.text.startswith("other") for note in made) == reworded
        found.append((skeleton(shown, made), rest, {note.kind for note in made}))
    return found
