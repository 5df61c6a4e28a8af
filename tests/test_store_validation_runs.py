"""A replica, a timing or a packed line that says what cannot be counts as missing, and costs no memory and no time."""

import json
import os
from dataclasses import replace

import pytest

from grokbench.records import Curve, Timing
from grokbench.store import Store, packs, run_files
from grokbench.store.packs import packed

from .helpers.stored_runs import MANIFEST, a_run
from .helpers.tiny import grokbench

RUN, TIMING = "runs/cbaseline/1000.json", "timings/cbaseline.json"
NAN = float("nan")


def edited(file, edit):
    """Edit the first line; the length that it says of the second stays right."""
    head, *rest = file.read_text().splitlines()
    data = json.loads(head)
    edit(data)
    file.write_text("\n".join([json.dumps(data), *rest]) + "\n")


def field(name, value):
    return lambda data: data["run"].update({name: value})


CROSSINGS = {"first": 10, "watched": 5}
RUNS = {
    "a negative seed": field("seed", -1000),
    "a seed of another type": field("seed", "1000"),
    "huge epochs": field("epochs", 10**13),
    "negative epochs": field("epochs", -1),
    "epochs in part": field("epochs", 40.5),
    "epochs true": field("epochs", True),
    "grokked without an epoch": field("grokked_at", None),
    "grokked after the end": field("grokked_at", 10**9),
    "censored, and grokked": field("outcome", "censored"),
    "an outcome that is none": field("outcome", "won"),
    "memorised after the end": field("memorised_at", 41),
    "negative seconds": field("prepare_seconds", -1),
    "seconds that are no number": field("prepare_seconds", "NaN"),
    "endless seconds": field("prepare_seconds", 1e300),
    "a group of negative seeds": field("group", [-1]),
    "a group without end": field("group", list(range(100_001))),
    "final values in a list": field("final", [1.0]),
    "a final text": field("final", {"test_accuracy": "high"}),
    "provenance in a list": field("provenance", []),
    "metrics measured by no plugin": field("provenance", {"measured": ["loss"]}),
    "data of no set": field("provenance", {"data": "mnist"}),
    "a digest in a list": field("provenance", {"data": {"mnist": ["ab"]}}),
    "a version in a list": field("provenance", {"imports": {"numpy": [2]}}),
    "a device of two": field("provenance", {"device": ["cpu"]}),
    "a pace in a mapping": field("provenance", {"pace": {"a": 1}}),
    "an infinite precision": field("provenance", {"precision": float("-inf")}),
    "an infinite version, deep inside": field("provenance", {"git": {"commit": [{"at": float("inf")}]}}),
    "weights before the start": field("weights", {"-1": "ab"}),
    "weights after the end": field("weights", {"41": "ab"}),
    "weights elsewhere": field("weights", {"40": "../../etc/passwd"}),
    "a crossing after the end": field("crossings", {"first": 41}),
    "a lasting crossing without a first": field("crossings", {"lasting": 10}),
    "negative counts": field("crossings", CROSSINGS | {"below": -1, "below_at": 12}),
    "more below than watched": field("crossings", CROSSINGS | {"below": 6, "below_at": 12}),
    "huge counts": field("crossings", CROSSINGS | {"watched": 10**13}),
    "a length that is no number": lambda data: data.update(curves_bytes="long"),
    "a negative length": lambda data: data.update(curves_bytes=-1),
}


@pytest.mark.parametrize("edit", RUNS)
def test_a_run_that_cannot_be_is_damaged(store, edit):
    store.save(a_run())
    edited(store.directory / RUN, RUNS[edit])
    assert store.runs() == [] and store.damaged == [RUN]


CURVES = {
    "epochs that do not ascend": [[0, 20, 20], [0.1, 0.2, 0.3]],
    "epochs that descend": [[20, 0], [0.1, 0.2]],
    "negative epochs": [[-20, 0], [0.1, 0.2]],
    "huge epochs": [[0, 10**13], [0.1, 0.2]],
    "epochs after the end": [[0, 41], [0.1, 0.2]],
    "epochs in part": [[0.5], [0.1]],
    "too few values": [[0, 20], [0.1]],
    "values that are no numbers": [[0], ["high"]],
}


def put_curve(directory, curve):
    """The curve in a run of its own file, whose length is right."""
    lines = json.dumps({"test_accuracy": dict(zip(("epochs", "values"), curve, strict=True))}) + "\n"
    head, _ = (directory / RUN).read_text().splitlines()
    data = json.loads(head) | {"curves_bytes": len(lines)}
    (directory / RUN).write_text(json.dumps(data) + "\n" + lines)


@pytest.mark.parametrize("curve", CURVES)
def test_a_curve_that_cannot_be_is_damaged(store, curve):
    store.save(a_run())
    put_curve(store.directory, CURVES[curve])
    assert store.runs(curves=True) == [] and store.damaged == [RUN]


TIMINGS = {
    "no seconds": {"seconds_per_epoch": [0]},
    "negative seconds": {"cpu_seconds_per_epoch": [-1.0]},
    "seconds that are no number": {"cpu_seconds_per_epoch": ["NaN"]},
    "negative operations": {"flop_per_epoch": -1},
    "endless operations": {"flop_per_epoch": 10**40},
    "operations in part": {"flop_per_epoch": 0.5},
    "a refusal that is no number": {"seconds_per_epoch": [], "refused": "NaN"},
    "a refusal with seconds": {"refused": 2.0},
    "another cell": {"identity": "cgrokalign"},
    "rounds without end": {"seconds_per_epoch": [0.1] * 10_001},
    "provenance of no machine": {"provenance": {"machine": {}}},
}


@pytest.mark.parametrize("edit", TIMINGS)
def test_a_timing_that_cannot_be_is_damaged(store, edit):
    store.save_timing(Timing("cbaseline", (0.2,)))
    edited(store.directory / TIMING, lambda data: data.update(TIMINGS[edit]))
    assert store.timings() == [] and store.damaged == [TIMING]


@pytest.mark.parametrize("name", [RUN, TIMING])
def test_only_a_file_itself_is_read(store, name, tmp_path):
    store.save(a_run())
    store.save_timing(Timing("cbaseline", (0.2,)))
    (store.directory / name).rename(tmp_path / "elsewhere")
    for make in (os.mkfifo, os.mkdir, lambda path: os.symlink(tmp_path / "elsewhere", path)):
        make(store.directory / name)
        again = Store.load(store.directory)
        assert len(again.runs(curves=True)) + len(again.timings()) == 1 and again.damaged == [name]
        (store.directory / name).rmdir() if (store.directory / name).is_dir() else (store.directory / name).unlink()


def test_a_sparse_file_of_a_replica_is_refused_by_its_size(store):
    """5 GB of zeros, as its first line says."""
    store.save(a_run())
    file = store.directory / RUN
    edited(file, lambda data: data.update(curves_bytes=5 * 10**9))
    first = file.read_bytes().split(b"\n")[0] + b"\n"
    file.write_bytes(first)
    os.truncate(file, len(first) + 5 * 10**9)
    assert len(store.runs()) == 1 and store.damaged == []  # a leaderboard needs no curves
    assert store.runs(curves=True) == [] and store.damaged == [RUN]
    with pytest.raises(ValueError, match=f"curves of 5000000000 bytes, expected at most {run_files.LONGEST_CURVES}"):
        run_files.read_run(file)
    os.truncate(file, 0)
    os.truncate(file, 5 * 10**9)
    assert store.runs() == []


def test_values_without_end_are_refused_before_they_are_read(store):
    store.save(a_run())
    file = store.directory / RUN
    many = b"[" + b"7," * 2**23 + b"7]\n"
    edited(file, lambda data: data.update(curves_bytes=len(many)))
    file.write_bytes(file.read_bytes().split(b"\n")[0] + b"\n" + many)
    with pytest.raises(ValueError, match="it holds more than 8388608 values"):
        run_files.read_run(file)


@pytest.fixture
def pack(tmp_path):
    for name, content in packed(MANIFEST, [a_run(), a_run(seed=1001)], [Timing("cbaseline", (0.2,))]).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def state(folder):
    """The number of runs with curves, of timings, and what is damaged."""
    store = Store.load(folder)
    curves = sum(bool(run.curves) for run in store.runs(curves=True))
    return curves, len(store.timings()), store.damaged


@pytest.mark.parametrize(
    ("name", "old", "new", "left"),
    [
        ("outcomes.jsonl", '"epochs":40', '"epochs":-40', (1, 1)),
        ("outcomes.jsonl", '"grokked_at":40', '"grokked_at":41', (1, 1)),
        ("outcomes.jsonl", '"seed":1000', '"seed":1e9', (1, 1)),
        ("curves.jsonl", "[0,20,40]", "[0,20,20]", (1, 1)),
        ("curves.jsonl", "[0,20,40]", "[0,20]", (1, 1)),
        ("curves.jsonl", "[0,20,40]", "[0,20,41]", (1, 1)),
        ("timings.jsonl", "[0.2]", "[-0.2]", (2, 0)),
    ],
)
def test_a_packed_line_that_cannot_be_counts_as_missing(pack, name, old, new, left):
    assert state(pack) == (2, 1, [])
    file = pack / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    assert state(pack) == (*left, [f"{name}:1"])


def test_a_packed_curve_that_was_not_thinned_is_damaged(pack):
    long = replace(a_run(epochs=300), curves={"a": Curve(tuple(range(201)), (0.5,) * 201)})
    line = packs.json_lines.dump(packs.Curves(long.identity, long.seed, {}))
    grown = line.replace(b'"curves":{}', b'"curves":{"a":' + packs.json_lines.dump(long.curves["a"]).strip() + b"}")
    (pack / "curves.jsonl").write_bytes(grown)
    assert state(pack)[2] == ["curves.jsonl:1"]


@pytest.mark.parametrize("name", ["outcomes.jsonl", "curves.jsonl", "timings.jsonl"])
def test_a_packed_file_that_is_none_is_not_read(pack, name, tmp_path_factory):
    elsewhere = (pack / name).rename(tmp_path_factory.mktemp("elsewhere") / name)
    (pack / name).symlink_to(elsewhere)
    assert name in state(pack)[2]
    (pack / name).unlink()
    os.mkfifo(pack / name)
    assert name in state(pack)[2]
    (pack / name).unlink()
    (pack / name).touch()
    os.truncate(pack / name, 5 * 10**9)
    assert name in state(pack)[2]


def test_damage_without_end_is_named_in_part(pack):
    (pack / "outcomes.jsonl").write_bytes(b"\n" * 10**6)
    store = Store.load(pack)
    assert store.runs() == [] and len(store.damaged) == packs.MOST_DAMAGED + 2
    done = grokbench("status", pack)
    assert done.status == 0 and "983 more are damaged." in done.out
