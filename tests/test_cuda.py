"""CUDA graphs train as the CPU does."""

import pytest
import torch

from grokbench import engine
from grokbench.engine import capture
from grokbench.metric import Metric
from grokbench.plan.metrics import can_record
from grokbench.records import Run

from .helpers.compare_executors import LABELS, SEEDS, SLOW, same
from .helpers.small_cells import make_cell, make_step, method, small, spread

pytestmark = pytest.mark.usefixtures("tiny_data")
without_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def there_and_here(step, cell):
    """The same runs on a CUDA device, captured, and on the CPU."""
    there, here = (
        {e.seed: e for e in engine.train(cell, step, SEEDS, device, torch.float64) if isinstance(e, Run)}
        for device in ("cuda", "cpu")
    )
    assert not any("pace" in run.provenance for run in there.values()), "eager: " + there[0].provenance["pace"]
    return there, here


@pytest.mark.cuda
@without_cuda
@pytest.mark.parametrize(("label", "name"), [*spread(LABELS), *((label, "grokalign") for label in SLOW)])
def test_cuda_graphs_train_as_the_cpu_does(label, name):
    task, step = small(label), make_step(small(label), [method(name)])
    same(*there_and_here(step, make_cell(task, 9, evaluate_every=3)), rel=1e-7, abs=1e-9)


@pytest.mark.cuda
@without_cuda
@pytest.mark.parametrize("longest", [1, 3])
@pytest.mark.parametrize("name", ["baseline", "grokfast_ma", "gaussian_noise"])
def test_cuda_graphs_of_segments_train_as_the_cpu_does(monkeypatch, name, longest):
    monkeypatch.setattr(capture, "GRAPH_STEPS", longest)
    task = small("modular_addition", batch_size=4)
    same(*there_and_here(make_step(task, [method(name)]), make_cell(task, 6, evaluate_every=2)), rel=1e-7, abs=1e-9)


@pytest.mark.cuda
@without_cuda
@pytest.mark.parametrize("label", [*LABELS, "modular_transformer"])
def test_every_metric_is_captured_on_cuda(registry, label):
    task = small(label)
    metrics = {name: plugin.make({}) for name, plugin in registry.metrics.items()}
    metrics = {name: metric for name, metric in metrics.items() if can_record(task, metric)}
    same(*there_and_here(make_step(task, metrics=metrics), make_cell(task, 4, evaluate_every=2)), rel=1e-6, abs=1e-8)


@pytest.mark.cuda
@without_cuda
def test_cuda_graphs_are_captured_after_one_that_broke():
    """A metric that waits for the host leaves the others, and a group that shrinks, as they should be."""
    read = Metric(measure=lambda probe: probe.outputs("train").sum() * float(probe.outputs("train").max() > 1e9))
    step = make_step(small("sparse_parity"), [method("grokfast_ma")], metrics={"read": read})
    losses = list(engine.train(make_cell(step.task, 12), step, SEEDS, "cpu", torch.float64))
    bound = sorted(run.curves["train_loss"].values[5] for run in losses if isinstance(run, Run))[2]
    cell = make_cell(step.task, 40, stop="grokked", grokked={"train_loss": f"<= {bound!r}"})
    there, here = (
        {e.seed: e for e in engine.train(cell, step, SEEDS, device, torch.float64) if isinstance(e, Run)}
        for device in ("cuda", "cpu")
    )
    assert all("not captured as a CUDA graph" in run.provenance["pace"] for run in there.values())
    same(there, here, rel=1e-7, abs=1e-9)
