"""Kills in a row in one folder, and the run that completes it."""

import shutil
import signal
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from . import folders, runs

WHO = ("worker", "parent", "both")
PLACES = {  # phase -> who is killed -> the processes that get to a fail-point of the phase
    "start-up": {"worker": ("worker",), "parent": ("parent",), "both": ("worker",)},
    "data": {"worker": ("worker",), "parent": ("parent", "worker"), "both": ("worker",)},
    "training": {"worker": ("worker",), "parent": ("worker", "parent"), "both": ("worker",)},
    "half written": {"worker": ("worker",), "parent": ("parent",), "both": ("worker", "parent")},
    "not renamed": {"worker": ("worker",), "parent": ("parent",), "both": ("worker", "parent")},
    "checkpoint": {"worker": ("worker",), "parent": ("worker",), "both": ("worker",)},
    "timing": {"worker": ("worker",), "parent": ("worker", "parent"), "both": ("worker", "parent")},
    "closing": {"worker": ("parent",), "parent": ("parent",), "both": ("parent",)},
}
TRAINED = ("timing", "closing")  # phases in which every replica is stored from the start
JOBS = 4  # of the suite's training, so that a run can lose as many workers
TRIES = 8  # runs of a row that end before their kill


class Lost(Exception):
    """Something was lost; its text says what."""


@dataclass
class Bench:
    """A place to kill in.

    Attributes:
        file: of the suite.
        folder: for the results folders.
    """

    file: Path
    folder: Path

    @cached_property
    def undisturbed(self):
        """The outcome without kills, and how often each process gets to a fail-point of each phase."""
        end = runs.run(self.file, self.folder / "undisturbed", {"count": True})
        assert end.status == 0, end.err
        reached = [(entry["role"], entry["reached"]) for entry in end.log if "reached" in entry]
        missing = [entry["missing"] for entry in end.log if "missing" in entry]
        assert not missing, f"there is no {missing} to wrap: mend POINTS"
        return folders.outcome(self.folder / "undisturbed"), {place: reached.count(place) for place in set(reached)}

    def fresh(self, phase):
        """A new results folder; for late phases with every replica and without seconds per epoch."""
        killed = self.folder / "killed"
        shutil.rmtree(killed, ignore_errors=True)
        if phase in TRAINED:
            _ = self.undisturbed
            shutil.copytree(self.folder / "undisturbed", killed)
            shutil.rmtree(killed / "timings")
        return killed

    def row(self, phase, victims, chance):
        """Kill in one folder for each of the victims, then complete it.

        Args:
            phase: the phase, or "random", in which moments are drawn.
            victims: who is killed, in this order.
            chance: draws the calls and moments.

        Returns:
            The kills, each as what was noted before it.

        Raises:
            Lost: a kill has lost something, or the completed folder is another one.
        """
        expected, _ = self.undisturbed
        folder, left, kills, tries = self.fresh(phase), list(victims), [], 0
        while left:
            batch = self.batch(phase, left)
            done = self.kill(folder, phase, batch, chance)
            kills += [{"who": who, **death} for who, death in zip(batch, done, strict=False)]
            del left[: len(done)]
            tries += not done
            if tries > TRIES:
                raise Lost(f"{tries} runs have ended before {left} were killed")
            if not done and left:  # the run has come to its end, and there is nothing more to kill
                self.verify(partial(folders.check_complete, folder, expected))
                folder = self.fresh(phase)
        self.complete(folder)
        return kills

    def batch(self, phase, left):
        """The victims of one run: several workers one after the other, or one other."""
        if left[0] != "worker" or phase in (*TRAINED, "random"):
            return left[:1]
        workers = next((i for i, who in enumerate(left) if who != "worker"), len(left))
        return left[: min(workers, JOBS)]

    def kill(self, folder, phase, batch, chance):
        """Run once with these kills ordered, and check the folder; those that came."""
        held = folders.before(folder)
        if phase == "random":
            how = {"moment": (chance.uniform(0, self.duration), batch[0])}
        else:
            how = {"order": self.order(phase, batch, chance)}
        end = self.verify(partial(runs.run, self.file, folder, **how))  # a hang is a loss, too
        self.verify(partial(folders.check_kept, folder, held, end.log))
        self.verify(partial(folders.check_sound, folder))
        self.verify(partial(check_end, end, batch))
        return end.deaths

    def order(self, phase, batch, chance):
        """The order of the fail-points: where, and at which calls of all that an undisturbed run makes."""
        _, counts = self.undisturbed
        at = chance.choice(PLACES[phase][batch[0]])
        most = max(1, counts.get((at, phase), 0) // (JOBS if len(batch) > 1 else 1))
        return {"phase": phase, "at": at, "who": batch[0], "calls": [chance.randint(1, most) for _ in batch]}

    def complete(self, folder):
        """Run to the end and compare."""
        expected, _ = self.undisturbed
        held = folders.before(folder)
        end = self.verify(partial(runs.run, self.file, folder))
        self.verify(partial(folders.check_kept, folder, held, end.log))
        self.verify(lambda: (end.status == 0) or fail(f"the run after the kills ended with {end.status}: {end.err}"))
        self.verify(partial(folders.check_complete, folder, expected))

    @cached_property
    def duration(self):
        """Seconds of a run without kills."""
        _ = self.undisturbed
        began = time.monotonic()
        runs.run(self.file, self.folder / "timed")
        return time.monotonic() - began

    def verify(self, check):
        """Do something, whose errors speak as Lost; its result."""
        try:
            return check()
        except Exception as error:
            raise Lost(f"{type(error).__name__}: {error}") from error


def fail(why):
    """AssertionError as an expression."""
    raise AssertionError(why)


def check_end(end, batch):
    """AssertionError unless the run ended as the kill says."""
    assert "Traceback" not in end.err, end.err
    if not end.deaths:
        assert end.status == 0, end.err
    elif batch[0] == "worker":  # the parent goes on, and names the failed replicas
        assert end.status in (0, 1) and (end.status == 0 or "failed" in end.err), end
    else:
        assert end.status == -signal.SIGKILL, end
