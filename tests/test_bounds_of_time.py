"""Bounds of time: every format shows the valid end of one interval, that of `grokbench seconds`."""

import csv
import io
import json
from dataclasses import replace

import pytest

from grokbench.judging.evidence import gather
from grokbench.judging.note import Kind, info
from grokbench.judging.row_comparison import RowComparison
from grokbench.judging.seconds import Estimate
from grokbench.records import Timing
from grokbench.report.charts import Sheet
from grokbench.report.charts.seconds import _entries as charted
from grokbench.report.export.leaderboard import leaderboard as tidy
from grokbench.report.html.tables import boards
from grokbench.report.text import render
from grokbench.report.text import seconds as seconds_text
from grokbench.report.text.markup import fragment
from grokbench.store import Store
from grokbench.text.escape import markdown
from grokbench.text.numbers import BOUND_SIGN, times

from .helpers.result_folders import BASELINE, FASTER, HERE, make

SOME = [*FASTER[:-1], None]
ROUNDS = (0.1, 0.13, 0.1, 0.12, 0.1, 0.11, 0.1)
SIGNS = {">=": r"$\geq$", "<=": r"$\leq$", "~": r"$\sim$"}
METHODS = {  # the baseline, the method, and the bound
    "lower": ([*BASELINE[:-1], None], FASTER, "lower"),
    "upper": (BASELINE, SOME, "upper"),
    "mixed": ([*BASELINE[:-1], None], SOME, "mixed"),
    "none": (BASELINE, FASTER, None),
}


@pytest.fixture(scope="module", params=METHODS)
def judged(request, tmp_path_factory):
    """The evidence of a folder, its method's row and its cost, and the number to print."""
    before, after, bound = METHODS[request.param]
    folder = make(tmp_path_factory.mktemp("bounds"), {"baseline": before, "method": after})
    with Store.open(folder, Store.load(folder).manifest) as store:
        for identity, factor in (("cbaseline", 1.0), ("cmethod", 1.7)):
            rounds = tuple(factor * seconds + number / 500 for number, seconds in enumerate(ROUNDS))
            store.save_timing(Timing(identity, rounds, HERE))
    evidence = gather(Store.load(folder))
    (row,) = [row for row in evidence.leaderboard.rows if row.regularizer == "method"]
    cost = evidence.costs["parity", "method"]
    assert cost.bound == row.seconds_speedup_bound == bound
    end = {"lower": cost.speedup.low, "upper": cost.speedup.high}.get(bound, cost.speedup.value)
    assert bound in (None, "mixed") or abs(end / cost.speedup.value - 1) > 0.05
    return evidence, row, cost, end


def test_a_row_has_the_interval_of_the_seconds(judged):
    _, row, cost, end = judged
    assert (row.seconds_speedup, row.seconds_speedup_low, row.seconds_speedup_high) == cost.speedup
    assert row.seconds_speedup_valid_end == cost.speedup_valid_end == (None if cost.bound == "mixed" else end)
    assert row.seconds_shown == end


def test_tables_for_people_show_the_same_number(judged):
    evidence, row, cost, end = judged
    shown, board = times(end, cost.bound), evidence.leaderboard
    assert shown == seconds_text.estimate(cost.speedup, cost.bound).split(" [")[0]
    (line,) = [line for line in render(board, "table").splitlines() if line.startswith("method  ") and "/8" in line]
    assert line.endswith(f"  {shown}")
    assert f" {markdown(shown)} |" in render(board, "markdown")
    sign, number = BOUND_SIGN[cost.bound].strip(), shown.split()[-1].removesuffix("x")
    assert f"& {SIGNS[sign] + ' ' if sign else ''}{number} " in render(board, "latex")
    assert shown.replace(">", "&gt;").replace("<", "&lt;") in fragment(board)
    table = boards(evidence)["parity"].table
    entry = table.lines[1].entries[list(table.sides).index("time")]
    assert (entry.text, entry.key) == (shown, end)


def test_formats_for_programs_hold_the_same_number(judged):
    evidence, row, cost, end = judged
    valid = None if cost.bound == "mixed" else end
    written = json.loads(render(evidence.leaderboard, "json"))["rows"][1]
    assert (written["seconds_speedup_valid_end"], written["seconds_speedup_bound"]) == (valid, cost.bound)
    assert written["speedup_valid_end"] == row.speedup_valid_end
    line = list(csv.DictReader(io.StringIO(render(evidence.leaderboard, "csv"))))[1]
    assert line["seconds_speedup_valid_end"] == ("" if valid is None else str(valid))
    table = tidy(evidence.leaderboard)
    assert list(table.rows())[1][table.names.index("seconds_speedup_valid_end")] == valid
    data = json.loads(seconds_text.render([cost], "t", (), "json"))["rows"][0]
    assert data["speedup_valid_end"] == valid and data["seconds_valid_end"] == cost.seconds_valid_end


def test_the_chart_marks_a_bound_of_seconds_at_its_valid_end(judged):
    evidence, _, cost, _ = judged
    entry = list(charted(Sheet(evidence), "parity"))[1]
    ends = (None, None) if cost.seconds_bound else cost.seconds[1:]
    assert (entry["low"], entry["high"]) == ends
    assert entry["seconds"] == (cost.seconds.low if cost.seconds_bound else cost.seconds.value)


def test_a_comparison_with_another_row_has_the_number_to_print():
    note = info(Kind.COMPARED_TO, "against b: <= 0.3x", "b")
    other = RowComparison(other="b", speedup=0.25, speedup_low=0.2, speedup_high=0.3, speedup_bound="upper", note=note)
    assert other.as_dict()["speedup_valid_end"] == 0.3
    assert replace(other, speedup_bound="mixed").speedup_valid_end is None


def test_an_interval_that_reaches_below_zero_bounds_a_product_by_zero():
    assert Estimate(10.0, -2.0, 22.0).times(Estimate(2.0, 2.0, 2.0)) == pytest.approx((20.0, 0.0, 44.0))
