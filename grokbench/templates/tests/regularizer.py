"""Every check of `grokbench check`, and the equation computed by hand."""

import pytest
import torch

from grokbench.tasks.sparse_parity import sparse_parity
from grokbench.testing import Verdict, questions_of, standpoint

import new_name

QUESTIONS = questions_of(new_name)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_conforms(question):
    answer = QUESTIONS[question]()
    if answer.verdict in (Verdict.NOT_APPLICABLE, Verdict.HINT):
        pytest.skip(str(answer))
    assert answer.verdict is Verdict.PASSED, str(answer)


def test_its_equation_by_hand():
    at = standpoint(sparse_parity(bits=4, width=3, samples=8))
    method, m = new_name.new_name(beta=0.8, gain=0.5), 0.0
    state = method.init(at.params)
    for g in (1.0, -2.0, 3.0):
        filtered, state = method.transform({name: torch.full_like(p, g) for name, p in at.params.items()}, state, at)
        m = 0.8 * m + 0.2 * g
        for name, p in at.params.items():
            torch.testing.assert_close(filtered[name], torch.full_like(p, g + 0.5 * (g - m)), rtol=1e-12, atol=0.0)
