"""The readers survive the corpus and some mutations, and the fuzzing finds planted crashes, hangs and use of memory."""

import time
from importlib import import_module
from pathlib import Path
from random import Random

import pytest
import yaml

from grokbench.errors import StoreError

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "fuzzing" / "corpus"
MUTATIONS = 3  # of each target; `python -m fuzzing` makes thousands
TARGETS = (
    "suites", "published", "conditions", "seeds", "manifests", "runs", "ledger", "timings", "outcomes", "curves",
    "packed_timings", "weights", "checkpoints", "idx", "idx_gz", "cifar10", "cifar10c", "searches",
)  # fmt: skip
PLANTED = """\
import os, signal, time
from fuzzing.targets import Target

def read(data):
    while data == b"loop":
        pass
    if data == b"deaf":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)
    if data == b"exit":
        os._exit(3)
    if data == b"much":
        bytearray(b"x") * 2**26
    if b"9" in data:
        raise KeyError("planted")

def target(folder):
    return Target(read, {inputs}, "text")
"""


@pytest.fixture(autouse=True)
def _checkout(monkeypatch):
    """The fuzzing is imported from the checkout."""
    monkeypatch.syspath_prepend(str(ROOT))


def part(name):
    return import_module(f"fuzzing.{name}")


def examine(read, data=b"", **limits):
    return part("examination").examine(read, data, **limits)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_readers_survive_the_corpus_and_some_mutations(name, tmp_path, monkeypatch):
    monkeypatch.setattr(part("targets.folders"), "DRAWN", 0)
    target = part("targets").make_target(name, tmp_path)
    for data in target.inputs:
        assert examine(target.read, data) is None
    for number in range(MUTATIONS):
        data = part("engines").mutated(target, target.inputs[number % len(target.inputs)], Random(number))
        assert (find := examine(target.read, data)) is None, (find.text, data[:2000])


def test_every_target_is_tested_and_the_corpus_is_small():
    assert set(part("targets").TARGETS) == set(TARGETS)
    assert {folder.name for folder in CORPUS.iterdir()} <= set(TARGETS)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < 200_000


def raises(data):
    raise KeyError("planted")


def swallows(data):
    try:
        time.sleep(10)
    except Exception:
        pass


def refuses(data):
    raise StoreError("a sentence")


def test_an_exception_and_a_hang_are_found_and_a_sentence_is_none():
    find = examine(raises)
    assert find.kind == "exception" and find.place == "KeyError at tests/test_fuzzing.py raises"
    assert examine(swallows, seconds=0.02).kind == "hang"
    assert examine(refuses) is None


def test_memory_counts_from_what_the_process_held(monkeypatch):
    peaks = iter((500, 1700, 1700, 1700))
    monkeypatch.setattr(part("examination"), "_peak", lambda: next(peaks))
    monkeypatch.setattr(part("examination"), "_resident", lambda: 500)
    assert examine(bytes, most_bytes=1000).kind == "memory"
    assert examine(bytes, most_bytes=1000) is None  # the peak is that of an earlier input


def planted(folder, monkeypatch, inputs, **facts):
    """Fuzz a reader with planted faults: the report, and what was written about each find."""
    (folder / "planted.py").write_text(PLANTED.format(inputs=inputs))
    monkeypatch.syspath_prepend(str(folder))
    supervision = part("supervision")
    report = supervision.supervise(supervision.Job("planted", finds=folder / "finds", most_seconds=0.4, **facts))
    return report, {file.read_bytes(): file.with_suffix(".txt").read_text().split("\n")[0] for file in report.finds}


@pytest.mark.parametrize("engine", ["hypothesis", "atheris"])
def test_an_engine_finds_a_planted_exception(tmp_path, monkeypatch, capfd, engine):
    if engine == "atheris":
        pytest.importorskip("atheris")
    report, found = planted(tmp_path, monkeypatch, (b"sound",), engine=engine, seconds=1.0)
    assert list(found.values()) == [f"exception: KeyError at {tmp_path.name}/planted.py read"]
    assert report.inputs > 10 and b"9" in next(iter(found))
    assert "KeyError: 'planted'" in capfd.readouterr().out


def test_inputs_that_end_or_stop_the_process_or_fill_its_memory_are_saved(tmp_path, monkeypatch):
    inputs = (b"much", b"exit", b"loop", b"deaf")
    _, found = planted(tmp_path, monkeypatch, inputs, engine="hypothesis", seconds=2.5, most_bytes=2**25)
    assert found == {
        b"much": "memory: memory",
        b"exit": "death: the process ended with exit code 3",
        b"loop": f"hang: hang at {tmp_path.name}/planted.py read",
        b"deaf": "hang: hang",
    }


@pytest.mark.parametrize("form", ["json", "yaml", "zip", "npy", "idx", "gz", "safetensors", "text"])
def test_mutations_are_many_and_mostly_of_the_form(form):
    sound = {"json": b'{"a": [1, 2], "b": {"c": "x"}}\n', "yaml": b"a: [1, 2]\nb: {c: x}\n"}
    data = sound.get(form, b"PK")
    found = {part("mutation").mutate(data, Random(number), form) for number in range(60)}
    assert len(found) > 30 or form not in sound
    if form == "yaml":
        assert sum(_parses(each) for each in found) > 20


def _parses(data):
    try:
        return isinstance(yaml.safe_load(data), dict)
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
