"""`python -m benchmarks.gpu`: a call does what no earlier one did, and the next goes on where it stopped."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from grokbench.errors import StoreError

from .helpers.tiny import write

FACTS = {"machine": "a machine", "device": "a device", "torch": "2"}


@pytest.fixture
def gpu(benchmarks):
    return benchmarks("gpu")


def test_a_document_is_gone_on_with_on_its_machine_only(benchmarks, tmp_path):
    Document, file = benchmarks("document").Document, tmp_path / "found.json"
    Document.continued(file, FACTS).add("speed", {"a": 1})
    Document.continued(file, FACTS).add("speed", {"a": 2})
    assert json.loads(file.read_text()) == {**FACTS, "speed": [{"a": 1}, {"a": 2}]}
    with pytest.raises(StoreError, match="has device 'a device', here it is 'another'"):
        Document.continued(file, FACTS | {"device": "another"})
    file.write_text("[1, 2")
    with pytest.raises(StoreError, match="is no measurement that could be gone on with"):
        Document.continued(file, FACTS)


def test_a_call_tests_the_device_until_that_succeeds(benchmarks, gpu, monkeypatch, capsys):
    document, calls = benchmarks("document").Document(None, FACTS), []

    def run(command, *, timeout, **_):
        calls.append(command)
        if len(calls) == 1:
            raise subprocess.TimeoutExpired(command, timeout, b"..F so far")
        return subprocess.CompletedProcess(command, 2 - min(2, len(calls) - 1), "..\n5 passed\n", "")

    monkeypatch.setattr(gpu.subprocess, "run", run)
    found = []
    for _ in range(4):
        gpu.run_tests(document, 3.0)
        found += [document.parts["tests"][-1]]
    assert [row["status"] for row in found] == [124, 1, 0, 0] and len(calls) == 3
    assert len(document.parts["tests"]) == 1 and found[-1]["summary"] == "5 passed"
    tests = Path(__file__).parent
    marked = {f"tests/{file.name}" for file in tests.glob("test_*.py") if "mark.cuda\n" in file.read_text("utf-8")}
    assert "..F so far" in capsys.readouterr().err
    assert calls[0][-6:-4] == ["-m", "cuda"] and set(calls[0][-4:]) == marked


def test_a_call_measures_the_cases_that_no_earlier_one_did(benchmarks, gpu, monkeypatch):
    document, asked = benchmarks("document").Document(None, FACTS), []

    def speed_part(options, say, show):
        asked.append(options)
        for method in ("baseline", "grokalign"):
            if ("xor", method) not in options.measured:
                ratio = {"median": 50.0}
                speed = {"engine / loop": ratio, "engine / floor": {"median": 0.4}}
                rates = {"engine": 100.0, "loop": 2.0}
                yield {"task": "xor", "method": method, "seeds": 25, "seed_epochs_per_second": rates, "speed": speed}

    monkeypatch.setattr(benchmarks("parts"), "speed_part", speed_part)
    for _ in range(3):
        gpu.speed(document, "cpu", ("xor",), False, end=0.0)
    assert [row["method"] for row in document.parts["speed"]] == ["baseline", "grokalign"]
    assert [len(options.measured) for options in asked] == [0, 1, 2] and asked[0].full_xor and asked[0].seeds == 25
    assert "50.0 times as fast, 40% of the floor's rate" in gpu.line(document.parts["speed"][0])


def test_a_suite_is_stopped_in_time_and_gone_on_with(benchmarks, gpu, tmp_path, capsys):
    document, out = benchmarks("document").Document(None, FACTS), tmp_path / "out"
    suite = str(write(tmp_path))
    gpu.suite(document, suite, out, "cpu", time.monotonic() + 1.0)
    assert "suite" not in document.parts
    stopped = benchmarks("suite_run").resume(suite, out, "cpu", 0.05)
    assert stopped.status is None and not stopped.complete
    document.add("suite", stopped.json())
    for _ in range(2):  # the second has nothing left to do
        gpu.suite(document, suite, out, "cpu", time.monotonic() + 100.0)
    assert len(document.parts["suite"]) == 2 and document.parts["suite"][-1]["complete"]
    assert document.parts["suite"][-1]["trained"] == 6
    assert "all replicas trained in" in capsys.readouterr().out


def test_workers_that_share_a_device_are_compared_as_long_as_there_is_time(benchmarks, gpu, monkeypatch, tmp_path):
    document, begun = benchmarks("document").Document(None, FACTS), []

    def resume(name, out, device, seconds, *, say):
        begun.append((name, out.name, device))
        return benchmarks("suite_run").Call(7.0, 120, 120 if len(begun) != 2 else 121, 0, 0)

    monkeypatch.setattr(benchmarks("suite_run"), "resume", resume)
    gpu.together(document, tmp_path / "out", "cpu", time.monotonic() + 60.0)
    gpu.together(document, tmp_path / "out", "cuda:0", time.monotonic())
    assert not document.parts
    for _ in range(2):
        gpu.together(document, tmp_path / "out", "cuda:0", time.monotonic() + 60.0)
    one, two, four = "cuda:0", "cuda:0,0", "cuda:0,0,0,0"
    assert [device for _, _, device in begun] == [one, two, four, two]  # the second was not complete
    assert begun[1] == ("quick", "out-together_2", two)


def test_failed_replicas_keep_a_suite_from_being_complete(benchmarks):
    leg = benchmarks("suite_run").Call(seconds=2.0, trained=5, planned=6, failed=1, status=1)
    assert not leg.complete
    assert (
        benchmarks("suite_run").summary("s", [leg.json()])
        == "s: 5 of 6 replicas trained in 2.0 s over 1 call; 1 failed"
    )
