"""What is bold: the significant best of a task."""

import pytest

from grokbench.judging.best import best, rule
from grokbench.judging.conclusions import Conclusion
from grokbench.judging.ranking import Row
from grokbench.records import Statistics


def row(label, speedup, place=1, conclusion="faster", **values):
    counts = {"seeds": 10, "grokked": 10, "censored": 0, "diverged": 0, "failed": 0}
    ratios = {"speedup": speedup, "speedup_of_means": speedup, "place": place}
    concluded = conclusion and Conclusion(conclusion)
    return Row(task="t", regularizer=label, **(counts | ratios | {"conclusion": concluded} | values))


BASELINE = row("baseline", None, 3, None)
FAST, FASTER = row("a", 2.0, 2), row("b", 2.1)


@pytest.mark.parametrize(
    ("rows", "bold"),
    [
        ([], []),
        ([BASELINE], []),
        ([BASELINE, FAST], ["a"]),  # the first place among those that are faster than the baseline
        ([BASELINE, FAST, FASTER], ["b"]),
        ([FASTER, BASELINE, FAST, row("c", 9.0)], ["b", "c"]),
        ([row("slow", 0.5, conclusion="slower"), BASELINE], []),  # significantly slower
        (
            [FAST, row("unsure", 9.0, conclusion="no difference")],
            ["a"],
        ),  # the first of all, and not significantly faster
        ([FAST, row("failing", 9.0, None, "faster where it groks")], ["a"]),
        ([FAST, row("fails", 4.0, 1, speedup_bound="upper")], ["a"]),  # on some seeds
        ([FAST, row("later", 4.0, 1, family=2)], ["a"]),
        ([FAST, row("capped", 0.9, 1, speedup_bound="lower")], ["capped"]),  # the baseline's budget made it less than 1
        ([row("x", 2.0, None), row("y", 4.0, None)], ["x", "y"]),  # too few seeds for places
        ([row("apart", 1.2, speedup_of_means=0.9)], []),  # means and logs point apart
    ],
)
def test_bold_marks_the_significant_best(rows, bold):
    assert [each.regularizer for each in best(rows)] == bold


def test_the_rule_is_said():
    assert rule("plain", Statistics()) == (
        "Bold: significantly faster than plain (Holm p at most 0.05), with a speed-up and a ratio of means that both "
        "exceed 1 if all seeds grokked, and of the first place among such methods of the task."
    )
    assert "(uncorrected p at most 0.01)" in rule("plain", Statistics(correction="none", alpha=0.01))
    assert "(sequential p at most 0.05)" in rule("plain", Statistics(correction="none", interim_looks=(4, 8)))
