"""Rows by the crossing that counts as grokking: first, lasting and strict, what was lost, and places that differ."""

from dataclasses import replace

import pytest

from grokbench.judging.note import Kind, Severity
from grokbench.judging.ranking import compare, rank
from grokbench.records import Crossings, Manifest, Statistics
from grokbench.report.text import render

from .helpers.result_folders import a_cell, a_run

BUDGET = 1000
HOLD = 50


def kept(first, lasting, missed=0, **more):
    """The crossings of a replica that grokked, lost it unless both are the same, and kept it then."""
    lost = {} if first == lasting else {"below": 3, "below_at": first + 1, "lost": 2, "lost_at": first + 2}
    facts = {"watched": 60, "lost": 0, "worst": {"test_accuracy": 0.9 if first == lasting else 0.4}} | lost | more
    strict = lasting if not missed and lasting is not None else None
    return Crossings(first=first, lasting=lasting, missed=missed, strict=strict, **facts)


def board(rank_by="first", **crossings):
    """The leaderboard of {label: crossings by seed} on a task that holds."""
    cells, runs = [], []
    for label, row in crossings.items():
        cell = a_cell(label, BUDGET)
        recipe = replace(cell.recipe, stop={"hold": HOLD}, grokked={"test_accuracy": "> 0.8"})
        cells.append(replace(cell, recipe=recipe))
        runs += [replace(a_run(cells[-1], seed, c.first), epochs=1050, crossings=c) for seed, c in enumerate(row)]
    n = max(map(len, crossings.values()))
    statistics = Statistics(rank_by=rank_by)
    return rank(compare(Manifest("s", "", "baseline", tuple(range(n)), tuple(cells), statistics=statistics), runs))


def rows_of(**crossings):
    return {row.regularizer: row for row in board(**crossings).rows}


def notes(row, kind):
    return [note for note in row.notes if note.kind is kind]


def test_a_row_has_all_three_crossings_what_was_lost_and_the_worst():
    row = rows_of(baseline=[kept(100, 100), kept(110, 300), kept(120, 140, missed=1, strict_since=200)])["baseline"]
    assert (row.first_mean, row.lasting, row.lasting_mean, row.lasting_median) == (110, 3, 180, 140)
    assert (row.strict, row.strict_median) == (
        2,
        None,
    )  # the third is at epoch 200 or later, so the median is not known
    assert row.strict_mean == 200
    assert (row.lost, row.below_again, row.worst) == (2, 2, {"test_accuracy": 0.4})
    assert notes(row, Kind.LOST)[0].severity is Severity.CAUTION
    assert "lost their grokking" in str(notes(row, Kind.LOST)[0])
    assert "at worst with test_accuracy 0.4" in str(notes(row, Kind.BELOW_AGAIN)[0])


def test_runs_that_do_not_say_it_leave_what_was_lost_unknown_and_the_strict_crossing_known_where_nothing_was_missed():
    sure = Crossings(first=10, lasting=20, watched=50)
    row = rows_of(baseline=[sure, sure, Crossings(first=10, lasting=20, watched=50, missed=1)])["baseline"]
    assert (row.lost, row.strict, row.strict_median) == (None, 2, 20)


@pytest.mark.parametrize("found", [Crossings(first=10, lost=0), Crossings(first=10, lost=0, strict_since=10)])
def test_grokking_that_never_lasted_counts_as_the_budget(found):
    row = rows_of(baseline=[found, found])["baseline"]
    assert (row.strict, row.strict_mean, row.lasting_mean) == (0, BUDGET, BUDGET)


def test_a_place_that_depends_on_the_crossing_is_marked_with_every_rank():
    rows = rows_of(
        baseline=[kept(100, 100), kept(120, 120)],
        wobbly=[kept(50, 60, missed=1, strict_since=400), kept(60, 70, missed=1, strict_since=420)],
        late=[kept(200, 200), kept(240, 240)],
    )
    (note,) = notes(rows["wobbly"], Kind.PLACE_DIFFERS)
    assert note.facts[2:5] == (1, 1, 3) and note.severity is Severity.CAUTION
    assert str(note) == (
        "its rank by mean epochs depends on what counts as grokking: 1 by the first crossing, 1 by lasting "
        "grokking and 3 by its strict version, every evaluation; ratios of means 2.00x, 1.69x and 0.268x; training of "
        "2 seeds ended before a strict crossing, so the last ratio is an upper bound"
    )
    assert notes(rows["late"], Kind.PLACE_DIFFERS)[0].facts[2:5] == (3, 3, 2)
    assert notes(rows["baseline"], Kind.PLACE_DIFFERS)[0].facts[2:5] == (2, 2, 1)


def test_a_first_crossing_that_turns_the_order_is_marked():
    rows = rows_of(baseline=[kept(100, 100)], brief=[kept(50, 200)])
    assert notes(rows["brief"], Kind.PLACE_DIFFERS)[0].facts[2:5] == (1, 2, 2)


def test_places_that_agree_are_not_marked():
    rows = rows_of(baseline=[kept(100, 110)], fast=[kept(50, 60)], same=[kept(50, 60)])
    assert not any(notes(row, Kind.PLACE_DIFFERS) for row in rows.values())


def test_an_incomplete_row_has_no_place():
    rows = rows_of(baseline=[kept(100, 100)] * 2, brief=[kept(50, 200)])
    assert not any(notes(row, Kind.PLACE_DIFFERS) for row in rows.values())


@pytest.mark.parametrize(
    ("rank_by", "said"), [("first", "Times are those of the first crossing. l"), ("lasting", "95%")]
)
def test_a_table_says_what_it_ranks_by_and_for_how_long_grokking_has_to_last(rank_by, said):
    printed = render(board(rank_by, baseline=[kept(100, 100)], brief=[kept(50, 200)]), "table")
    assert said in printed and "1000 epochs at most, evaluated" in printed
    assert ", lasting grokking: 50 epochs" in " ".join(printed.split())
