"""A group that was interrupted goes on where it stood, and nothing shows that it was."""

import io
import zipfile

import numpy as np
import pytest
import torch

from grokbench import engine
from grokbench.engine import checkpoints, executors
from grokbench.engine.checkpoints import CheckpointFile
from grokbench.events import Progress
from grokbench.records import Run
from grokbench.records.activity import ACTIVITY

from .helpers.small_cells import epochs_for, make_cell, make_step, method, small, spread

pytestmark = pytest.mark.usefixtures("tiny_data")
SEEDS, FACTS = (0, 1, 2, 3, 4), {"torch": torch.__version__, "measured": {"a": {"every": None}}}


def checkpoint_file(folder, wanted=SEEDS, facts=FACTS):
    return CheckpointFile(folder / "group.npz", facts, frozenset(wanted), seconds=0.0)


def events_of(cell, step, checkpoint_file=None, dtype=torch.float32):
    return engine.train(
        cell, step, SEEDS, "cpu", dtype, {}, (lambda seeds: checkpoint_file) if checkpoint_file else None
    )


def runs_of(events):
    return {event.seed: event for event in events if isinstance(event, Run)}


def interrupted(cell, step, place, epoch):
    """Train until that epoch was evaluated; the runs that were done by then."""
    events, seen = events_of(cell, step, place), []
    for event in events:
        seen.append(event)
        if isinstance(event, Progress) and event.epoch >= epoch:
            break
    events.close()
    return runs_of(seen)


def uninterrupted(label, name):
    """A cell of which some replicas grok early and some late, and its undisturbed runs."""
    task = small(label)
    step, epochs = make_step(task, [method(name)]), 2 * epochs_for(task, 20)
    whole = runs_of(events_of(make_cell(task, epochs), step))
    losses = sorted(run.curves["train_loss"].values[epochs // 4] for run in whole.values())
    bound = f"< {(losses[1] + losses[2]) / 2!r}"
    cell = make_cell(task, epochs, evaluate_every=2, stop="grokked", grokked={"train_loss": bound})
    return cell, step, epochs, runs_of(events_of(cell, step))


@pytest.mark.parametrize(("label", "name"), spread(["xor", "sparse_parity", "modular_addition", "mnist"]))
def test_a_resumed_group_ends_as_if_nothing_had_happened(tmp_path, label, name):
    cell, step, epochs, undisturbed = uninterrupted(label, name)
    for stop in (2, epochs // 2 // 2 * 2):
        place = checkpoint_file(tmp_path)
        before = interrupted(cell, step, place, stop)
        left = set(SEEDS) - set(before)
        if not left:
            continue
        resumed = list(events_of(cell, step, checkpoint_file(tmp_path, left)))
        assert min(event.epoch for event in resumed if isinstance(event, Progress)) >= stop
        together = before | runs_of(resumed)
        assert {seed: (run.outcome, run.grokked_at, run.curves) for seed, run in together.items()} == {
            seed: (run.outcome, run.grokked_at, run.curves) for seed, run in undisturbed.items()
        }


def stopped(cell, step, place, monkeypatch, epoch):
    """Train until that many epochs have begun and the process is then asked to stop; the events."""
    real, begun = executors.FlatExecutor.advance, []

    def advance(*given):
        begun.append(given)
        monkeypatch.setattr(ACTIVITY, "stopping", len(begun) >= epoch)
        return real(*given)

    monkeypatch.setattr(executors.FlatExecutor, "advance", advance)
    events = list(events_of(cell, step, place))
    monkeypatch.undo()
    return events


@pytest.mark.parametrize("epoch", [1, 3, 4])  # evaluations are at every second epoch
def test_a_group_that_is_asked_to_stop_writes_a_checkpoint_at_once(tmp_path, monkeypatch, epoch):
    cell, step, _, undisturbed = uninterrupted("sparse_parity", "grokfast_ema")
    place = CheckpointFile(tmp_path / "group.npz", FACTS, frozenset(SEEDS), seconds=1e9)
    before = runs_of(stopped(cell, step, place, monkeypatch, epoch))
    assert place.read().epoch == epoch
    resumed = list(events_of(cell, step, checkpoint_file(tmp_path, set(SEEDS) - set(before))))
    assert min(event.epoch for event in resumed if isinstance(event, Progress)) == epoch + epoch % 2
    together = before | runs_of(resumed)
    assert {seed: (run.outcome, run.grokked_at, run.curves) for seed, run in together.items()} == {
        seed: (run.outcome, run.grokked_at, run.curves) for seed, run in undisturbed.items()
    }


def test_a_group_that_is_done_leaves_no_checkpoint(tmp_path):
    cell, step, *_ = uninterrupted("sparse_parity", "grokfast_ema")
    list(events_of(cell, step, checkpoint_file(tmp_path)))
    assert list(tmp_path.iterdir()) == []


def kept(folder):
    """A folder with the checkpoint of a group that was interrupted early."""
    cell, step, *_ = uninterrupted("sparse_parity", "grokfast_ma")
    interrupted(cell, step, checkpoint_file(folder), 2)
    assert checkpoint_file(folder).read()
    return cell, step


def rewrite(path, changes):
    """Replace parts of a checkpoint, in a file that is sound otherwise."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()} | changes
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("facts", [{}, FACTS | {"torch": "2.0"}, FACTS | {"measured": {}}])
def test_a_checkpoint_of_other_circumstances_is_left_aside(tmp_path, facts):
    kept(tmp_path)
    assert checkpoint_file(tmp_path, facts=facts).read() is None


def test_a_checkpoint_that_lacks_a_wanted_seed_is_left_aside(tmp_path):
    kept(tmp_path)
    assert checkpoint_file(tmp_path, wanted=(*SEEDS, 5)).read() is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\x80\x04pickle"])
def test_a_damaged_checkpoint_is_left_aside(tmp_path, content):
    kept(tmp_path)
    (tmp_path / "group.npz").write_bytes(content)
    assert checkpoint_file(tmp_path).read() is None


def test_a_truncated_checkpoint_is_left_aside(tmp_path):
    kept(tmp_path)
    whole = (tmp_path / "group.npz").read_bytes()
    (tmp_path / "group.npz").write_bytes(whole[: len(whole) // 2])
    assert checkpoint_file(tmp_path).read() is None


def test_a_checkpoint_with_a_pickle_is_not_opened(tmp_path):
    kept(tmp_path)
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], dtype=object))
    rewrite(tmp_path / "group.npz", {"t0.npy": file.getvalue()})
    assert checkpoint_file(tmp_path).read() is None


def test_a_checkpoint_of_another_shape_is_ignored(tmp_path):
    kept(tmp_path)
    cell, step, _, undisturbed = uninterrupted("sparse_parity", "baseline")  # without the ring of the method before
    runs = runs_of(events_of(cell, step, checkpoint_file(tmp_path)))
    assert {seed: run.curves for seed, run in runs.items()} == {s: run.curves for s, run in undisturbed.items()}


def test_checkpoints_are_written_at_intervals_and_a_full_disk_stops_nothing(tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: float(next(clock)))
    written = []

    def full(path, content, within):
        written.append(path)
        raise checkpoints.StoreError("no space")

    monkeypatch.setattr(checkpoints.atomic, "write", full)
    place = CheckpointFile(tmp_path / "group.npz", FACTS, frozenset(SEEDS), seconds=60.0)
    for _ in range(9):
        place.write_if_due(lambda: checkpoints.Checkpoint(SEEDS, {}, 0, 0.0, {}, []))
    assert 1 < len(written) < 9
