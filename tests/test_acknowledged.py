"""A worker goes on after a run when the run is stored: until then its checkpoint must hold the replica."""

from multiprocessing import Pipe
from threading import Thread

from grokbench.launchers.local import worker
from grokbench.records import Outcome, Run


def test_a_worker_waits_until_its_run_is_stored():
    mine, theirs = Pipe()
    order = []

    class Job:
        def run(self, settings, registry):
            yield Run("a" * 16, 0, Outcome.CENSORED, None, None, 1, group=(0, 1))
            order.append("the checkpoint is deleted")

    def parent():
        while not isinstance(mine.recv(), Run):
            pass
        order.append("the run is stored")
        mine.send(True)

    thread = Thread(target=parent)
    thread.start()
    assert worker._run(Job(), None, lambda: None, theirs, worker._Outbox(theirs)) is None
    thread.join()
    assert order == ["the run is stored", "the checkpoint is deleted"]
