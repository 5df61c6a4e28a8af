"""How long the rest of a suite may take."""

import pytest

from grokbench.runner.progress.time_left import TimeLeft, estimate_time_left

from .helpers.scripted_training import GROUP, cell, matrix_of, run


def test_the_time_left_is_unknown_before_a_first_rate():
    matrix = matrix_of([cell()])
    assert str(estimate_time_left(matrix)) == ""
    matrix.progress(cell(), GROUP, 0, 2)
    matrix.now.seconds += 0.5
    matrix.progress(cell(), GROUP, 10, 2)
    assert str(estimate_time_left(matrix)) == ""


def test_the_budget_bounds_the_time_left_without_finished_replicas():
    matrix = matrix_of([cell(budget=100)], seeds=4)
    matrix.progress(cell(), GROUP, 0, 2)
    matrix.now.seconds += 20
    matrix.progress(cell(budget=100), GROUP, 10, 2)
    assert estimate_time_left(matrix) == TimeLeft(2 * 90 + 2 * 100, True, 0)  # a replica's epoch took a second


def test_finished_siblings_tell_how_long_the_others_take():
    matrix = matrix_of([cell()], done={("sparse_parity", "grokalign"): [run(1, 30), run(2, 50)]}, seeds=4)
    matrix.progress(cell(), GROUP, 0, 2)
    matrix.now.seconds += 40
    matrix.progress(cell(), GROUP, 20, 2)
    assert estimate_time_left(matrix) == TimeLeft(2 * (40 - 20), False, 0)
    matrix.now.seconds += 40
    matrix.progress(cell(), GROUP, 40, 2)
    assert estimate_time_left(matrix) == TimeLeft(2 * (50 - 40), False, 0)  # without the one that ended at 30


def test_a_cell_takes_the_cadence_of_its_task():
    other, unknown = cell(regularizer="baseline", budget=10), cell(task="xor")
    matrix = matrix_of([cell(), other, unknown], seeds=1)
    matrix.progress(cell(), (1000,), 0, 1)
    matrix.now.seconds += 200
    matrix.finished(run(1000, 100), cell())
    matrix.progress(cell(), (1000,), 100, 0)
    assert estimate_time_left(matrix) == TimeLeft(0.0, False, 2)  # the cell had ended before this report
    matrix.progress(other, (1000,), 0, 1)
    matrix.now.seconds += 4
    matrix.progress(other, (1000,), 2, 1)
    assert estimate_time_left(matrix) == TimeLeft(16.0, True, 1)


def test_groups_that_train_side_by_side_share_the_work_left():
    matrix = matrix_of([cell(budget=100)], seeds=2)
    for seeds in ((1000,), (1001,)):
        matrix.progress(cell(), seeds, 0, 1)
    matrix.now.seconds += 10
    for seeds in ((1000,), (1001,)):
        matrix.progress(cell(), seeds, 10, 1)
    assert estimate_time_left(matrix).seconds == 90


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        (TimeLeft(0.0, False, 2), ""),
        (TimeLeft(3.0, False, 0), "about 5 s left"),
        (TimeLeft(61.0, True, 1), "at most 2 min left + 1 task not timed yet"),
        (TimeLeft(3660.0, False, 2), "about 1 h 01 min left + 2 tasks not timed yet"),
    ],
)
def test_the_time_left_in_words(rest, words):
    assert str(rest) == words


def test_the_time_left_accounts_for_groups_that_wait():
    """Two workers have 90 s left each, and three groups of 100 s wait: one of the workers takes two of them."""
    waiting = [cell(regularizer=name, budget=100) for name in ("b", "c", "d")]
    matrix = matrix_of([cell(budget=100), cell(regularizer="a", budget=100), *waiting], seeds=1)
    for name in ("grokalign", "a"):
        matrix.progress(cell(regularizer=name, budget=100), (1000,), 0, 1)
    matrix.now.seconds += 10
    for name in ("grokalign", "a"):
        matrix.progress(cell(regularizer=name, budget=100), (1000,), 10, 1)
    assert estimate_time_left(matrix) == TimeLeft(90 + 100 + 100, True, 0)
