"""Notes are for people: with other words in every one, rows, columns, warnings and footnotes stay as they are."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from grokbench.judging.compare_folders import contrast
from grokbench.judging.comparison import compare
from grokbench.judging.note import Kind, Severity
from grokbench.judging.power import needs
from grokbench.judging.ranking import rank
from grokbench.judging.sample_size import Aim
from grokbench.judging.seconds import costs
from grokbench.report.export import export
from grokbench.report.text import FORMATS, render
from grokbench.report.text import folder_comparison as contrast_text
from grokbench.report.text import power as power_text
from grokbench.report.text import seconds as seconds_text
from grokbench.report.text.prose import warnings
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import edited_folders, noted_folders, result_folders, tiny
from .helpers.noted_folders import LENIENT, PAIRED_T
from .helpers.rewording import both, cells, leaderboards, notes_made, skeleton

PAPER = Path(__file__).parents[1] / "results" / "paper"
MADE_BY_EACH_CALL = (Kind.ENVIRONMENT_DIFFERS, Kind.TIME_UNCERTAIN, Kind.TIME_REFUSED)  # of `warnings`
AIM = Aim(speedup=1.001, power=0.8, planned=4, family=19, alpha=0.05)


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    return noted_folders.make(tmp_path_factory.mktemp("noted") / "a")


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    """Two tasks of the paper's results, with notes on all that its rows have notes on but the cell that is left out."""
    folder = shutil.copytree(PAPER, tmp_path_factory.mktemp("paper") / "a")
    data = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest = data["manifest"]
    manifest["cells"] = [cell for cell in manifest["cells"] if cell["task"] in ("mnist_mse", "modular_addition")]
    (folder / "manifest.json").write_text(json.dumps(data), "utf-8")
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Folders to compare the first with, each different in another way."""
    at = tmp_path_factory.mktemp("others")
    elsewhere = result_folders.HERE | {"torch": "3.0"}
    return [
        noted_folders.make(at / "elsewhere", provenance=elsewhere),
        noted_folders.make(at / "longer", budget=400),
        noted_folders.make(at / "seeds", seeds=(*noted_folders.SEEDS, 1004)),
        noted_folders.make(at / "alone", baselines=False),
    ]


@pytest.fixture(scope="module")
def edited(tmp_path_factory):
    """Folders whose suite was edited after a look, at a declared look, and before the first."""
    at = tmp_path_factory.mktemp("edited")
    return [edited_folders.edited(at / "after"), *(edited_folders.in_part(at / str(n), n) for n in (6, 4))]


def judged(folder):
    """Its leaderboard in every format, with its history."""
    board = pipeline.judge(Store.load(folder))
    shown = {format: render(board, format) for format in FORMATS}
    return shown | {"csv": cells(shown["csv"])}, [note.kind for note in warnings(board)]


def test_what_is_said_of_an_edited_suite_in_other_words(edited):
    for folder in edited:
        plain, other = both(judged, folder)
        assert plain == other


@pytest.mark.parametrize("where", ["noted", "paper"])
def test_a_leaderboard_in_other_words_has_the_same_rows_warnings_and_footnotes(where, request):
    plain, other = both(leaderboards, request.getfixturevalue(where))
    for name, text in plain[0].items():
        assert other[0][name] == text, name
    assert other[1:] == plain[1:]


def test_what_several_rows_share_is_a_warning_and_stands_once(noted):
    for reworded in (False, True):
        with notes_made(reworded):
            board = rank(_compared(noted))
            shared = warnings(board)
        assert {note.kind for note in shared} == {
            Kind.TOO_FEW_SEEDS,
            Kind.PROVENANCE_DIFFERS,
            Kind.UNVERIFIED_DATA,
            Kind.CLOCKS_DIFFER,
            Kind.TIME_UNCERTAIN,
            Kind.TIME_REFUSED,
            Kind.ENVIRONMENT_DIFFERS,
        }
        assert all(note.severity is Severity.CAUTION for note in shared)
        text = " ".join(render(board, "table").split())
        of_rows = [note for note in shared if note.kind not in MADE_BY_EACH_CALL]
        assert all(text.count(note.text) == 1 for note in of_rows)


def _compared(folder, **changes):
    store = Store.load(folder)
    return compare(replace(store.manifest, **changes), store.runs(), store.timings())


def test_other_statistics_in_other_words(noted):
    def shown():
        board = rank(_compared(noted, statistics=PAIRED_T))
        shown = {format: render(board, format) for format in FORMATS}
        return shown | {"csv": cells(shown["csv"])}, [note.kind for note in warnings(board)]

    plain, other = both(shown)
    assert plain == other and Kind.NO_P in plain[2]


def contrasts(first, second):
    found = contrast(Store.load(first), Store.load(second))
    kinds = [cell.untested and cell.untested.kind for cell in found.cells]
    return {f"{style} of two": contrast_text.render(found, style) for style in contrast_text.FORMATS}, kinds


def test_two_folders_in_other_words(noted, others):
    kinds = set()
    for folder in (noted, *others):
        plain, other = both(contrasts, noted, folder)
        assert plain == other
        kinds |= {kind for kind in plain[1][0] if kind}
    assert kinds == {Kind.FOLDERS_DIFFER, Kind.CELLS_DIFFER, Kind.SEEDS_DIFFER, Kind.UNFINISHED}


def test_that_folders_differ_stands_above_the_cells_alone(noted, others):
    text = contrast_text.render(contrast(Store.load(noted), Store.load(others[0])), "markdown")
    assert "no test between folders" not in text and "no test is made between A and B" in text


def powers(folder):
    found = list(needs(_compared(folder), AIM))
    return {f"{style} of power": power_text.render(found, AIM, style) for style in power_text.FORMATS}, found


def test_the_power_in_other_words(noted):
    plain, other = both(powers, noted)
    assert plain == other
    assert {Kind.TOO_FEW_PAIRS, Kind.SPREAD_UNDERSTATED, Kind.BEYOND_MOST_SEEDS} <= plain[2]


def prices(folder):
    store = Store.load(folder)
    found = list(costs(_compared(folder)))
    rank(_compared(folder))
    return {style: seconds_text.render(found, "t", store.timings(), style) for style in seconds_text.FORMATS}, found


def test_seconds_in_other_words(noted):
    plain, other = both(prices, noted)
    assert plain == other


def test_an_export_in_other_words(noted, tmp_path):
    def written():
        store = Store.load(noted)
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        counts = export(store, rank(_compared(noted)), folder, "csv")
        texts = {file.name: file.read_text("utf-8") for file in folder.iterdir()}
        return {name: cells(text) if name.endswith(".csv") else text for name, text in texts.items()}, counts

    plain, other = both(written)
    assert plain == other


def test_there_is_a_folder_with_a_note_of_every_kind(noted, others, edited):
    kinds = set()
    shows = [(leaderboards, noted), (powers, noted), *((contrasts, noted, each) for each in others)]
    shows += [(judged, folder) for folder in edited]
    for show, *folders in shows:
        kinds |= both(show, *folders)[1][2]
    with notes_made(True) as made:
        rank(_compared(noted, statistics=PAIRED_T))
        rank(_compared(noted, statistics=LENIENT))
    assert kinds | {note.kind for note in made} == set(Kind)


COMMANDS = {
    **{f"leaderboard as {style}": ("leaderboard", "{noted}", "--format", style) for style in FORMATS},
    **{f"compare as {style}": ("compare", "{noted}", "{other}", "--format", style) for style in contrast_text.FORMATS},
    "methods": ("leaderboard", "{noted}", "--methods-text"),
    "power": ("power", "{suite}", "--out", "{tiny}"),
    "seconds": ("seconds", "{noted}"),
    "status": ("status", "{noted}"),
}
POWER_SUITE = "suite: tiny\nseeds: 1000-1007\nbaseline: baseline\ntasks: {parity: {use: sparse_parity}}\n"
POWER_SUITE += "regularizers: {baseline: {}, faster: {use: orthograd}, slower: {use: grokalign}}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_in_other_words_end_alike(name, noted, others, tmp_path):
    places = {"noted": noted, "other": others[0], "tiny": result_folders.make(tmp_path / "tiny")}
    places["suite"] = tiny.write(tmp_path, POWER_SUITE)
    words = [word.format(**places) for word in COMMANDS[name]]
    found = []
    for reworded in (False, True):
        with notes_made(reworded) as made:
            done = tiny.grokbench(*words)
        style = words[-1] if words[-2] == "--format" else "table"
        out = cells(done.out) if style == "csv" else done.out
        found.append((done.status, skeleton({style: out, "errors": done.err}, made)))
    assert found[0] == found[1] and found[0][0] == 0
