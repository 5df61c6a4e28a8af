import pytest

from grokbench.judging.conclusions import compared_notes
from grokbench.judging.effects import Effect
from grokbench.judging.holm import Judgement
from grokbench.judging.outcomes import Measured
from grokbench.judging.row_notes import outcome_notes, provenance_notes
from grokbench.records import Cell, Manifest, Outcome, Run, Statistics, Timing

from .helpers.recipes import RECIPE

HOLM_9 = "with Holm over 9 comparisons 9 seeds are needed"


def of(speedup=2.0, p=0.01, bound=None, means=(2.0, 1.5, 2.5)):
    tests = dict.fromkeys(["sign_flip", "paired_t", "wilcoxon", "logrank"], p)
    favours = dict.fromkeys(tests, (speedup or 1.0) - 1.0)
    return Effect(speedup, 1.5, 2.5, bound, *means, tests, favours, 1.0, 1.0)


def said(effect, adjusted=0.02, statistics=Statistics(), pairs=10, family=9):  # noqa: B008 - a frozen default
    cells = [Cell("parity", f"method {number}", str(number), RECIPE, 100, 1, {}) for number in range(family)]
    plain = Cell("parity", "plain", "plain", RECIPE, 100, 1, {})
    manifest = Manifest("suite", "", "plain", tuple(range(pairs)), (plain, *cells), statistics=statistics)
    return list(map(str, compared_notes(effect, Judgement(("a", "b"), 1, family, adjusted), manifest)))


@pytest.mark.parametrize(
    ("effect", "adjusted", "expected"),
    [
        (of(2.0), 0.018, "significantly faster than plain (Holm p = 0.018)"),
        (of(0.5), 0.018, "significantly slower than plain (Holm p = 0.018)"),
        (of(2.0), 0.35, "no significant difference from plain (Holm p = 0.35)"),
        (of(2.0), None, "no p: sign_flip cannot be computed from these differences"),
        (of(None), 1.0, "neither this nor plain grokked on any seed: there is no speed-up to measure"),
    ],
)
def test_the_notes_of_a_comparison(effect, adjusted, expected):
    assert said(effect, adjusted) == [expected]


def test_a_method_that_was_not_recorded_says_why():
    cell = Cell("parity", "method", "id", RECIPE, budget=100, evaluate_every=4, metrics={})
    runs = [Run("id", seed, Outcome.GROKKED, 40, 8, 40, provenance={"pace": "not recorded: x"}) for seed in (0, 1)]
    assert list(map(str, outcome_notes(Measured(cell, tuple(runs)), None)))[-1] == "not recorded: x"


def test_too_few_seeds_find_nothing_and_rule_nothing_out():
    first, last = said(of(2.0), 1.0, pairs=4)
    assert first == "too few seeds to tell it from plain (Holm p = 1)" and last.startswith("4 seeds cannot reach")


def test_an_uncorrected_p_is_called_uncorrected():
    assert said(of(p=0.031), None, Statistics(correction="none")) == [
        "significantly faster than plain (uncorrected p = 0.031)"
    ]


@pytest.mark.parametrize(("last", "so"), [(0.35, False), (0.363, True)])
def test_seconds_whose_ratio_differs_from_round_to_round_are_told(last, so):
    cell = Cell("parity", "method", "id", RECIPE, budget=100, evaluate_every=4, metrics={})
    plain = Measured(cell, (), (Timing("id", (0.1, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1), {}),))
    method = Measured(cell, (), (Timing("id", (0.3, 0.6, 0.3, 0.3, 0.3, 0.3, last), {}),))
    said = "an epoch takes 3.00x [3.00, 3.63] the baseline's seconds, so its time is uncertain: see `grokbench seconds`"
    assert list(map(str, provenance_notes(plain, method))) == ([said] if so else [])


@pytest.mark.parametrize(
    ("pairs", "family", "expected"),
    [
        (5, 1, "5 seeds cannot reach p < 0.05: the smallest possible is 0.0625; 6 seeds are needed"),
        (5, 9, f"5 seeds cannot reach p < 0.05: the smallest possible is 0.0625; {HOLM_9}"),
        (8, 9, f"8 seeds cannot reach a Holm p < 0.05: {HOLM_9}"),
    ],
)
def test_too_few_seeds_are_said(pairs, family, expected):
    assert said(of(), pairs=pairs, family=family)[-1] == expected


@pytest.mark.parametrize("pairs", [2, 5, 6])
def test_a_t_test_of_few_seeds_is_cautioned(pairs):
    found = said(of(p=0.0036), statistics=Statistics(primary="paired_t", correction="none"), pairs=pairs)
    few = [f"the t test relies on normality, which {pairs} seeds cannot show: 6 are needed"]
    assert found == ["significantly faster than plain (uncorrected p = 0.0036)", *(few if pairs < 6 else [])]
