"""What is bold: the significant best of a task."""

from dataclasses import replace

import pytest

from grokbench.judging.best import best, rule
from grokbench.judging.ranking import Row
from grokbench.records import Statistics


def row(label, speedup, low, high, p=0.01, bound=None, **values):
    counts = {"seeds": 10, "grokked": 10, "censored": 0, "diverged": 0, "failed": 0}
    ratios = {"speedup": speedup, "speedup_of_means": speedup, "speedup_low": low, "speedup_high": high}
    p_values = {"p_holm": p, "p_sign_flip": p, "deciding_test": "sign_flip"}
    return Row(task="t", regularizer=label, speedup_bound=bound, **(counts | ratios | p_values | values))


BASELINE = row("baseline", None, None, None, None)
FAST, FASTER, FASTEST = row("a", 2.0, 1.8, 2.2), row("b", 2.1, 1.9, 2.4), row("c", 4.0, 3.5, 4.5)


@pytest.mark.parametrize(
    ("rows", "bold"),
    [
        ([], []),
        ([BASELINE], []),
        ([BASELINE, FAST], ["a"]),
        ([BASELINE, FAST, FASTEST], ["c"]),
        ([FASTER, BASELINE, FAST], ["b", "a"]),  # neither interval lies above the other
        ([row("slow", 0.5, 0.4, 0.6), BASELINE], []),  # significantly slower
        ([FAST, row("unsure", 9.0, 0.9, 90.0, p=0.2)], ["a"]),  # the largest, and not significant
        ([FAST, row("edge", 4.0, 3.5, 4.5, p=0.05)], ["edge"]),
        ([FAST, row("flattered", 4.0, 3.5, 4.5, bound="upper")], ["a", "flattered"]),  # it puts no other in the shade
        ([FASTEST, row("flattered", 2.0, 1.8, 2.2, bound="upper")], ["c"]),
        ([FAST, row("both", 4.0, 3.5, 4.5, bound="mixed")], ["a", "both"]),
        ([row("x", 2.0, 1.8, 2.2, bound="lower"), row("y", 4.0, 3.5, 4.5, bound="lower")], ["y"]),  # one baseline
        ([row("apart", 1.2, 1.1, 1.3, speedup_of_means=0.9)], []),  # means and logs point apart
        ([FAST, row("no interval", 3.0, None, None)], ["a", "no interval"]),
    ],
)
def test_bold_marks_the_significant_best(rows, bold):
    assert [each.regularizer for each in best(rows, Statistics())] == bold


def test_significance_without_a_correction_uses_the_p_of_the_deciding_test():
    rows = [row("a", 2.0, 1.8, 2.2, p_holm=None, p_sign_flip=0.04, p_wilcoxon=0.06)]
    assert best(rows, Statistics(correction="none")) == rows
    others = [replace(each, deciding_test="wilcoxon") for each in rows]
    assert best(others, Statistics(correction="none")) == best(rows, Statistics()) == []


def test_the_rule_is_said():
    assert rule("plain", Statistics()) == (
        "Bold: significantly faster than plain (Holm p at most 0.05), and no other such method's interval of the task "
        "lies above its own."
    )
    assert "(p at most 0.01)" in rule("plain", Statistics(correction="none", alpha=0.01))
