"""Verdicts on published ratios of means, worked out by hand."""

import math
import random

import pytest
from scipy.stats import t

from grokbench.judging import verdicts
from grokbench.judging.effects import Effect
from grokbench.judging.published_notes import metric_notes, published_note
from grokbench.judging.verdicts import PublishedRatio, Reproduction, published_ratio, seeds_to_settle, verdict
from grokbench.records import Published, Spread

REPRODUCED, CONSISTENT, NO_EFFECT, NOT_REPRODUCED, INCONCLUSIVE = Reproduction
FOUR, QUARTER, ONE = PublishedRatio(4.0), PublishedRatio(0.25), PublishedRatio(1.0)  # the margin of 4 is 3.2 to 5
UNCERTAIN = PublishedRatio(4.0, 0.45)


@pytest.fixture
def _uncapped(monkeypatch):
    """Removes the cap of the margin, so that the margin of 4 is 2 to 8."""
    monkeypatch.setattr(verdicts, "LARGEST_MARGIN", math.inf)


def ours(low, high, bound=None, ratio=None):
    """An effect whose ratio of means has this 95% interval, by default around its geometric mean."""
    known = low is not None and high is not None
    of_means = ratio or (math.sqrt(low * high) if known else 2.0)
    tests = dict.fromkeys(["sign_flip", "paired_t", "wilcoxon", "logrank"], 1.0)
    return Effect(
        speedup=of_means,
        low=low,
        high=high,
        bound=bound,
        of_means=of_means,
        of_means_low=low,
        of_means_high=high,
        p=tests,
        favours=tests,
        effect_size=1.0,
        superiority=1.0,
    )


@pytest.mark.parametrize(
    ("published", "low", "high", "expected"),
    [
        (FOUR, 2.01, 7.9, REPRODUCED),
        (FOUR, 2.01, 3.9, REPRODUCED),  # the published ratio may lie outside the interval
        (FOUR, 1.9, 7.0, INCONCLUSIVE),
        (FOUR, 3.0, 8.1, INCONCLUSIVE),
        (FOUR, 0.9, 4.1, CONSISTENT),
        (FOUR, 0.9, 3.9, NO_EFFECT),
        (FOUR, 1.1, 1.9, NOT_REPRODUCED),  # faster, by less than half of the published effect
        (FOUR, 8.1, 9.0, NOT_REPRODUCED),
        (FOUR, 0.5, 0.9, NOT_REPRODUCED),  # slower
        (QUARTER, 0.13, 0.49, REPRODUCED),
        (QUARTER, 0.24, 1.1, CONSISTENT),
        (QUARTER, 0.3, 1.1, NO_EFFECT),
        (QUARTER, 0.4, 0.6, INCONCLUSIVE),
        (QUARTER, 1.1, 1.2, NOT_REPRODUCED),
        (ONE, 0.9, 1.1, CONSISTENT),
        (ONE, 1.01, 1.1, NOT_REPRODUCED),
        (ONE, None, None, INCONCLUSIVE),  # one seed, or an unbounded interval
        (PublishedRatio(154 / 154), 0.993, 0.996, NOT_REPRODUCED),  # XOR, GrokFast: it was "reproduced"
        (PublishedRatio(2508 / 2364), 0.999, 1.01, NO_EFFECT),  # MNIST, GrokFast: likewise
        (PublishedRatio(2508 / 2676), 0.992, 1.001, NO_EFFECT),  # MNIST, OrthoGrad: likewise
        (PublishedRatio(7496 / 7200), 1.019, 1.06, INCONCLUSIVE),  # the margin is 1.0203 to 1.0623
        (PublishedRatio(268 / 254), 1.05, 1.06, REPRODUCED),  # the margin is 1.027 to 1.084
    ],
)
@pytest.mark.usefixtures("_uncapped")
def test_a_verdict_by_hand(published, low, high, expected):
    assert verdict(published, ours(low, high), 25) is expected
    assert verdict(published, ours(low, high), 5) is verdict(published, None, 25) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3.3, 4.9, REPRODUCED),  # the margin of a large effect is a factor of 1.25: 3.2 to 5
        (3.1, 4.0, INCONCLUSIVE),
        (2.88, 3.05, NOT_REPRODUCED),
        (0.9, 3.9, NO_EFFECT),
    ],
)
def test_the_size_of_a_large_effect_has_to_agree(low, high, expected):
    assert verdict(FOUR, ours(low, high), 25) is expected
    assert verdict(QUARTER, ours(1 / high, 1 / low), 25) is expected


@pytest.mark.parametrize(
    ("published", "low", "high", "decides"),
    [
        (FOUR, 9.0, 20.0, "lower"),
        (FOUR, 3.0, 5.0, None),
        (FOUR, 1.1, 1.9, "upper"),
        (FOUR, 0.5, 0.9, "upper"),
        (FOUR, 0.9, 3.9, None),
        (QUARTER, 1.1, 3.0, "lower"),
        (QUARTER, 0.13, 0.49, None),
    ],
)
def test_a_bound_decides_only_against_and_where_more_seeds_grokking_could_not_undo_it(published, low, high, decides):
    expected = {bound: NOT_REPRODUCED if bound == decides else INCONCLUSIVE for bound in ("lower", "upper", "mixed")}
    assert {bound: verdict(published, ours(low, high, bound), 25) for bound in expected} == expected


@pytest.mark.parametrize(
    ("low", "high", "exact", "uncertain"),
    [
        (2.01, 7.9, REPRODUCED, INCONCLUSIVE),  # 0.684 and 0.45 in quadrature: 0.82, beyond the margin of 0.69
        (3.0, 5.0, REPRODUCED, REPRODUCED),  # 0.255 and 0.45: 0.52
        (0.9, 3.9, NO_EFFECT, CONSISTENT),  # 0.733 and 0.45: 0.86, and log(4 / 1.87) is 0.76
        (1.1, 1.9, NOT_REPRODUCED, INCONCLUSIVE),
    ],
)
@pytest.mark.usefixtures("_uncapped")
def test_the_published_spread_counts(low, high, exact, uncertain):
    assert (verdict(FOUR, ours(low, high), 25), verdict(UNCERTAIN, ours(low, high), 25)) == (exact, uncertain)


def test_the_uncertainty_of_a_published_ratio_by_the_delta_method():
    spreads = {"epochs": {"xor": {"baseline": Spread(80.0, 4), "fast": Spread(20.0, 4), "other": Spread(seeds=9)}}}
    numbers = Published("a paper", {"xor": {"baseline": 400.0, "fast": 100.0, "other": 50.0}}, spreads=spreads)
    both, one = (published_ratio(numbers, "xor", "baseline", method) for method in ("fast", "other"))
    assert both.value == 4 and both.half_width == pytest.approx(t.ppf(0.975, 3) * math.sqrt(0.01 + 0.01))
    assert both.ends == pytest.approx((4 / math.exp(both.half_width), 4 * math.exp(both.half_width)))
    assert one.value == 8 and one.half_width == pytest.approx(t.ppf(0.975, 3) * 0.1)
    assert published_ratio(numbers, "xor", "baseline", "baseline") is published_ratio(numbers, "xor", "b", "c") is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Spread(10.0),
        lambda: Spread(10.0, 1),
        lambda: Spread(-1.0, 5),
        lambda: Published("a", {}, metrics={"loss": {"xor": {"baseline": math.nan}}}),
    ],
)
def test_an_edited_manifest_cannot_hold_numbers_without_a_meaning(make):
    with pytest.raises(ValueError, match="published"):
        make()


def test_a_verdict_depends_on_direction_and_on_nothing_else():
    draw = random.Random(0)
    for _ in range(2000):
        theirs, (low, high) = math.exp(draw.gauss(0, 0.5)), sorted(math.exp(draw.gauss(0, 0.5)) for _ in range(2))
        found = verdict(PublishedRatio(theirs), ours(low, high), 25)
        assert found is verdict(PublishedRatio(1 / theirs), ours(1 / high, 1 / low), 25)
        assert found is not REPRODUCED or min(theirs, low) > 1 or max(theirs, high) < 1
        assert (found in (CONSISTENT, NO_EFFECT)) == (low <= 1 <= high)


@pytest.mark.parametrize(
    ("published", "ratio", "low", "high", "excess"),
    [
        (FOUR, 4, 4 / 2**2, 4 * 2**1.5, 2.0),  # twice too wide below, one and a half times above
        (FOUR, 4, 4 / 2**0.5, 4 * 2**3, 3.0),
        (FOUR, 2**0.5, 0.9, 2**2.5, 4.0),  # below the margin by half a step, and two wide
        (FOUR, 0.5, 0.1, 0.5 * 2**4.5, 1.5),  # on the other side of 1: three steps from the published ratio
        (FOUR, 16, 4.0, 99.0, 2.0),  # above the margin by one step, the lower end two away
        (QUARTER, 1 / 16, 1 / 99, 1 / 4, 2.0),
        (UNCERTAIN, 4, 4 / 2**2, 4 * 2, 2 * math.log(2) / math.sqrt(math.log(2) ** 2 - 0.45**2)),
    ],
)
@pytest.mark.parametrize("seeds", [6, 25, 400])
@pytest.mark.usefixtures("_uncapped")
def test_the_seeds_that_would_settle_a_verdict(published, ratio, low, high, excess, seeds):
    assert narrowed_by(excess, seeds, seeds_to_settle(published, ours(low, high, ratio=ratio), seeds))


@pytest.mark.parametrize(
    ("published", "ratio", "low", "high", "excess"),
    [
        (FOUR, 4, 4 / 1.25**2, 4 * 1.25**1.5, 2.0),  # twice too wide below, one and a half times above
        (FOUR, 4, 4 / 1.25**0.5, 4 * 1.25**3, 3.0),
        (FOUR, 2, 0.9, 2 * 1.6**4, 4.0),  # below the margin by a factor of 1.6
        (FOUR, 8, 8 / 1.6**3, 99.0, 3.0),  # above it by the same factor
        (QUARTER, 1 / 8, 1 / 99, 1.6**3 / 8, 3.0),
        (PublishedRatio(1.21), 1.21, 1.21 / 1.1**2, 1.21 * 1.1, 2.0),  # of a small effect the margin is its half
    ],
)
def test_the_seeds_that_would_settle_a_verdict_on_the_size_of_a_large_effect(published, ratio, low, high, excess):
    assert narrowed_by(excess, 25, seeds_to_settle(published, ours(low, high, ratio=ratio), 25))


def narrowed_by(excess, seeds, needed):
    """Check that `needed` is the least number of seeds with an interval `excess` times narrower than now."""

    def width(n):
        return t.ppf(0.975, n - 1) / math.sqrt(n)

    return width(seeds) / width(needed) >= excess * (1 - 1e-8) > width(seeds) / width(needed - 1) * (1 - 1e-7)


@pytest.mark.parametrize(
    ("published", "effect"),
    [
        (FOUR, ours(None, None)),
        (FOUR, ours(3, 13, "upper")),
        (FOUR, ours(3, 13, "mixed")),
        (FOUR, ours(0.0, 13, ratio=2.0)),
        (ONE, ours(0.9, 1.1)),  # no effect to reproduce
        (FOUR, ours(1.5, 2.5, ratio=math.exp(math.log(4) / 2))),  # on the edge of the margin
        (PublishedRatio(4.0, 0.7), ours(2.0, 8.0)),  # the published spread alone is wider than the margin
    ],
)
@pytest.mark.usefixtures("_uncapped")
def test_verdicts_that_more_seeds_cannot_settle(published, effect):
    assert seeds_to_settle(published, effect, 25) is None


@pytest.mark.parametrize(
    ("published", "effect", "expected"),
    [
        (FOUR, ours(2.01, 7.9), "effect reproduced: {theirs} is 4.00x, our ratio of means is 3.98x [2.01, 7.90]"),
        (
            FOUR,
            ours(2.01, 3.9),
            "effect reproduced: {theirs} is 4.00x, our ratio of means is 2.80x [2.01, 3.90]; the published ratio lies "
            "outside our interval",
        ),
        (
            FOUR,
            ours(0.9, 4.1),
            "consistent, as no effect would be too: {theirs} is 4.00x, our ratio of means is 1.92x [0.900, 4.10]; "
            "about 7,969 seeds would settle it",
        ),
        (
            FOUR,
            ours(0.9, 3.9),
            "no effect shown in the ratio of means, and the published ratio is excluded: {theirs} is 4.00x, our ratio "
            "of means is 1.87x [0.900, 3.90]",
        ),
        (
            UNCERTAIN,
            ours(2.01, 7.9),
            "inconclusive: {theirs} is 4.00x [2.55, 6.27], our ratio of means is 3.98x [2.01, 7.90]; about 42 seeds "
            "would settle it",
        ),
        (
            FOUR,
            ours(3, 5, "lower"),
            "inconclusive: {theirs} is 4.00x, our ratio of means is >= 3.00x; seeds that did not grok leave it open, "
            "and a longer budget may settle it",
        ),
        (FOUR, ours(None, None), "inconclusive: {theirs} is 4.00x, our ratio of means is 2.00x"),
        (FOUR, None, "inconclusive: {theirs} is 4.00x, ours is not known yet"),
    ],
)
@pytest.mark.usefixtures("_uncapped")
def test_published_and_ours_side_by_side(published, effect, expected):
    said = str(published_note(published, effect, verdict(published, effect, 25), 25))
    assert said == expected.format(theirs="the ratio of the published means")


def test_a_published_speed_up_stands_for_the_ratio_of_means():
    numbers = Published("", {"t": {"b": 30.0, "m": 10.0}}, speedups={"t": {"m": 2.63, "n": 2.0}})
    ratio = published_ratio(numbers, "t", "b", "m")
    assert (ratio.value, ratio.ends) == (2.63, (None, None))
    assert published_ratio(numbers, "t", "b", "n").value == 2.0 and published_ratio(numbers, "t", "b", "b") is None
    said = str(published_note(ratio, ours(2.5, 2.7), verdict(ratio, ours(2.5, 2.7), 6), 6))
    assert said.startswith("effect reproduced: the published ratio is 2.63x, our ratio of means is ")


def test_a_verdict_of_no_effect_claims_none():
    assert (NO_EFFECT.value, REPRODUCED.value) == ("no effect shown", "effect reproduced")


def test_fewer_than_six_seeds_are_said():
    assert str(published_note(FOUR, ours(3, 5), INCONCLUSIVE, 5)).endswith(
        "; a verdict needs all seeds of the suite, and at least 6"
    )


def test_published_final_values_stand_beside_ours():
    finals = {"test_accuracy": 0.95, "margin": -2, "norm": 3.0}
    assert list(map(str, metric_notes(finals, {"test_accuracy": 0.9612, "margin": None}))) == [
        "test_accuracy: published 0.95, ours 0.961 (mean at the last evaluation)",
        "margin: published -2, ours is not known yet",
        "norm: published 3, ours is not known yet",
    ]
