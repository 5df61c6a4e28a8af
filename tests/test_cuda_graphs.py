"""Recording on a CUDA device, told to a stand-in for `torch.cuda`; and the stand-in for graphs of other tests."""

import gc
import weakref
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch

from grokbench.engine import cuda_graphs
from grokbench.engine.cuda_graphs import WARM_UPS, CudaGraphs, first_cause

from .helpers.fake_cuda_graphs import frozen


@pytest.fixture
def told(monkeypatch):
    """What `torch.cuda` is told, in order."""
    lines = []

    @contextmanager
    def graph(graph, *, pool, stream):
        lines.append(("record", pool, stream.name))
        yield
        lines.append("recorded")

    def stream(device):
        lines.append(("stream", device))
        return SimpleNamespace(name="side", wait_stream=lambda other: lines.append(("side waits", other.name)))

    usual = SimpleNamespace(name="usual", wait_stream=lambda other: lines.append(("usual waits", other.name)))
    replaced = {
        "graph_pool_handle": lambda: lines.append("pool") or lines.count("pool"),
        "device": lambda device: nullcontext(),
        "Stream": stream,
        "stream": lambda stream: nullcontext(),
        "current_stream": lambda: usual,
        "set_stream": lambda stream: lines.append(("set", stream.name)),
        "synchronize": lambda: lines.append("synchronize"),
        "current_device": lambda: 3,
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: lines.append("replay")),
        "graph": graph,
    }
    for name, stand_in in replaced.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(
        torch._C, "_cuda_endAllocateToPool", lambda *given: lines.append(("end", *given)), raising=False
    )
    monkeypatch.setattr(CudaGraphs, "broken", False)
    cuda_graphs._stream.cache_clear()
    yield lines
    cuda_graphs._stream.cache_clear()


def test_functions_warm_up_and_are_captured_on_one_stream_in_one_pool(told):
    record, calls = CudaGraphs("cuda:3"), []
    replays = [record(lambda name=name: calls.append(name)) for name in "ab"]
    assert calls == ["a"] * (WARM_UPS + 1) + ["b"] * (WARM_UPS + 1)
    warm = [("side waits", "usual"), ("usual waits", "side"), "synchronize"]
    one = [*warm, ("record", 1, "side"), "recorded", ("set", "usual")]
    assert told == ["pool", ("stream", "cuda:3"), *one, *one]
    replays[1]()
    assert told[-1] == "replay" and len(calls) == 2 * (WARM_UPS + 1)


def test_a_broken_capture_is_ended_and_the_next_has_its_own_pool(told, monkeypatch):
    record, calls = CudaGraphs("cuda:3"), []

    def breaks():
        calls.append("a")
        if len(calls) > WARM_UPS:
            raise ValueError("it waits for its host")

    with pytest.raises(ValueError, match="it waits"):
        record(breaks)
    assert told[-3:] == [("end", 3, 1), "pool", ("set", "usual")] and CudaGraphs.broken

    def ended(*given):
        raise RuntimeError("endAllocatePool: not currently recording to mempool_id")  # torch 2.12 and newer

    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", ended)
    calls.clear()
    with pytest.raises(ValueError, match="it waits"):
        record(breaks)
    record(lambda: None)
    assert ("record", 3, "side") in told


def test_restoring_waits_for_a_failed_warm_up(told):
    with pytest.raises(ValueError, match="boom"):
        CudaGraphs("cuda:3")(lambda: int("boom"))
    assert told[-1] == ("usual waits", "side") and not CudaGraphs.broken


def test_a_replay_holds_on_to_the_tensors_that_it_works_on(told):
    tensor = torch.zeros(3)
    alive, replay = weakref.ref(tensor), CudaGraphs("cuda:3")(lambda tensor=tensor: tensor.add_(1.0))
    del tensor
    gc.collect()
    assert alive() is not None
    del replay
    assert alive() is None


def test_the_first_cause_is_what_came_before_the_complaints_about_it():
    with pytest.raises(RuntimeError) as found:
        try:
            raise ValueError("a tensor was read back\nmore lines")
        finally:
            raise RuntimeError("capture ended in an invalid state")
    assert first_cause(found.value) == "a tensor was read back"
    with pytest.raises(TypeError) as found:
        try:
            {}["missing"]
        except KeyError:
            raise TypeError("a clearer message") from None
    assert first_cause(found.value) == "a clearer message"
    assert first_cause(ValueError()) == "ValueError"


# ---- the stand-in


def test_a_capture_freezes_branches_and_computes_nothing():
    number, total, steps = torch.zeros(()), torch.zeros(()), [1.0]

    def play():
        total.add_(number * steps[0])

    replay = frozen(play)
    assert total == 0.0
    steps[0] = 100.0
    number.fill_(2.0)
    replay()
    replay()
    assert total == 4.0


def test_tensors_of_a_capture_are_freed_unless_referenced():
    number, kept = torch.ones(()), {}

    def play():
        kept["sum"] = number + 1.0
        number.mul_(kept["sum"] * 2.0)

    replay = frozen(play)
    number.fill_(1.0)
    assert kept["sum"].isnan()
    replay()
    assert (number, kept["sum"]) == (4.0, 2.0)
    replay()
    assert (number, kept["sum"]) == (40.0, 5.0)
    made = {}
    replay = frozen(lambda: made.update(place=(number + 1.0).untyped_storage()))
    replay()
    assert set(made["place"].tolist()) == {255}


def test_memory_that_is_freed_is_not_recorded_on():
    number = torch.zeros(())

    def begun():
        passing = torch.ones(())
        reference = weakref.ref(passing)
        return frozen(lambda: number.add_(reference()))

    with pytest.raises(RuntimeError, match="memory that was freed"):
        begun()()


@pytest.mark.parametrize(
    "waits", [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: torch.tensor(3.0), lambda x: bool(x.any())]
)
def test_a_synchronisation_ends_a_capture(waits):
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        frozen(lambda: waits(torch.ones(3)))
