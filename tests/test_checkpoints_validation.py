"""A checkpoint is read whole and sound, or counts as none: whatever is in the file, its group trains."""

import json
import os
import random
import zipfile

import numpy as np
import pytest
import torch

from grokbench.criterion import parse_condition
from grokbench.engine import checkpoint_format
from grokbench.engine.checkpoints import Checkpoint, CheckpointFile
from grokbench.engine.groups import Group
from grokbench.engine.stopping import StoppingMonitor

SEEDS, EPOCH = (5, 6), 8


def a_group():
    weight = torch.arange(12.0).reshape(2, 2, 3).transpose(1, 2)
    return Group(
        SEEDS,
        keys=torch.tensor([1, 2]),
        params={"w": weight},
        optimizer={"step": torch.tensor(3.0), "m": torch.zeros(2, 0)},
        states=(),
        own={},
        shared={},
        finite=torch.tensor([True, True]),
        steps=torch.tensor(7),
        initial={},
    )


def a_monitor(seed):
    monitor = StoppingMonitor(seed, {"a": parse_condition("> 0.5")}, {"hold": 4}, 10)
    for epoch, value in ((0, 0.1), (2, 0.7), (4, float("nan")), (6, 0.8)):
        monitor.judge(epoch, {"a": value}, True)
        monitor.record(epoch, {"a": value})
    return monitor


@pytest.fixture
def file(tmp_path):
    """The checkpoint of a group of two, which were evaluated at epochs 0 to 6."""
    found = CheckpointFile(tmp_path / "a" / "b" / "group.npz", {"torch": "2"}, frozenset(SEEDS), seconds=0.0)
    monitors = {row: a_monitor(seed) for row, seed in enumerate(SEEDS)}
    found.write_if_due(lambda: Checkpoint.of(a_group(), monitors, EPOCH, 0.5, {}))
    return found


def rewritten(file, edit=lambda head: None, compression=zipfile.ZIP_STORED, **parts):
    """Write the file anew with an edited head and other parts; every checksum fits."""
    with zipfile.ZipFile(file.path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    head = json.loads(content["head.json"])
    edit(head)
    content |= {"head.json": json.dumps(head).encode()} | {f"{name}.npy": data for name, data in parts.items()}
    with zipfile.ZipFile(file.path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file.read()


def test_a_sound_checkpoint_gives_the_state_with_its_strides(file):
    found, group = file.read(), a_group()
    restored = found.restore(group)
    assert torch.equal(restored.params["w"], group.params["w"])
    assert restored.params["w"].stride() == group.params["w"].stride() and restored.optimizer["m"].shape == (2, 0)
    assert found.monitors[1]["curves"]["a"][0] == [0, 2, 4, 6] and found.monitors[0]["crossings"].first == 2
    assert rewritten(file) is not None
    np.load(file.path).close()  # any program that reads npz reads it


def outcomes_of(file, content):
    file.path.write_bytes(content)
    found = file.read()
    restored = found.restore(a_group()) if found else None
    assert restored is None or torch.equal(restored.params["w"], a_group().params["w"])
    return found is None


def test_a_mutated_checkpoint_counts_as_none(file):
    """A byte is flipped, the end is cut off, bytes are doubled or set: the content that is read is never another."""
    whole, choose = file.path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(1000):
        content, at = bytearray(whole), choose.randrange(len(whole))
        match choose.randrange(4):
            case 0:
                content[at] ^= 1 << choose.randrange(8)
            case 1:
                del content[at:]
            case 2:
                content[at:at] = content[at : at + choose.randrange(1, 64)]
            case 3:
                content[at : at + 4] = choose.choice([b"\xff" * 4, b"\0" * 4, choose.randbytes(4)])
        refused += outcomes_of(file, bytes(content))
    assert refused > 600


def test_a_flip_of_every_bit_of_the_directory_is_survived(file):
    """These decide how a part is opened: as compressed, as encrypted, of another version."""
    whole = file.path.read_bytes()
    start = whole.index(b"PK\x01\x02")
    assert all(
        outcomes_of(file, whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]) in (True, False)
        for at in range(start, len(whole), 3)
        for bit in (1, 8, 128)
    )


def in_monitor(**changes):
    return lambda head: head["monitors"]["1"].update(changes)


def in_crossings(**changes):
    return lambda head: head["monitors"]["1"]["crossings"].update(changes)


def in_layout(number, **changes):
    return lambda head: head["layouts"][number].update(changes)


EDITS = {
    "another format": lambda head: head.update(format=4),
    "a negative epoch": lambda head: head.update(epoch=-1),
    "an epoch that is no number": lambda head: head.update(epoch="many"),
    "a huge epoch": lambda head: head.update(epoch=10**30),
    "an earlier epoch than its monitors": lambda head: head.update(epoch=5),
    "seconds that are not a number": lambda head: head.update(prepare_seconds=float("nan")),
    "negative seconds": lambda head: head.update(prepare_seconds=-1.0),
    "no seeds": lambda head: head.update(seeds=[]),
    "a negative seed": lambda head: head.update(seeds=[5, -6]),
    "a row beyond the seeds": lambda head: head["monitors"].update({"2": head["monitors"]["1"]}),
    "a negative row": lambda head: head["monitors"].update({"-1": head["monitors"]["1"]}),
    "a row that is no number": lambda head: head["monitors"].update({"x": head["monitors"]["1"]}),
    "no monitors": lambda head: head.update(monitors={}),
    "monitors in a list": lambda head: head.update(monitors=[]),
    "digests of another type": lambda head: head.update(data=["mnist"]),
    "no layouts": lambda head: head.pop("layouts"),
    "a monitor without a field": lambda head: head["monitors"]["1"].pop("held"),
    "grokked after the checkpoint": in_monitor(grokked_at=9),
    "grokked before the start": in_monitor(grokked_at=-2),
    "a negative count": in_monitor(held=-1),
    "weights of a later epoch": in_monitor(weights={"10": "ab"}),
    "a curve of unequal lengths": in_monitor(curves={"a": [[0, 2], [0.5]]}),
    "a curve that descends": in_monitor(curves={"a": [[2, 0], [0.5, 0.5]]}),
    "a curve beyond the checkpoint": in_monitor(curves={"a": [[0, 8], [0.5, 0.5]]}),
    "a curve of one list": in_monitor(curves={"a": [[0, 2]]}),
    "a curve of texts": in_monitor(curves={"a": [[0], ["high"]]}),
    "a later crossing": in_crossings(first=9),
    "a lasting crossing before the first": in_crossings(lasting=0),
    "a crossing of two numbers": in_crossings(candidates=[[2, 1]]),
    "a crossing of too many evaluations": in_crossings(candidates=[[2, 1, 5]]),
    "a field that no crossing has": in_crossings(worst=3),
    "an unknown type": in_layout(0, dtype="object"),
    "another shape": in_layout(0, shape=[2, 6]),
    "a huge shape": in_layout(0, shape=[10**6, 10**6]),
    "a negative size": in_layout(0, shape=[2, -2, 3]),
    "huge strides": in_layout(0, strides=[10**9, 1, 2]),
    "strides that meet": in_layout(0, strides=[0, 0, 0]),
    "too few strides": in_layout(0, strides=[1]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_checkpoint_that_says_what_cannot_be_counts_as_none(file, edit):
    assert rewritten(file, EDITS[edit]) is None


def test_a_file_of_other_parts_counts_as_none(file):
    good = file.path.read_bytes()
    for parts in ({"t0": b""}, {"t0": b"\x93NUMPY\x01\x00v\x00{" + b"(" * 5000}, {"t0": b"\0" * 10_000}):
        file.path.write_bytes(good)
        assert rewritten(file, **parts) is None


def test_what_is_compressed_is_not_expanded(file):
    assert rewritten(file, compression=zipfile.ZIP_DEFLATED, t0=b"\0" * 10**7) is None
    assert file.path.stat().st_size < 20_000


def test_only_a_file_itself_is_read(file, tmp_path):
    elsewhere = file.path.rename(tmp_path / "elsewhere")
    file.path.symlink_to(elsewhere)
    assert file.read() is None
    file.path.unlink()
    os.mkfifo(file.path)
    assert file.read() is None


def test_memory_that_does_not_suffice_fails_no_group(file, monkeypatch):
    def full(*given):
        raise MemoryError

    monkeypatch.setattr(checkpoint_format, "_tensor", full)
    assert file.read() is None
