"""Every check of `grokbench check`, and the labels computed by hand."""

import pytest

from grokbench import random
from grokbench.testing import Verdict, questions_of

import new_name

QUESTIONS = questions_of(new_name)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_conforms(question):
    answer = QUESTIONS[question]()
    if answer.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(answer.message)
    assert answer.verdict is Verdict.PASSED, str(answer)


def test_its_labels_by_hand():
    splits = new_name.new_name(signs=5, samples=60).splits(random.key(0))
    labelled = [pair for batch in splits.values() for pair in zip(*(part.tolist() for part in batch), strict=True)]
    assert len(labelled) == 60
    for (first, second, *others), target in labelled:
        assert {first, second, *others} <= {-1.0, 1.0}
        assert target == (1 if first * second > 0 else 0)
