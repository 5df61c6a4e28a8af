"""Which methods of a task are tied, by hand."""

from dataclasses import replace

import pytest

from grokbench.judging.comparison import compare
from grokbench.judging.ties import ties
from grokbench.records import Cell, Manifest, Outcome, Run, Statistics

from .helpers.recipes import RECIPE

SEEDS = tuple(range(1000, 1010))
DEFAULT = Statistics()
RISING = [100, 104, 108, 112, 116, 120, 124, 128, 132, 136]


def made(methods, statistics=DEFAULT, failed=(), cells=None):
    """Comparisons of methods with these epochs by seed, None where it did not grok."""
    cells = cells or [Cell("t", label, label, RECIPE, 1_000, 2, {}) for label in methods]
    runs = [_run(cell, seed, at) for cell in cells for seed, at in zip(SEEDS, methods[cell.regularizer], strict=False)]
    runs = [_failed(run) if (run.identity, run.seed) in failed else run for run in runs]
    return compare(Manifest("s", "", "baseline", SEEDS, tuple(cells), statistics=statistics), runs)


def _run(cell, seed, at):
    outcome = Outcome.CENSORED if at is None else Outcome.GROKKED
    return Run(cell.identity, seed, outcome, at, None, cell.budget if at is None else at)


def _failed(run):
    return replace(run, outcome=Outcome.FAILED, grokked_at=None, error="x")


def times(factor, epochs=RISING):
    return [round(factor * epoch) for epoch in epochs]


def test_three_places():
    # Every seed says the same: the p of a sign flip of ten pairs is 2 / 2^10, and Holm's factor at most 3.
    methods = {"baseline": RISING, "slow": times(3), "fast": times(0.5), "faster": times(0.25)}
    assert ties(made(methods), "t") == {"faster": 1, "fast": 2, "baseline": 3, "slow": 4}


def test_two_equal_methods_share_a_place():
    methods = {"baseline": times(2), "one": RISING, "other": list(RISING)}
    assert ties(made(methods), "t") == {"one": 1, "other": 1, "baseline": 2}


def test_methods_that_do_not_differ_share_a_place():
    crossed = [at + (9 if i % 2 else -9) for i, at in enumerate(RISING)]
    methods = {"baseline": times(2), "one": RISING, "other": crossed}
    assert ties(made(methods), "t") == {"one": 1, "other": 1, "baseline": 2}


# Nine seeds say faster, one as clearly the contrary: of 2^10 sign patterns those with no or one sign turned are as
# extreme, or more so: 2 x 11 of 1,024, p = 0.0215; Holm over two others makes 0.043 of it, over three 0.064.
ONE_AGAINST = [at * (0.8 if i == 0 else 1.25) for i, at in enumerate(RISING)]


@pytest.mark.parametrize(("others", "place"), [(1, 2), (2, 2), (3, 1)])
def test_p_is_corrected_over_the_other_methods_of_the_task(others, place):
    methods = {"baseline": RISING, **{f"m{i}": [round(1_000 * at) for at in ONE_AGAINST] for i in range(others)}}
    methods["baseline"] = times(1_000)
    cells = [Cell("t", label, label, RECIPE, 10**6, 2, {}) for label in methods]
    found = ties(made(methods, cells=cells), "t")
    assert found == {"baseline": 1, **{f"m{i}": place for i in range(others)}}


def test_a_p_of_alpha_is_significant_as_on_the_leaderboard():
    methods = {"baseline": RISING, "slower": times(2)}
    assert ties(made(methods, Statistics(alpha=2 / 2**10)), "t") == {"baseline": 1, "slower": 2}
    assert ties(made(methods, Statistics(alpha=1.99 / 2**10)), "t") == {}  # no p of ten pairs is smaller
    mixed = {"baseline": RISING, "slower": [*times(2, RISING[:9]), RISING[9] - 1]}  # the second smallest p: 4 / 2^10
    assert ties(made(mixed, Statistics(alpha=4 / 2**10)), "t") == {"baseline": 1, "slower": 2}
    assert ties(made(mixed, Statistics(alpha=3.99 / 2**10)), "t") == {"baseline": 1, "slower": 1}


def test_incomplete_cells_have_no_place():
    methods = {"baseline": RISING, "missing": times(0.5)[:9], "failed": times(0.25)}
    assert ties(made(methods, failed={("failed", 1003)}), "t") == {"baseline": 1}


def test_another_budget_or_cadence_has_no_place():
    methods = {"baseline": RISING, "budget": RISING, "cadence": RISING, "same": RISING}
    cells = [Cell("t", label, label, RECIPE, 1_000, 2, {}) for label in methods]
    cells[1], cells[2] = replace(cells[1], budget=2_000), replace(cells[2], evaluate_every=5)
    assert ties(made(methods, cells=cells), "t") == {"baseline": 1, "same": 1}


def test_a_single_cell_is_first_and_no_cell_is_none():
    assert ties(made({"baseline": RISING}), "t") == {"baseline": 1}
    assert ties(made({"baseline": []}), "t") == {}
    assert ties(made({"baseline": RISING}), "another") == {}


def test_too_few_seeds_to_separate_two_methods_tie_nobody():
    methods = {"baseline": RISING[:5], "fast": times(0.1, RISING[:5])}
    cells = [Cell("t", label, label, RECIPE, 1_000, 2, {}) for label in methods]
    runs = [_run(cell, seed, at) for cell in cells for seed, at in zip(SEEDS, methods[cell.regularizer], strict=False)]
    for alpha, places in ((0.05, {}), (0.1, {"fast": 1, "baseline": 2})):  # the smallest p of 5 pairs is 2 / 2^5
        manifest = Manifest("s", "", "baseline", SEEDS[:5], tuple(cells), statistics=Statistics(alpha=alpha))
        assert ties(compare(manifest, runs), "t") == places


def test_all_censored_are_tied():
    methods = {"baseline": [None] * 10, "one": [None] * 10, "two": [None] * 10}
    assert ties(made(methods), "t") == {"baseline": 1, "one": 1, "two": 1}


def test_grokking_at_evaluation_0_counts_as_one_interval():
    methods = {"baseline": [0] * 10, "one": [2] * 10, "two": [4] * 10}
    assert ties(made(methods), "t") == {"baseline": 1, "one": 1, "two": 2}
