"""Methods of a task compared with one another, by hand: their pairs, their places, and simultaneous intervals."""

import dataclasses
import json
import math

import pytest

from grokbench.judging.note import Kind
from grokbench.judging.pairs import MOST_INTERVALS, pairs, places
from grokbench.judging.ranking import rank
from grokbench.records import Outcome, Statistics
from grokbench.report.html.matrix import MOST_SHOWN, matrix
from grokbench.report.text import as_json, render
from grokbench.stats import smallest_p

from .helpers.task_times import compared

RISING = [100, 104, 108, 112, 116, 120, 124, 128, 132, 136]
FOUR = {"baseline": RISING, "slow": [3 * t for t in RISING], "fast": [t // 2 for t in RISING], "faster": [25] * 10}


def placed(methods, statistics=None, **more):
    found = compared({"t": methods}, statistics, **more)
    return {label: place for (_, label), place in places(pairs(found), found.manifest).items()}


def test_every_pair_once_with_its_speed_up_and_holms_p_over_the_pairs_of_the_task():
    found = {(pair.a, pair.b): pair for pair in pairs(compared({"t": FOUR}))}
    assert [*found] == [
        *[("slow", "baseline"), ("fast", "baseline"), ("faster", "baseline")],
        *[("fast", "slow"), ("faster", "slow"), ("faster", "fast")],
    ]
    slow = found["fast", "slow"]
    assert (slow.speedup, slow.low, slow.high) == pytest.approx((6, 6, 6)) and slow.bound is None
    assert {(pair.p, pair.p_holm) for pair in found.values()} == {(2 / 2**10, 6 * 2 / 2**10)}
    assert [pair.conclusion for pair in found.values()] == ["slower", *["faster"] * 5]


def test_a_place_is_one_more_than_the_methods_that_are_significantly_faster():
    assert placed(FOUR) == {"faster": 1, "fast": 2, "baseline": 3, "slow": 4}
    crossed = [at + (9 if i % 2 else -9) for i, at in enumerate(RISING)]
    twice = [2 * at for at in RISING]
    assert placed({"baseline": twice, "one": RISING, "other": crossed}) == {"one": 1, "other": 1, "baseline": 3}


# Nine seeds say faster, one as clearly the contrary: of 2^10 sign patterns those with no or one sign turned are as
# extreme, or more so: 2 x 11 of 1,024, p = 0.0215. Holm over the pairs of three methods makes more than 0.05 of it.
ONE_AGAINST = [at * (0.8 if i == 0 else 1.25) for i, at in enumerate(RISING)]


@pytest.mark.parametrize(("others", "place"), [(1, 2), (2, 1)])
def test_p_is_corrected_over_all_pairs_and_not_over_those_with_the_fastest(others, place):
    methods = {f"m{i}": [round(1_000 * at) for at in ONE_AGAINST] for i in range(others)}
    found = placed({"baseline": [1_000 * at for at in RISING]} | methods, budget=10**6)
    assert found == {"baseline": 1} | dict.fromkeys(methods, place)


def test_cells_that_are_incomplete_or_planned_otherwise_have_no_place():
    methods = {"baseline": RISING, "missing": [50] * 9, "failed": [50] * 9 + [Outcome.FAILED], "same": RISING}
    others = {"budget": {"budget": 2_000}, "cadence": {"evaluate_every": 5}}
    found = compared({"t": methods | dict.fromkeys(others, [50] * 10)}, cells=others)
    assert [(pair.a, pair.b) for pair in pairs(found)] == [("same", "baseline")]
    assert {row.regularizer: row.place for row in rank(found).rows} == {
        **{"baseline": 1, "same": 1},
        **dict.fromkeys(["missing", "failed", "budget", "cadence"]),
    }


def test_seeds_too_few_for_any_pair_and_a_single_cell_give_no_place():
    two = {"baseline": RISING[:5], "fast": [10] * 5}
    assert placed(two, Statistics(alpha=smallest_p(5))) == {"fast": 1, "baseline": 2}
    assert placed(two) == placed({"baseline": RISING}) == {}
    assert placed(two, Statistics(primary="paired_t")) == {"fast": 1, "baseline": 2}  # no smallest p


def test_the_deciding_test_is_the_suites():
    # Ranks see nine of ten seeds, of which those with a sum of ranks of at most 10 may be turned; means the last one.
    fast = [*[at - 1 for at in RISING[:9]], RISING[9] + 400]
    methods = {"baseline": RISING, "fast": fast}
    by_test = {test: pairs(compared({"t": methods}, Statistics(primary=test)))[0] for test in ("sign_flip", "wilcoxon")}
    assert (by_test["wilcoxon"].p, by_test["sign_flip"].p) == (86 / 2**10, 1.0)


def test_censored_pairs_are_bounds_and_two_that_never_grok_have_no_speed_up():
    never = {"baseline": RISING, "never": [None] * 10, "nor this": [None] * 10}
    first, _, last = found = pairs(compared({"t": never}))
    assert (first.bound, first.conclusion) == ("upper", "slower")
    assert (last.speedup, last.conclusion, last.p) == (None, None, 1.0)
    assert placed(never) == {"baseline": 1, "never": 2, "nor this": 2}
    shown = matrix(found, ["baseline", "never", "nor this"])
    assert [cell.text for cell in shown.cells[0]][1].startswith(">= ") and shown.cells[1][0].text.startswith("<= ")
    assert shown.cells[1][2].text == "-"


def test_many_methods_have_p_values_without_intervals():
    longer = [*RISING, 140, 144]  # with ten seeds, 78 pairs could not be told apart
    methods = {"baseline": longer} | {f"m{i}": [t + 2 * i for t in longer] for i in range(MOST_INTERVALS)}
    found = pairs(compared({"t": methods}))
    assert len(found) == 13 * 12 / 2 and all(pair.p_holm is not None for pair in found)
    assert {pair.low for pair in found if pair.b != "baseline"} == {None}
    assert pairs(compared({"t": {label: times[:10] for label, times in methods.items()}})) == ()


def test_the_matrix_holds_each_pair_in_both_directions():
    shown = matrix(pairs(compared({"t": FOUR})), [*FOUR])
    texts = [[cell.text for cell in row] for row in shown.cells]
    assert shown.labels == tuple(FOUR) and texts[2][:3] == ["2.00x *", "6.00x *", ""] and texts[1][2] == "0.167x *"
    assert shown.cells[2][1].said == "6.00x [6.00, 6.00], Holm p = 0.012" and shown.cells[2][1].significant
    many = [dataclasses.replace(pairs(compared({"t": FOUR}))[0], a=f"m{i}") for i in range(MOST_SHOWN)]
    assert matrix(many, ["baseline", *(pair.a for pair in many)]) is None and matrix([], ["baseline"]) is None


# ---- simultaneous intervals, and what formats show


def test_simultaneous_intervals_are_bonferronis_over_the_family():
    methods = {"baseline": RISING, "fast": [t // 2 + i % 3 for i, t in enumerate(RISING)], "same": RISING}
    row = rank(compared({"t": methods})).rows[1]
    alone = rank(compared({"t": methods}, Statistics(confidence=0.975))).rows[1]  # 1 - 0.05 / 2 tests
    assert (row.speedup_low_simultaneous, row.speedup_high_simultaneous) == (alone.speedup_low, alone.speedup_high)
    assert row.speedup_low_simultaneous < row.speedup_low < row.speedup_high < row.speedup_high_simultaneous
    few = rank(compared({"t": {label: times[:6] for label, times in methods.items()}})).rows[1]
    assert few.speedup_low is not None and few.speedup_low_simultaneous is None  # 2 / 2^6 > 0.05 / 2


def test_a_note_says_where_holm_and_the_simultaneous_interval_differ():
    # One log ratio is the contrary of the others and a little larger: the p of `edge` is 22 / 1,024 = 0.0215 as above,
    # more than 0.05 / 3 and, as the last of Holm's, less than 0.05.
    edge = [780 * RISING[0], *((1_200 + 10 * i) * at for i, at in enumerate(RISING[1:]))]
    methods = {"baseline": [1_000 * at for at in RISING], "edge": edge, "a": [9] * 10, "b": [9] * 10}
    rows = {row.regularizer: row for row in rank(compared({"t": methods}, budget=10**6)).rows}
    (note,) = [note for note in rows["edge"].notes if note.kind is Kind.SIMULTANEOUS]
    assert rows["edge"].p_holm == 22 / 2**10
    assert "(98.33%, Bonferroni over 3) includes 1, though Holm p is significant" in note.text
    assert all(note.kind is not Kind.SIMULTANEOUS for label in "ab" for note in rows[label].notes)
    # Holm over the paired t of epochs finds nothing where one seed's epochs are as long as those of all the others.
    longer = {"baseline": [10**5, *RISING[:9]], "fast": [10**5 - 9_000, *(t // 2 for t in RISING[:9])]}
    row = rank(compared({"t": longer}, Statistics(primary="paired_t"), budget=10**6)).rows[1]
    assert row.p_holm > 0.05 and "excludes 1, though Holm p is not significant" in " ".join(row.sentences)


def test_places_and_pairs_in_the_table_and_the_json():
    board = rank(compared({"t": FOUR}))
    text = render(board, "table")
    assert text.splitlines()[4].split()[:3] == ["method", "place", "grokked"]
    assert "place: 1 + the number of methods that are significantly faster" in text
    assert "place" not in render(board, "table", 60).splitlines()[4]  # p is left out before
    pair = json.loads(json.dumps(as_json(board)))["pairs"][0]
    assert [*pair] == "task a b speedup low high bound p p_holm conclusion".split()
    assert pair["conclusion"] == "slower" and math.isclose(pair["speedup"], 1 / 3)
