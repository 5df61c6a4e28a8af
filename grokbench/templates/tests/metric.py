"""Every check of `grokbench check`, and the equation computed by hand."""

import math

import pytest

from grokbench import Probe, random
from grokbench.tasks.sparse_parity import sparse_parity
from grokbench.testing import Verdict, questions_of

import new_name

QUESTIONS = questions_of(new_name)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_conforms(question):
    answer = QUESTIONS[question]()
    if answer.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(answer.message)
    assert answer.verdict is Verdict.PASSED, str(answer)


def test_its_equation_by_hand():
    task, key = sparse_parity(bits=4, width=3, samples=8), random.key(0)
    params, splits = task.init(key), task.splits(key)
    lengths = [math.hypot(*outputs) for outputs in task.outputs(params, splits["test"].inputs).tolist()]
    measured = new_name.new_name().measure(Probe(params, splits, task, key))
    assert float(measured) == pytest.approx(sum(lengths) / len(lengths), rel=1e-12)
