"""What has to hold in a results folder after a kill, and when its suite is complete."""

import json
import zipfile
from dataclasses import dataclass, replace

from grokbench.judging.note import Kind
from grokbench.records import Outcome
from grokbench.report.text import as_json
from grokbench.runner import pipeline
from grokbench.store import Store
from grokbench.store.ledger import read_ledger

from .. import tiny
from .suite import SEEDS

TIMES = (
    *("seconds_per_epoch", "seconds_mean"),
    *("seconds_speedup", "seconds_speedup_low", "seconds_speedup_high", "seconds_speedup_bound"),
)  # columns of the leaderboard that are times
ABOUT_TIME = (Kind.TIME_UNCERTAIN, Kind.TIME_REFUSED)


@dataclass(frozen=True)
class Before:
    """What a folder holds before a run, none of which may be lost.

    Attributes:
        files: path -> content, of finished replicas and of their weights.
        checkpoints: identity of a cell -> completed epochs in the checkpoint of its group.
    """

    files: dict
    checkpoints: dict


def before(folder):
    """Note what a folder holds."""
    if not (folder / "manifest.json").exists():
        return Before({}, {})
    store = Store.load(folder)
    own = []
    for one in store.each_run():
        if one.outcome is not Outcome.FAILED:
            own.append(store.layout.run(one.identity, one.seed))
            own += [store.layout.weights(one.identity, one.seed, epoch) for epoch in one.weights]
    epochs = {identity: head["epoch"] for identity, head in checkpoints(folder).items()}
    return Before({path: path.read_bytes() for path in own}, epochs)


def check_kept(folder, held, log):
    """AssertionError unless everything before the kill is there: replicas and weights byte for byte, checkpoints.

    Args:
        folder: the folder, to which nobody writes now.
        held: what it held before the run.
        log: what the fail-points logged in the run.
    """
    for path, content in held.files.items():
        assert path.exists() and path.read_bytes() == content, f"{path} is not what it was"
    reached = dict(held.checkpoints)
    for entry in log:
        assert "missing" not in entry, f"there is no {entry.get('missing')} to wrap: mend POINTS"
        if "checkpoint" in entry:
            reached[entry["checkpoint"]] = entry["epoch"]
        if "begin" in entry:
            least = reached.get(entry["begin"], 0)
            assert entry["epoch"] >= least, f"{entry} although a checkpoint was at epoch {least}"
    if (folder / "manifest.json").exists():
        check_checkpoints(folder, reached)


def check_checkpoints(folder, reached):
    """AssertionError if a group with missing replicas has lost a checkpoint, or its checkpoint lacks such a replica."""
    done, heads = finished(Store.load(folder)), checkpoints(folder)
    for identity, epoch in reached.items():
        missing = SEEDS - done.get(identity, set())
        if not missing:
            continue
        assert identity in heads, f"the checkpoint of {identity} is gone, and its seeds {missing} are not stored"
        head = heads[identity]
        assert head["epoch"] >= epoch, f"the checkpoint of {identity} went back from {epoch} to {head['epoch']}"
        known = {head["seeds"][int(row)] for row in head["monitors"]}
        assert known >= missing, f"seeds {missing - known} of {identity} are neither stored nor in its checkpoint"


def check_sound(folder):
    """AssertionError if a file is damaged, or `status` does not say what is there; how many replicas are finished."""
    if not (folder / "manifest.json").exists():
        return 0
    store = Store.load(folder)
    runs = list(store.each_run(curves=True))
    for one in runs:
        for epoch in one.weights:
            store.weights.read(one, epoch)  # raises
    store.timings()
    read_ledger(folder)
    assert not store.damaged, store.damaged
    done = sum(map(len, finished(store).values()))
    failed = sum(one.outcome is Outcome.FAILED for one in runs)
    shown = tiny.grokbench("status", folder)
    planned = len(store.manifest.cells) * len(SEEDS)
    assert (shown.status, shown.err) == (0, ""), shown
    first = shown.out.splitlines()[0]
    assert f"{planned} replicas planned: " in first and f", {failed} failed, " in first, first
    assert first.endswith(f", {planned - done - failed} missing."), first
    assert "damaged" not in shown.out and "is writing" not in shown.out, shown.out
    return done


def check_complete(folder, expected):
    """AssertionError unless the suite is complete and has the undisturbed leaderboard and curves."""
    check_sound(folder)
    different = [(mine, due) for mine, due in zip(outcome(folder), expected, strict=True) if mine != due]
    assert not different, f"another leaderboard or curve: {different[0][0]}, expected {different[0][1]}"
    left = [path for pattern in (".*.tmp", "*.npz") for path in folder.rglob(pattern)]
    assert not left, left


def outcome(folder):
    """The rows of the leaderboard without its times, its other parts, and the curves and weights of every replica."""
    store = Store.load(folder)
    judged = pipeline.judge(store)
    rows = [
        replace(row, **dict.fromkeys(TIMES), notes=[note for note in row.notes if note.kind not in ABOUT_TIME])
        for row in judged.rows
    ]
    shown = as_json(replace(judged, rows=rows))
    runs = [(one.identity, one.seed, one.outcome, one.epochs, one.curves, one.weights) for one in store.runs(True)]
    return [*shown["rows"], *(shown[part] for part in ("suite", "seeds", "tasks", "pairs", "aggregate")), *runs]


def finished(store):
    """Identity of a cell -> seeds that have an outcome."""
    runs = [one for one in store.each_run() if one.outcome is not Outcome.FAILED]
    return {cell.identity: {one.seed for one in runs if one.identity == cell.identity} for cell in store.manifest.cells}


def checkpoints(folder):
    """Identity of a cell -> header of its group's checkpoint; an exception if one cannot be read."""
    return {path.parent.name: header(path) for path in folder.glob("checkpoints/*/*.npz")}


def header(path):
    """The header of a checkpoint, after every array was read."""
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        return json.loads(file.read("head.json"))
