"""What the command does with Slurm's jobs, which a stand-in for Slurm's queue does at once, or loses."""

import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from grokbench.events import Notice, Started
from grokbench.launchers.choice import Choice
from grokbench.launchers.slurm import launcher, queue
from grokbench.launchers.slurm.queue import Queue, SlurmError
from grokbench.records import Outcome, Run
from grokbench.settings.slurm import SlurmSettings
from grokbench.store import Store
from grokbench.store.inbox import Inbox, JobState

from .helpers import tiny
from .helpers.performed_plans import perform, trained

SUITE = tiny.SUITE.replace("1000-1002", "1000-1001")


class FakeQueue:
    """Jobs that are done when they are submitted, lost, or left waiting."""

    folder = Path("logs")

    def __init__(self, fates):
        self.fates, self.submitted, self.waiting = list(fates), [], []

    def __call__(self, settings, directory):
        return self

    def submit(self, name, packs):
        self.submitted.append(packs)
        fate = self.fates.pop(0)
        if fate == "done":
            self.do(packs)
        elif fate == "waits":
            self.waiting += packs
        return tuple(f"7_{number}" for number in range(len(packs)))

    def do(self, packs):
        for pack in packs:
            work = pickle.loads(pack.content)
            for _, event in tiny.launch_here([(work.jobs, 1)], work.workers):
                Inbox(Path(pack.directory)).put(event)

    def states(self, name):
        return {pack.number: "PENDING" for pack in self.waiting if pack.array == name}


@pytest.fixture
def slurm(monkeypatch, plan, tmp_path):
    def made(*fates, wait=True, directory=tmp_path / "out"):
        fake = FakeQueue(fates)
        monkeypatch.setattr(launcher, "Queue", fake)
        monkeypatch.setattr(launcher, "POLL", 0.0)
        monkeypatch.setattr(launcher, "ASKED", 0.0)
        monkeypatch.setattr(launcher, "LAST", 0.0)
        chosen = Choice("slurm", wait=wait)
        return fake, replace(plan(SUITE, timing=False, out=str(directory)), launcher=chosen)

    return made


def runs(folder):
    return [(run.identity, run.seed, run.outcome, run.epochs, run.curves) for run in Store.load(folder).runs(True)]


def test_results_are_taken_from_the_inbox(slurm, plan, tmp_path, monkeypatch):
    fake, made = slurm("done")
    assert len(trained(perform(made))) == 4 and len(fake.submitted) == 1
    assert not (tmp_path / "out" / "inbox").exists()
    monkeypatch.setattr("grokbench.launchers.local.pool.launch", tiny.launch_here)
    perform(plan(SUITE, timing=False, out=str(tmp_path / "local")))
    assert runs(tmp_path / "out") == runs(tmp_path / "local")


def test_lost_jobs_are_submitted_again(slurm):
    fake, made = slurm("lost", "done")
    events = perform(made)
    assert len(trained(events)) == 4 and len(fake.submitted) == 2
    said = [event.text for event in events if isinstance(event, Notice)]
    assert any("its Slurm job ended (gone); it is submitted again (attempt 2 of 3)" in text for text in said)


def test_after_the_last_attempt_the_replicas_fail(slurm):
    _, made = slurm("lost", "lost", "lost")
    failed = [event for event in perform(made) if isinstance(event, Run)]
    assert {run.outcome for run in failed} == {Outcome.FAILED} and len(failed) == 4
    assert failed[0].error == "its Slurm job ended (gone), at the last of 3 attempts"


def test_a_later_command_finds_the_jobs_and_submits_nothing_twice(slurm, monkeypatch):
    fake, made = slurm("waits", wait=False)
    assert "the same command receives their results later" in perform(made)[-1].text
    monkeypatch.setattr(fake, "states", lambda name: fake.do(fake.waiting) or {0: "RUNNING"})
    later = replace(made, launcher=Choice("slurm"))
    assert len(trained(perform(later))) == 4 and len(fake.submitted) == 1
    assert not perform(later)


def test_any_command_takes_what_has_arrived(slurm, tmp_path):
    fake, made = slurm("waits", wait=False)
    perform(made)
    fake.do([*fake.waiting, *fake.waiting])  # a replica that is written twice does no harm
    assert not trained(perform(replace(made, launcher=Choice()))) and len(runs(tmp_path / "out")) == 4


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "sbatch: error: invalid partition specified: gpu",
            "(invalid partition specified: gpu); correct `launcher: sl",
        ),
        ("sbatch: error: QOSMaxSubmitJobPerUserLimit", "(QOSMaxSubmitJobPerUserLimit); wait until earlier jobs have"),
    ],
)
def test_the_reason_why_slurm_refuses_jobs(error, said):
    assert said in queue._refused(f"submission failed\n{error}\n")


def test_without_slurm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmError, match="--launcher slurm: there is no program sbatch here; give the command on a lo"):
        Queue(SlurmSettings(), tmp_path).submit("name", [])
    with pytest.raises(SlurmError, match="`squeue` does not answer .*; the jobs go on, give the same command again"):
        Queue(SlurmSettings(), tmp_path).states("name")


def test_without_submitit(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "PROGRAMS", ())
    monkeypatch.setitem(sys.modules, "submitit.slurm", None)
    with pytest.raises(SlurmError, match=r"--launcher slurm needs submitit: `pip install 'grokbench\[slurm\]'`"):
        Queue(SlurmSettings(), tmp_path).submit("name", [])


def test_jobs_in_the_queue_are_cancelled(slurm, tmp_path, monkeypatch):
    _, made = slurm("waits", wait=False)
    perform(made)
    ended = []
    monkeypatch.setattr(Queue, "cancel", lambda self, name: ended.append(name))
    done = tiny.grokbench("cancel", tmp_path / "out")
    (array,) = Inbox(tmp_path / "out").arrays()
    assert done.status == 0 and ended == [array.name] and array.name in done.out


def test_a_report_tells_where_a_group_is_trained(slurm, tmp_path, monkeypatch):
    fake, made = slurm("waits", wait=False)
    perform(made)
    inbox, calls = Inbox(tmp_path / "out"), []
    (array,) = inbox.arrays()

    def states(name):
        inbox.put_state(name, 0, JobState("node7", "7_0", {array.packs[0][0]: (2, 1)}))
        calls.append(name)
        if len(calls) == 3:
            fake.do(fake.waiting)
        return {0: "RUNNING"}

    monkeypatch.setattr(fake, "states", states)
    events = perform(replace(made, launcher=Choice("slurm")))
    assert [event for event in events if isinstance(event, Started)] == [
        Started("node7", 0, "cpu", "7_0", str(Path("logs") / "7_0_0_log.out"))
    ]


@pytest.mark.parametrize("name", ["../../../other", "a-job-of-mine", "grokbench-0123456789ab/../x"])
def test_an_array_that_names_other_files_or_jobs_counts_as_damaged(tmp_path, name):
    folder = tmp_path / "inbox" / "arrays"
    folder.mkdir(parents=True)
    for number, each in enumerate([name, "grokbench-0123456789ab"]):
        (folder / f"{number}.json").write_text(json.dumps({"name": each, "packs": [["k"]]}), encoding="utf-8")
    assert [array.name for array in Inbox(tmp_path).arrays()] == ["grokbench-0123456789ab"]
