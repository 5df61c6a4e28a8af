"""Timings that are refused: no seconds, no bound, one caution, and another try by the next run."""

import json
from types import SimpleNamespace

import pytest

from grokbench.engine import timing
from grokbench.judging.comparison import compare
from grokbench.judging.note import Kind
from grokbench.judging.ranking import rank
from grokbench.judging.seconds import costs
from grokbench.records import CLOCKS_AGREE, Timing
from grokbench.report.html.tables import boards
from grokbench.report.methods import paragraphs
from grokbench.report.text import render
from grokbench.report.text import seconds as seconds_text
from grokbench.report.text.markup import fragment
from grokbench.report.text.prose import warnings
from grokbench.runner import execute, pipeline
from grokbench.store import Store

from .helpers.performed_plans import opened, perform
from .helpers.result_folders import BASELINE, FASTER, HERE, make

UNSTEADY = (0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.6)
CAUSE = "CPU time and wall time differed by more than 10% in all 3 tries of a round"


def judged(tmp_path, rounds, methods=("baseline", "a", "b"), refused=()):
    """The comparisons and the leaderboard of cells that were timed in these rounds."""
    folder = make(tmp_path, {name: BASELINE if name == "baseline" else FASTER for name in methods})
    with Store.open(folder, Store.load(folder).manifest) as store:
        for name in methods:
            sound = Timing(f"c{name}", rounds if name != "baseline" else (0.1,) * len(rounds), HERE)
            store.save_timing(Timing(f"c{name}", (), HERE, refused=0.5) if name in refused else sound)
    found = compare(store.manifest, store.runs(), store.timings())
    return found, rank(found)


def test_a_refused_timing_leaves_no_time_and_no_bound(tmp_path):
    found, board = judged(tmp_path, (0.1,) * 7, refused=("a",))
    _, a, b = board.rows
    assert a.seconds_per_epoch is a.seconds_mean is a.seconds_speedup is a.seconds_speedup_valid_end is None
    assert b.seconds_speedup is not None
    (said,) = [note for note in a.notes if note.kind is Kind.TIME_REFUSED]
    assert CAUSE in said.text and "CPU time was 50% of wall time" in said.text
    assert "`grokbench run` on a quiet machine" in said.text
    text = seconds_text.render(list(costs(found)), "t", (), "table")
    assert "parity / a: no seconds per epoch: " in text
    assert "median of 7 rounds" in " ".join(paragraphs(found))


def test_a_refused_baseline_leaves_no_ratio(tmp_path):
    _, board = judged(tmp_path, (0.1,) * 7, refused=("baseline",))
    assert all(row.seconds_speedup is None for row in board.rows) and board.rows[1].seconds_per_epoch == 0.1


def shown(found, board):
    """The leaderboard in every format for people, in one line."""
    texts = {style: render(board, style) for style in ("table", "markdown", "latex")} | {"notebook": fragment(board)}
    evidence = SimpleNamespace(
        leaderboard=board, comparisons=found, manifest=found.manifest, methods=["baseline", "a", "b"]
    )
    (page,) = boards(evidence).values()
    texts["page"] = " ".join([*page.remarks, *page.notes, *map(str, warnings(board))])
    return {style: " ".join(text.replace("\\_", "_").replace("\\%", "%").split()) for style, text in texts.items()}


@pytest.mark.parametrize(
    ("rounds", "refused", "words"),
    [(UNSTEADY, (), "time is uncertain by more than 20% for"), ((0.1,) * 7, ("a", "b"), "no seconds per epoch for")],
)
def test_a_caution_about_time_is_said_once_with_its_rows(tmp_path, rounds, refused, words):
    found, board = judged(tmp_path, rounds, refused=refused)
    for style, text in shown(found, board).items():
        assert text.count(words) == 1 and f"{words} parity / a and parity / b: " in text, style
        assert "so its time is uncertain" not in text and "no seconds per epoch: " not in text, style
    kept = [row["notes"] for row in json.loads(render(board, "json"))["rows"][1:]]
    assert all(any("time is uncertain" in note or CAUSE in note for note in notes) for notes in kept)


def test_many_rows_are_counted(tmp_path):
    methods = ("baseline", *map(str, range(9)))
    _, board = judged(tmp_path, UNSTEADY, methods)
    (said,) = [note for note in warnings(board) if note.kind is Kind.TIME_UNCERTAIN]
    assert "for 9 rows: " in said.text and len(said.facts) == 9


@pytest.fixture
def busy(monkeypatch):
    """A machine on which the process has the CPU for half of the time, so long as `share` is a half."""
    now = SimpleNamespace(share=0.5, wall=0.0, cpu=0.0)

    def wall():
        now.wall += 1.0
        now.cpu += now.share
        return now.wall

    monkeypatch.setattr(timing, "CLOCKS_AGREE", CLOCKS_AGREE)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=wall, process_time=lambda: now.cpu))
    return now


@pytest.mark.usefixtures("here")
def test_refused_timings_are_marked_said_and_measured_again(plan, busy, capsys):
    made = plan()
    with pipeline.open_store(made) as store:
        execute.execute(made, store)
    assert {each.refused for each in opened(made).timings()} == {0.5}
    said = capsys.readouterr().err
    assert said.count(CAUSE) == 2 and "parity / orthograd: no seconds per epoch: " in said
    busy.share = 1.0
    assert {type(event) for event in perform(made)} == {Timing}
    assert perform(made) == [] and {each.refused for each in opened(made).timings()} == {None}


def test_a_refused_timing_with_seconds_is_no_timing():
    with pytest.raises(ValueError, match="a refused timing must have no seconds per epoch"):
        Timing("c", (0.1,), refused=0.5)
