"""The work left in a folder: groups that follow from the plan, and tasks to time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench import engine
from grokbench.launchers.jobs import Timekeeping, Training
from grokbench.plan import expand
from grokbench.runner.scheduling import groups, timekeeping, training
from grokbench.suite import load_suite

from .helpers import tiny


@pytest.fixture
def cells(tmp_path, registry):
    return expand(load_suite(str(tiny.write(tmp_path))), registry, "float64", engine.REVISION)


@given(st.integers(2, 60), st.integers(2, 9))
def test_groups_are_even_and_none_is_of_one(count, size):
    seeds = tuple(range(1000, 1000 + count))
    cut = groups(seeds, size)
    assert sum(cut, ()) == seeds
    lengths = [len(group) for group in cut]
    assert min(lengths) >= 2
    assert max(lengths) - min(lengths) <= 1
    assert max(lengths) <= max(size, 3)  # an odd number cannot be cut into pairs


@pytest.mark.parametrize(("count", "size", "lengths"), [(25, 5, [5] * 5), (10, 5, [5, 5]), (6, 5, [3, 3]), (4, 5, [4])])
def test_groups_are_as_few_as_the_size_allows(count, size, lengths):
    assert [len(group) for group in groups(range(count), size)] == lengths


def test_one_seed_is_a_group():
    assert groups([7], 5) == [(7,)]


def test_only_groups_in_which_something_is_missing_are_trained(cells):
    finished = {cells[0].identity: {0, 1, 2, 3, 4, 7}, cells[1].identity: set(range(10))}
    jobs = training(cells, range(10), lambda cell: finished[cell.identity], lambda cell: 5)
    assert jobs == [Training(cells[0], (5, 6, 7, 8, 9), frozenset({5, 6, 8, 9}))]


def test_groups_do_not_depend_on_what_is_done(cells):
    fresh = training(cells[:1], range(9), lambda cell: set(), lambda cell: 5)
    again = training(cells[:1], range(9), lambda cell: {0, 8}, lambda cell: 5)
    assert [job.seeds for job in again] == [job.seeds for job in fresh]


def test_a_task_is_timed_again_with_all_its_cells_when_one_is_new(cells):
    other = tuple(replace(cell, task="other", identity=f"other {cell.regularizer}") for cell in cells)
    everything = {cell.identity for cell in (*cells, *other)}
    assert timekeeping((*cells, *other), everything) == []
    assert timekeeping((*cells, *other), everything - {other[1].identity}) == [Timekeeping(other)]
    assert timekeeping((*cells, *other), set()) == [Timekeeping(cells), Timekeeping(other)]
