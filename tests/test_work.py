"""Jobs: groups that follow from the plan, and what each yields."""

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokbench import engine, work
from grokbench.events import Progress
from grokbench.plan import expand
from grokbench.records import Outcome, Run, Timing
from grokbench.suite import load_suite
from grokbench.work import Timekeeping, Training, Worker, groups, timekeeping, training

from . import tiny

WORKER = Worker("cpu", "float64", (), {"machine": "here"})
SEEDS = (1000, 1001, 1002)


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
def test_as_few_groups_as_the_size_allows(count, size, lengths):
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


def runs_of(job, registry):
    return {event.seed: event for event in job.run(WORKER, registry) if isinstance(event, Run)}


def test_an_interrupted_group_is_trained_whole_and_only_the_missing_are_kept(cells, registry):
    whole = runs_of(Training(cells[1], SEEDS, frozenset(SEEDS)), registry)
    rest = runs_of(Training(cells[1], SEEDS, frozenset({1001})), registry)
    assert set(whole) == set(SEEDS) and set(rest) == {1001}
    assert rest[1001].curves == whole[1001].curves
    assert rest[1001].group == SEEDS


def test_a_run_says_where_it_comes_from(cells, registry):
    (run, *_) = runs_of(Training(cells[0], SEEDS, frozenset(SEEDS)), registry).values()
    assert run.provenance == {"machine": "here", "origins": dict(cells[0].origins), "measured": dict(cells[0].measured)}


@pytest.mark.parametrize(("heartbeat", "told"), [(-1.0, True), (1000.0, False)])
def test_progress_is_told_now_and_then(cells, registry, monkeypatch, heartbeat, told):
    monkeypatch.setattr(work, "HEARTBEAT", heartbeat)
    events = list(Training(cells[0], SEEDS, frozenset(SEEDS)).run(WORKER, registry))
    assert any(isinstance(event, Progress) for event in events) is told
    assert sum(isinstance(event, Run) for event in events) == 3


def test_a_failed_group_keeps_the_traceback_for_every_missing_seed(cells):
    runs = list(Training(cells[0], SEEDS, frozenset({1002, 1000})).failed("Traceback: boom"))
    assert [(run.seed, run.outcome, run.error, run.group) for run in runs] == [
        (1000, Outcome.FAILED, "Traceback: boom", SEEDS),
        (1002, Outcome.FAILED, "Traceback: boom", SEEDS),
    ]


def test_a_task_is_timed_again_with_all_its_cells_when_one_is_new(cells):
    other = tuple(replace(cell, task="other", identity=f"other {cell.regularizer}") for cell in cells)
    everything = {cell.identity for cell in (*cells, *other)}
    assert timekeeping((*cells, *other), everything) == []
    assert timekeeping((*cells, *other), everything - {other[1].identity}) == [Timekeeping(other)]
    assert timekeeping((*cells, *other), set()) == [Timekeeping(cells), Timekeeping(other)]


def test_every_cell_of_a_task_is_timed(cells, registry, monkeypatch):
    monkeypatch.setattr("grokbench.timing.LEAST_SECONDS", 1e-4)
    timings = list(Timekeeping(cells).run(WORKER, registry))
    assert all(isinstance(timing, Timing) for timing in timings)
    assert [timing.identity for timing in timings] == [cell.identity for cell in cells]
    (when,) = {timing.provenance["timed_at"] for timing in timings}  # they took turns
    assert [timing.provenance for timing in timings] == [
        {"machine": "here", "timed_at": when, "origins": dict(cell.origins)} for cell in cells
    ]


def test_jobs_travel_to_another_process(cells):
    for job in (Training(cells[0], SEEDS, frozenset(SEEDS)), Timekeeping(cells)):
        assert pickle.loads(pickle.dumps(job)) == job
