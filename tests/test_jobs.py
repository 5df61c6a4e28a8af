"""Jobs: what each yields, and what it comes to where it fails."""

import pickle
from dataclasses import replace

import pytest

from grokbench import engine
from grokbench.events import Progress
from grokbench.launchers import jobs
from grokbench.launchers.interface import Worker
from grokbench.launchers.jobs import Timekeeping, Training
from grokbench.plan import expand
from grokbench.records import Origin, Outcome, Run, Timing
from grokbench.suite import load_suite

from .helpers import tiny

WORKER = Worker("cpu", "float64", (), {"machine": "here"})
SEEDS = (1000, 1001, 1002)


@pytest.fixture
def cells(tmp_path, registry):
    return expand(load_suite(str(tiny.write(tmp_path))), registry, "float64", engine.REVISION)


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
    origins = {name: origin.data() for name, origin in cells[0].origins.items()}
    assert run.provenance == {"machine": "here", "origins": origins, "measured": dict(cells[0].measured)}
    assert origins["tasks.sparse_parity"]["kind"] == "built_in"


@pytest.mark.parametrize(("heartbeat", "told"), [(-1.0, True), (1000.0, False)])
def test_progress_is_told_now_and_then(cells, registry, monkeypatch, heartbeat, told):
    monkeypatch.setattr(jobs, "HEARTBEAT", heartbeat)
    events = list(Training(cells[0], SEEDS, frozenset(SEEDS)).run(WORKER, registry))
    assert any(isinstance(event, Progress) for event in events) is told
    assert sum(isinstance(event, Run) for event in events) == 3


def test_a_failed_group_keeps_the_traceback_for_every_missing_seed(cells):
    runs = list(Training(cells[0], SEEDS, frozenset({1002, 1000})).failed("Traceback: boom"))
    assert [(run.seed, run.outcome, run.error, run.group) for run in runs] == [
        (1000, Outcome.FAILED, "Traceback: boom", SEEDS),
        (1002, Outcome.FAILED, "Traceback: boom", SEEDS),
    ]


def test_every_cell_of_a_task_is_timed(cells, registry, monkeypatch):
    monkeypatch.setattr("grokbench.engine.timing.LEAST_SECONDS", 1e-4)
    timings = list(Timekeeping(cells).run(WORKER, registry))
    assert all(isinstance(timing, Timing) for timing in timings)
    assert [timing.identity for timing in timings] == [cell.identity for cell in cells]
    (when,) = {timing.provenance["timed_at"] for timing in timings}  # they took turns
    origins = [{name: origin.data() for name, origin in cell.origins.items()} for cell in cells]
    assert [timing.provenance for timing in timings] == [
        {"machine": "here", "timed_at": when, "origins": each} for each in origins
    ]


MADE = {"git": {"commit": "a1", "dirty": False}, "grokbench": "0.1.0", "torch": "2.9", "machine": "here"}
MINE = Origin("built_in", digests={1: "whole", 2: "code"})


@pytest.mark.parametrize(
    ("made", "origin", "resumes"),
    [
        ({}, MINE, True),
        ({"git": {"commit": "b2", "dirty": True}}, MINE, True),
        ({"git": None, "grokbench": "0.2.0"}, MINE, True),
        ({}, replace(MINE, digests={1: "with other comments", 2: "code"}), True),
        ({}, replace(MINE, digests={1: "other", 2: "other"}), False),
        ({"torch": "2.10"}, MINE, False),
        ({"machine": "there"}, MINE, False),
        ({"device_name": "another"}, MINE, False),
    ],
)
def test_a_checkpoint_is_used_under_another_commit_and_not_with_other_sources(
    cells, registry, tmp_path, monkeypatch, made, origin, resumes
):
    monkeypatch.setattr(jobs, "HEARTBEAT", -1.0)
    monkeypatch.setattr("grokbench.plan.check_sources", lambda cell, registry: None)

    def events(provenance, origin):
        cell = replace(cells[1], origins={**cells[1].origins, "tasks.sparse_parity": origin})
        job = Training(cell, SEEDS, frozenset(SEEDS), (str(tmp_path), 0.0))
        return job.run(replace(WORKER, provenance=provenance), registry)

    started = events(MADE, MINE)
    while next(started).epoch < 2:
        pass
    started.close()
    assert len(list(tmp_path.glob("*.npz"))) == 1
    first = next(event for event in events(MADE | made, origin) if isinstance(event, Progress))
    assert (first.epoch > 0) is resumes


def test_jobs_travel_to_another_process(cells):
    for job in (Training(cells[0], SEEDS, frozenset(SEEDS)), Timekeeping(cells)):
        assert pickle.loads(pickle.dumps(job)) == job
