"""Where memory runs out: groups are halved, what is done is kept, and a pair that does not fit is an error."""

import pytest
import torch

from grokbench.engine import flat_executor

from .helpers.small_cells import method, small, train_events, train_runs

pytestmark = pytest.mark.usefixtures("tiny_data")


def exhausting(monkeypatch, largest, after=0):
    """Memory that holds `largest` replicas, and runs out of more after so many evaluations."""
    real, looks = flat_executor.measure, []

    def measure(step, group, *given):
        looks.append(len(group.keys))
        if len(group.keys) > largest and len(looks) > after:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(step, group, *given)

    monkeypatch.setattr(flat_executor, "measure", measure)
    return looks


def test_a_group_that_does_not_fit_is_halved_until_it_does(monkeypatch):
    whole = train_runs(small("sparse_parity"), [method("grokalign")], range(7), 6)
    exhausting(monkeypatch, largest=2)
    runs = train_runs(small("sparse_parity"), [method("grokalign")], range(7), 6)
    assert [run.seed for run in runs] == list(range(7))
    assert {run.group for run in runs} == {(0,), (1, 2), (3, 4), (5, 6)}
    for run, other in zip(runs, whole, strict=True):
        assert run.curves["test_loss"].values == pytest.approx(other.curves["test_loss"].values, rel=1e-9)


def test_replicas_that_were_done_when_memory_ran_out_are_not_trained_again(monkeypatch):
    task = small("sparse_parity")
    losses = [run.curves["train_loss"].values[3] for run in train_runs(task, [], range(5), 8)]
    grokked = {"train_loss": f"<= {min(losses)!r}"}
    exhausting(monkeypatch, largest=2, after=6)
    events = train_events(task, [], range(5), 8, grokked=grokked, stop="grokked")[0]
    assert sorted(run.seed for run in events) == list(range(5))
    assert events[losses.index(min(losses))].group == tuple(range(5))


def test_a_pair_that_does_not_fit_is_an_error(monkeypatch):
    exhausting(monkeypatch, largest=1)
    with pytest.raises(torch.OutOfMemoryError):
        train_runs(small("sparse_parity"), [], (0, 1), 3)


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("not enough memory: you tried to allocate 8 bytes."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_which_errors_are_of_memory(error, memory):
    from grokbench.engine.out_of_memory import exhausted

    assert exhausted(error) == memory
