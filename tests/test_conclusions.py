"""Conclusions that neither a budget, nor failed seeds, nor a coarse cadence can turn."""

import json
from dataclasses import replace

import pytest

from grokbench.judging.best import best
from grokbench.judging.comparison import compare
from grokbench.judging.note import Kind
from grokbench.judging.ranking import rank
from grokbench.records import Manifest, Outcome, Statistics
from grokbench.report.methods import paragraphs
from grokbench.report.text import render

from .test_ranking import cell, run

D = Outcome.DIVERGED


def judged(times, budget=1000, every=1, trained=None, **statistics):
    """The comparisons of {label: times by seed}; a seed without a time was trained for `trained` epochs."""
    cells = {label: cell(label, budget=budget, evaluate_every=every) for label in times}
    runs = [
        run(cells[label], seed, at, **({} if isinstance(at, int) else {"epochs": trained or budget}))
        for label, row in times.items()
        for seed, at in enumerate(row)
    ]
    seeds = tuple(range(len(times["baseline"])))
    return compare(
        Manifest("s", "", "baseline", seeds, tuple(cells.values()), statistics=Statistics(**statistics)), runs
    )


def row_of(found, label="method"):
    return next(row for row in rank(found).rows if row.regularizer == label)


def kinds(row):
    return {note.kind: note for note in row.notes}


def test_a_run_of_a_smaller_budget_is_unfinished_under_a_larger_one():
    """The audit's: 8 seeds that did not grok in 4 epochs, read with a budget of 200."""
    found = judged({"baseline": [None] * 8, "method": [3] * 8}, budget=200, trained=4)
    baseline, method = row_of(found, "baseline"), row_of(found)
    assert (baseline.censored, baseline.epochs_mean, baseline.epochs_median) == (0, None, None)
    assert method.speedup is method.p_holm is method.conclusion is None
    assert kinds(baseline)[Kind.INCOMPLETE].facts == (0, 8, 8, 8)
    assert "8 trained to a smaller budget than 200 epochs" in kinds(baseline)[Kind.INCOMPLETE].text
    assert "run the suite again, which trains them to the budget" in kinds(method)[Kind.NOT_COMPARED].text
    assert "8 have no result yet" in " ".join(paragraphs(found))
    assert "> 200" not in render(rank(found), "table")


def test_the_same_runs_are_finished_under_their_own_budget():
    method = row_of(judged({"baseline": [None] * 8, "method": [3] * 8}, budget=4, trained=4))
    assert (method.speedup_bound, method.p_holm, method.conclusion) == ("lower", 2 / 2**8, "faster")


FAILING = {"baseline": list(range(1000, 1010)), "method": [*range(500, 506), D, D, D, D]}


@pytest.mark.parametrize("budget", [1050, 20_000])
@pytest.mark.parametrize("primary", ["sign_flip", "paired_t", "wilcoxon", "logrank"])
def test_a_method_that_fails_on_many_seeds_is_not_faster_at_any_budget(budget, primary):
    """The audit's: "significantly faster (Holm p = 0.031)" at 1,050 epochs, no difference at 20,000."""
    found = judged(FAILING, budget, primary=primary)
    row = row_of(found)
    assert (row.deciding_test, row.conclusion) == ("misses_last", "faster where it groks")
    assert row.p_holm == row.p_misses_last == pytest.approx(0.754, abs=1e-3)
    assert "faster where it groks, fails on 4 of 10: no significant difference" in kinds(row)[Kind.FAILURES].text
    assert best(rank(found).rows) == []
    assert "textbf" not in render(rank(found), "latex") and "fails on 4 of 10" in render(rank(found), "latex")


def test_a_method_that_fails_on_one_seed_of_many_may_be_faster_and_says_so():
    row = row_of(judged({"baseline": list(range(900, 920)), "method": [*range(400, 419), None]}))
    assert row.conclusion == "faster" and row.p_misses_last < 0.001
    assert "although it fails on 1 of 20" in kinds(row)[Kind.FAILURES].text


def test_a_method_that_fails_on_most_seeds_is_slower():
    row = row_of(judged({"baseline": list(range(900, 910)), "method": [300, *[None] * 9]}, 100_000))
    assert row.conclusion == "slower" and "it fails on 9 of 10" in kinds(row)[Kind.FAILURES].text


def test_a_seed_that_did_not_grok_is_last_in_the_probability_of_improvement():
    row = row_of(judged({"baseline": [1000, None, None, 10], "method": [None, 1000, None, 5]}))
    assert row.superiority == (2 + 1 / 2) / 4  # a cap would tie the first two
    assert row.superiority_low < row.superiority < row.superiority_high


def test_any_ratio_above_one_is_possible_between_two_evaluations_in_a_row():
    """The audit's: 1000 against 500 epochs at a cadence of 500 printed 2.00x [2.00, 2.00]."""
    found = judged({"baseline": [1000] * 6, "method": [500] * 6}, every=500)
    row = row_of(found)
    assert row.speedup == 2.0
    assert row.speedup_low == pytest.approx(501 / 500) and row.speedup_high == pytest.approx(1000 / 1)
    assert row.p_sign_flip == 2 / 2**6  # 501 is still later than 500, on every seed
    (note,) = [note for note in rank(found).tasks["parity"].notes if note.kind is Kind.COARSE_CADENCE]
    assert note.facts == (500, 500)
    for style in ("table", "markdown", "latex"):
        assert "evaluated every 500 epochs" in render(rank(found), style)


def test_equal_evaluations_prove_nothing_at_a_coarse_cadence():
    row = row_of(judged({"baseline": [500] * 8, "method": [500] * 4 + [1000] * 4}, every=500))
    assert row.p_sign_flip == row.p_wilcoxon == row.p_paired_t == 1 and row.p_logrank > 0.5
    assert row.speedup_low < 1 < row.speedup_high


def test_the_delay_stands_beside_the_task():
    cells = cell("baseline"), cell("method")
    runs = [run(each, seed, 30, memorised_at=20) for each in cells for seed in range(3)]
    task = rank(compare(Manifest("s", "", "baseline", (0, 1, 2), cells), runs)).tasks["parity"]
    assert task.baseline_delay == 1.5
    assert [note.kind for note in task.notes] == [Kind.COARSE_CADENCE, Kind.HARDLY_DELAYED]


EQUAL = {
    "baseline": [1000, 1010, 990, 1000, 1005, 995, 1000, 1002],
    "method": [1001, 1009, 991, 999, 1005, 996, 1000, 1001],
}


def test_equivalence_is_two_one_sided_tests_within_a_declared_margin():
    row = row_of(judged(EQUAL, budget=5000, equivalence=0.05))
    assert row.p_equivalence == row.p_equivalence_holm == 1 / 2**8
    assert "equivalent to the baseline within 5%" in kinds(row)[Kind.EQUIVALENCE].text
    apart = row_of(judged({"baseline": [1000] * 8, "method": [900] * 8}, budget=5000, equivalence=0.05))
    assert apart.p_equivalence == 1 and "not shown to be equivalent" in kinds(apart)[Kind.EQUIVALENCE].text
    assert row_of(judged(EQUAL, budget=5000)).p_equivalence is None


@pytest.mark.parametrize(
    ("times", "every", "why"),
    [
        (EQUAL, 26, "the margin 0.05 is less than 2 evaluation intervals of 26 epochs in 1000 epochs"),
        (EQUAL | {"method": [*EQUAL["method"][:7], None]}, 1, "a seed did not grok"),
    ],
)
def test_equivalence_is_not_tested_where_it_cannot_be_seen(times, every, why):
    row = row_of(judged(times, 5000, every, equivalence=0.05))
    assert row.p_equivalence is None and kinds(row)[Kind.EQUIVALENCE].text.endswith(why)


def test_the_json_holds_what_its_p_values_mean():
    found = judged(EQUAL, 5000, primary="wilcoxon", alpha=0.01, equivalence=0.1)
    data = json.loads(render(rank(found), "json"))
    statistics = data["statistics"]
    assert (statistics["primary"], statistics["alpha"], statistics["correction"]) == ("wilcoxon", 0.01, "holm")
    assert (statistics["confidence"], statistics["comparisons"], statistics["equivalence"]) == (0.95, 1, 0.1)
    assert data["tasks"]["parity"]["budget"] == 5000 and data["tasks"]["parity"]["evaluate_every"] == 1
    assert data["seeds"] == list(range(8))


def test_seeds_that_grokked_early_are_not_averaged_while_others_are_unfinished():
    found = judged({"baseline": [100] * 6, "method": [20, 30, None, None, None, None]}, budget=200, trained=40)
    row = row_of(found)
    assert row.epochs_mean is row.epochs_median is row.epochs_std is None and row.grokked == 2
    assert Kind.ALL_GROKKED not in kinds(row) and Kind.INCOMPLETE in kinds(row)


def test_two_labels_of_one_recipe_are_one_method_among_pairs():
    cells = [cell("baseline"), cell("a"), replace(cell("a"), regularizer="twin")]
    runs = [run(each, seed, at) for each, at in zip(cells[:2], (100, 50), strict=True) for seed in range(8)]
    board = rank(compare(Manifest("s", "", "baseline", tuple(range(8)), tuple(cells)), runs))
    assert [(pair.a, pair.b) for pair in board.pairs] == [("a", "baseline")]
