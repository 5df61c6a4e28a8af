"""Every check of `grokbench check`, and the line of one replica."""

import pytest

from grokbench import Cell, Outcome, Planned, Run
from grokbench.testing import Verdict, questions_of

import new_name

QUESTIONS = questions_of(new_name)


@pytest.mark.parametrize("question", QUESTIONS)
def test_it_conforms(question):
    answer = QUESTIONS[question]()
    if answer.verdict is Verdict.NOT_APPLICABLE:
        pytest.skip(answer.message)
    assert answer.verdict is Verdict.PASSED, str(answer)


def test_what_it_writes(tmp_path):
    cell = Cell("parity", "baseline", "identity", recipe=None, budget=100, evaluate_every=1, metrics={})
    observer = new_name.new_name(file=str(tmp_path / "list.txt"))
    for _ in range(2):  # a second command reports the replica of the first again
        observer.begin(Planned(None, (cell,), (1000,), tmp_path))
        observer.stored(Run("identity", 1000, Outcome.GROKKED, grokked_at=70, memorised_at=20, epochs=70), cell)
    assert (tmp_path / "list.txt").read_text() == "parity baseline 1000 grokked 70\n"
