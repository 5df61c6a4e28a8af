"""Which stored runs answer a request, so that they are not trained again."""

from dataclasses import replace

import pytest

from grokbench.records import Outcome

from .helpers.stored_runs import CELLS, a_run


@pytest.mark.parametrize(
    ("run", "answers"),
    [
        (a_run(), True),
        (a_run(grokked_at=100), True),
        (a_run(grokked_at=101), True),  # it went further than the budget of 100: censored there
        (a_run(outcome=Outcome.CENSORED, grokked_at=None, epochs=100), True),
        (a_run(outcome=Outcome.CENSORED, grokked_at=None, epochs=99), False),
        (a_run(outcome=Outcome.DIVERGED, grokked_at=None, epochs=3), True),
        (a_run(outcome=Outcome.FAILED, grokked_at=None, error="Traceback"), False),
        (a_run(final={}), False),
    ],
)
def test_the_stored_runs_that_answer_a_request(store, run, answers):
    store.save(run)
    assert store.finished(CELLS[0], [1000, 1001]) == ({1000} if answers else set())


def test_a_metric_that_is_measured_otherwise_now_answers_no_request(store):
    how = {"test_accuracy": {"use": "accuracy", "parameters": {"split": "test"}, "every": None}}
    store.save(a_run(provenance={"measured": how}))
    assert store.finished(replace(CELLS[0], measured=how), [1000]) == {1000}
    other = {"test_accuracy": {**how["test_accuracy"], "parameters": {"split": "train"}}}
    assert store.finished(replace(CELLS[0], measured=other), [1000]) == set()


def test_a_run_to_the_end_answers_only_what_it_reached(store):
    to_the_end = replace(CELLS[0], recipe=replace(CELLS[0].recipe, stop="budget"))
    store.save(a_run(grokked_at=50, epochs=100))
    assert store.finished(to_the_end, [1000]) == {1000}
    assert store.finished(replace(to_the_end, budget=200), [1000]) == set()
