"""The number of workers changes no result."""

import multiprocessing
from dataclasses import replace

from grokbench.launchers.local import worker_process
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers import tiny
from .helpers.performed_plans import perform

SUITE = tiny.with_methods("orthograd", "grokfast_ema").replace("1000-1002", "1000-1005")


def forked(target, argument):
    """`start_process`, by a copy of this process, which has imported torch."""
    context = multiprocessing.get_context("fork")
    pipe, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, argument), daemon=True)
    process.start()
    theirs.close()
    return process, pipe


def results(plan, folder, workers):
    made = plan(SUITE, group_size=2, timing=False, out=str(folder))
    perform(replace(made, devices=("cpu",) * workers))
    runs = Store.load(folder).runs(curves=True)
    leaderboard = pipeline.judge(Store.load(folder)).rows
    return [(run.identity, run.seed, run.outcome, run.epochs, run.curves) for run in runs], leaderboard


def test_four_workers_give_the_results_of_one_bit_for_bit(plan, tmp_path, monkeypatch):
    started = []

    def counted(*arguments):
        started.append(arguments)
        return forked(*arguments)

    monkeypatch.setattr(worker_process, "start_process", counted)
    one, four = results(plan, tmp_path / "one", 1), results(plan, tmp_path / "four", 4)
    assert len(started) == 5 and len(one[0]) == 18
    assert one == four
