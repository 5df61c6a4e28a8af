"""The decisions of the launcher `ray` when workers are lost, differ or are asked to stop; no Ray, no process."""

from dataclasses import dataclass

import pytest

from grokbench.events import Notice
from grokbench.launchers.agreement import Agreement
from grokbench.launchers.interface import Stage, Worker
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.ray import pool as module
from grokbench.launchers.ray.cluster import ClusterError, LostError
from grokbench.launchers.ray.pool import RemotePool
from grokbench.launchers.ray.remote_worker import Settings
from grokbench.launchers.signals import PendingSignal
from grokbench.records import Outcome, Run

from .helpers.scripted_cluster import LOST, Actor, ScriptedCluster, Unplaced


@dataclass(frozen=True)
class Cell:
    identity: str = "c"


@dataclass(frozen=True)
class Train:
    """A training job of two seeds."""

    name: str = "c, seeds 1-2"
    missing: frozenset = frozenset({1, 2})
    checkpoints: tuple | None = None
    cells = (Cell(),)
    resumable = True

    def without(self, done):
        left = self.missing - done
        return Train(self.name, left) if left else None

    def failed(self, error):
        yield from (Run("c", seed, Outcome.FAILED, None, None, 0, error=error) for seed in sorted(self.missing))


def run(seed):
    return Run("c", seed, Outcome.GROKKED, 5, None, 5)


def pool(cluster, workers=1, retries=2, signalled=None, limits=TimeLimits()):  # noqa: B008
    settings = Settings(Worker("cpu", "float32", (), {}), {}, limits, Agreement((), {}))
    return RemotePool(cluster, [settings] * workers, limits, retries, signalled or PendingSignal())


def received(pool, *jobs, at_once=9):
    return [event for _, event in pool.work(Stage(jobs, at_once))]


def texts(events):
    return [event.text if isinstance(event, Notice) else event for event in events]


def test_events_arrive_in_order_and_idle_workers_get_the_next_job():
    actor = Actor([[run(1), run(2)], [run(1)]])
    assert received(pool(ScriptedCluster(actor)), Train("a"), Train("b")) == [run(1), run(2), run(1)]
    assert [job.name for job in actor.jobs] == ["a", "b"]


def test_no_more_jobs_run_at_once_than_the_stage_allows():
    first, second = Actor([[run(1)], [run(2)]]), Actor([])
    received(pool(ScriptedCluster(first, second), workers=2), Train("a"), Train("b"), at_once=1)
    assert len(first.jobs) == 2 and not second.jobs


def test_a_lost_workers_job_starts_again_without_the_runs_that_arrived():
    lost, other = Actor([[run(1), LOST]]), Actor([[run(2)]])
    one, notice, two = received(pool(ScriptedCluster(lost, other)), Train())
    assert (one, two) == (run(1), run(2)) and other.jobs[0].missing == {2}
    assert notice.text == (
        "c, seeds 1-2: the worker on node was lost (its node has died); it starts again (attempt 2 of 3)"
    )


def test_a_job_whose_workers_are_lost_again_and_again_fails():
    actors = [Actor([[LOST]]) for _ in range(3)]
    *notices, one, two = received(pool(ScriptedCluster(*actors, Unplaced())), Train())
    assert len(notices) == 2 and (one.seed, two.seed, one.outcome) == (1, 2, Outcome.FAILED)
    assert one.error == "the worker on node was lost (its node has died), at the last of 3 attempts"


def test_a_worker_that_was_lost_while_idle_costs_the_job_no_attempt():
    gone = [Actor([], begin=LOST) for _ in range(4)]
    *notices, one = received(pool(ScriptedCluster(*gone, Actor([[run(1)]]))), Train(missing=frozenset({1})))
    assert one == run(1) and "attempt 1 of 3" in notices[-1].text


def test_a_worker_that_differs_is_left_out_and_the_others_go_on():
    why = "the worker on node is refused: it has torch 1.0 instead of 2.6"
    cluster = ScriptedCluster(Actor([], refusal=why), Actor([[run(1)], [run(2)]]))
    assert texts(received(pool(cluster, workers=2), Train("a"), Train("b"))) == [why, run(1), run(2)]


def test_no_worker_that_agrees_is_an_error_and_nothing_has_failed():
    cluster, events = ScriptedCluster(Actor([], refusal="it has torch 1.0")), []
    with pytest.raises(ClusterError, match="no worker of the Ray cluster can be used: it has torch 1.0") as error:
        events.extend(pool(cluster).work(Stage([Train()], 1)))
    assert error.value.exit_status == 1 and not [event for event in events if isinstance(event, Run)]


def test_workers_that_cannot_start_are_given_up():
    broken = [Actor([], refusal=LostError("ModuleNotFoundError: No module named 'grokbench'")) for _ in range(3)]
    with pytest.raises(ClusterError, match="cannot be started: ModuleNotFoundError: No module named 'grokbench'"):
        received(pool(ScriptedCluster(*broken, Unplaced())), Train())


def test_after_a_signal_workers_are_asked_once_and_their_last_events_arrive():
    signalled, actor = PendingSignal(), Actor([[run(1), Notice("stopping"), run(2)]])
    events = pool(ScriptedCluster(actor), signalled=signalled).work(Stage([Train(), Train("next")], 1))
    assert next(events)[1] == run(1)
    signalled.number = 15
    rest = texts(event for _, event in events)
    assert rest == ["stopping after the checkpoints are written; a second signal stops at once", run(2)]
    assert actor.stopped == 1 and len(actor.jobs) == 1


def test_a_worker_lost_after_a_signal_fails_no_replica():
    signalled, actor = PendingSignal(), Actor([[run(1), LOST]])
    events = pool(ScriptedCluster(actor), signalled=signalled).work(Stage([Train()], 1))
    next(events)
    signalled.number = 15
    assert [event for _, event in events if isinstance(event, Run)] == []


def test_a_cell_that_exceeds_its_time_is_stopped_and_fails():
    limits = TimeLimits(cell=1e-9)
    one, two = received(pool(ScriptedCluster(Actor([[run(1)]])), limits=limits), Train())
    assert one == run(1) and two.error.startswith("stopped after the 1e-09 s that a cell may take")


def test_a_cluster_without_a_place_is_given_up_after_a_while(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    with pytest.raises(ClusterError, match="no node of the Ray cluster has had 1 CPU for a worker for 0 s: add one"):
        received(pool(ScriptedCluster(Unplaced(), place=False)), Train())


def test_a_full_cluster_is_reported(monkeypatch):
    monkeypatch.setattr(module, "SHOWN_AFTER", -1.0)
    events = pool(ScriptedCluster(Unplaced())).work(Stage([Train()], 1))
    assert next(events)[1].text == "for 0 s no worker has started: the Ray cluster has no free place"
