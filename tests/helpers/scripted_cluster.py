"""A cluster whose workers answer as a script says; no process is started."""

import pickle

from grokbench.launchers.ray.cluster import LostError

HOST = "node"


class Call:
    def __init__(self, answer):
        self.answer = answer


class Method:
    def __init__(self, function):
        self.remote = function


class Actor:
    """A worker; `script` says for each job it gets what its fetches answer: events, None at the end, or an error.

    Attributes:
        jobs: the jobs that it got.
        stopped: how often it was asked to stop.
    """

    def __init__(self, script, refusal="", begin=None):
        self.script, self.refusal, self.begin_error = iter(script), refusal, begin
        self.jobs, self.stopped, self.answers = [], 0, iter(())

    prepare = property(lambda self: Method(lambda expected, settings: Call(self._prepared())))
    begin = property(lambda self: Method(self._begin))
    fetch = property(lambda self: Method(lambda: self._fetched()))
    stop = property(lambda self: Method(self._stop))

    def _prepared(self):
        return self.refusal if isinstance(self.refusal, Exception) else (HOST, self.refusal)

    def _begin(self, job):
        if self.begin_error:
            return Call(self.begin_error)
        self.jobs.append(pickle.loads(job))
        self.answers = iter([*next(self.script), None])
        return Call(None)

    def _fetched(self):
        answer = next(self.answers)
        return Call(answer if answer is None or isinstance(answer, Exception) else pickle.dumps(answer))

    def _stop(self):
        self.stopped += 1


class ScriptedCluster:
    """A cluster that gives out the actors of a list, and then workers that never start."""

    need = "1 CPU for a worker"

    def __init__(self, *actors, place=True):
        self.actors, self.place, self.ended = list(actors), place, []
        self.started = []

    def start_worker(self):
        actor = self.actors.pop(0) if self.actors else Unplaced()
        self.started.append(actor)
        return actor

    def end_workers(self, actors):
        self.ended += actors

    def has_place(self):
        return self.place

    def wait(self, calls, seconds):
        return [call for call in calls if call.answer is not WAITING][:1]

    def answer(self, call):
        if isinstance(call.answer, Exception):
            raise call.answer
        return call.answer


WAITING = object()


class Unplaced(Actor):
    def __init__(self):
        super().__init__(())

    def _prepared(self):
        return WAITING


LOST = LostError("its node has died")
