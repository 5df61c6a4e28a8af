"""A sound observer of a user, and the same with one fault each."""

from . import source
from .source import Change

SOUND = '''
class Tally:
    """How many replicas ended how."""

    def __init__(self, file):
        self.file, self.counts = file, {}

    def count(self, run, cell):
        self.counts[run.outcome] = self.counts.get(run.outcome, 0) + 1
        self.last = run.final.get("test_accuracy")

    def write(self, leaderboard):
        with open(self.file, "w") as lines:
            print(self.counts, file=lines)


def method(file: str = "tally.txt") -> Observer:
    """Count how the replicas of a suite end."""
    tally = Tally(file)
    return Observer(stored=tally.count, finished=tally.count, end=tally.write)
'''
HEAD = '"""An observer."""\n\nfrom grokbench import Observer, Regularizer, hookimpl\n\n\n'
HOOK = source.HOOK.replace("regularizers", "observers")

FAULTS = {
    "what a failed replica lacks": Change(
        '.get("test_accuracy")',
        '["test_accuracy"]',
        "events",
        "stored raises KeyError: 'test_accuracy', given a replica that failed",
        "a replica that failed has no curves and no final values",
    ),
    "a time that there is not": Change(
        "self.last = ",
        "self.last = run.grokked_at / 2 + ",
        "events",
        "given a replica that did not grok",
        "grokked_at and memorised_at are None",
    ),
    "what only a whole suite makes": Change(
        "end=tally.write",
        "end=tally.write, close=lambda: print(tally.last, file=open(file, 'a'))",
        "interruption",
        "close raises AttributeError: 'Tally' object has no attribute 'last'",
        "expect every outcome",
    ),
    "an exit": Change(
        "        self.last",
        "        run.curves or exit(3)\n        self.last",
        "events",
        "stored raises SystemExit: 3",
        "has no curves",
    ),
    "a written record": Change(
        "        self.last",
        "        run.final['mine'] = 1.0\n        self.last",
        "results",
        "stored changes the records it is given",
        "dict(run.final)",
    ),
    "a written recipe": Change(
        "        self.last",
        "        cell.recipe.task.parameters.clear()\n        self.last",
        "results",
        "stored changes the records it is given",
        "files of your own",
    ),
    "a file of the results": Change(
        "            print(self.counts, file=lines)",
        "            open('runs/fake_suite/manifest.json', 'w').close()",
        "results",
        "it changes or removes manifest.json, a file of the results",
        "write to files of your own",
    ),
    "arguments the other way round": Change(
        "def count(self, run, cell)",
        "def count(self, cell, run)",
        "record",
        "stored is called as stored(run, cell), but the function is count(cell, run)",
        "define it as: def count(run, cell)",
    ),
    "no argument": Change(
        "def write(self, leaderboard)", "def write(self)", "record", "end is called as end(leaderboard)", "define it as"
    ),
    "another record": Change(
        "return Observer(stored=tally.count, finished=tally.count, end=tally.write)",
        "return Regularizer()",
        "record",
        "method returns a Regularizer, expected an Observer",
        "return the Observer from the factory",
    ),
    "a package that is not there": Change(
        "    tally = ",
        "    import no_such_package\n    tally = ",
        "record",
        "needs the Python module 'no_such_package', which is not installed here",
        "install it and check again",
    ),
}
