"""Captured epochs train as eager ones; `fake_cuda_graphs` stands in for CUDA."""

from dataclasses import dataclass, replace

import pytest
import torch

from grokbench import SGD, engine
from grokbench.engine import capture, cuda_graphs, executors
from grokbench.engine.checkpoints import CheckpointFile
from grokbench.engine.loop import TrainingLoop
from grokbench.events import Progress
from grokbench.metric import Metric
from grokbench.plan.metrics import can_record
from grokbench.records import Run
from grokbench.regularizer import Regularizer

from .helpers.compare_executors import LABELS, SEEDS, SLOW, same, trained
from .helpers.fake_cuda_graphs import fake_capture
from .helpers.small_cells import make_cell, make_step, method, small, spread

pytestmark = pytest.mark.usefixtures("tiny_data")


def refusing(function):
    raise RuntimeError("operation not permitted when stream is capturing\nmore lines")


CAPTURED = [pair for pair in spread(LABELS) if not method(pair[1]).every]  # no graph holds alternating phases


@pytest.mark.parametrize(("label", "name"), [*CAPTURED, *((label, "grokalign") for label in SLOW)])
def test_captured_epochs_train_as_eager_ones(monkeypatch, label, name):
    task, step = small(label), make_step(small(label), [method(name)])
    cell = make_cell(task, 9, evaluate_every=3, stop="grokked", grokked={"train_loss": "< 0.4"})
    same(
        trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step),
        trained(monkeypatch, executors.EagerExecutor, cell, step),
    )


@pytest.mark.usefixtures("few_corruptions")
@pytest.mark.parametrize("label", [*LABELS, *SLOW])
def test_every_metric_can_be_captured(monkeypatch, registry, label):
    """Each on the first task that can record it."""
    made, metrics, task = {name: plugin.make({}) for name, plugin in registry.metrics.items()}, {}, small(label)
    for earlier in [*LABELS, *SLOW][: [*LABELS, *SLOW].index(label) + 1]:
        metrics = {name: metric for name, metric in made.items() if can_record(small(earlier), metric)}
        made = {name: metric for name, metric in made.items() if name not in metrics}
    if not metrics:
        pytest.skip("an earlier task can record all that this one can")
    step, cell = make_step(task, metrics=metrics), make_cell(task, 4, evaluate_every=2)
    captured = trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step)
    assert set(metrics) <= set(captured[0].curves)
    same(captured, trained(monkeypatch, executors.EagerExecutor, cell, step))


def test_a_graph_is_captured_once_for_every_size_of_a_group(monkeypatch):
    made = []
    step, task = make_step(small("sparse_parity"), [method("grokfast_ma")]), small("sparse_parity")
    losses = trained(monkeypatch, executors.EagerExecutor, make_cell(task, 8), step)
    bound = sorted(run.curves["train_loss"].values[4] for run in losses.values())[2]
    cell = make_cell(task, 40, stop="grokked", grokked={"train_loss": f"<= {bound!r}"})
    monkeypatch.setattr(executors.GraphExecutor, "steps_between_reads", 0)  # replicas leave as soon as they are done
    runs = trained(
        monkeypatch,
        lambda step: executors.GraphExecutor(step, lambda: lambda function: made.append(1) or fake_capture(function)),
        cell,
        step,
    )
    ends = sorted(run.epochs for run in runs.values())
    sizes = {len(SEEDS)} | {max(2, sum(epochs > end for epochs in ends)) for end in ends[:-1]}
    assert 2 * len(sizes) <= len(made) <= 3 * len(sizes)  # gradients, metrics, the step


@pytest.mark.parametrize(
    ("name", "longest"), [("baseline", 1), ("grokalign", 2), ("grokfast_ma", 3), ("gaussian_noise", 2)]
)
def test_long_epochs_are_captured_in_segments(monkeypatch, name, longest):
    task, made = small("modular_addition", batch_size=4), []
    assert (task.steps, task.train_size % task.batch_size) == (6, 2)  # the last batch is smaller
    monkeypatch.setattr(capture, "GRAPH_STEPS", longest)
    step, cell = make_step(task, [method(name)]), make_cell(task, 6, evaluate_every=2)
    runs = trained(
        monkeypatch,
        lambda step: executors.GraphExecutor(step, lambda: lambda function: made.append(1) or fake_capture(function)),
        cell,
        step,
    )
    same(runs, trained(monkeypatch, executors.EagerExecutor, cell, step))
    assert len(made) == 1 + 3  # an evaluation; draws, a segment and the last steps


def test_evaluations_in_a_row_are_read_together(monkeypatch):
    """Replicas stop where they would have stopped, and metrics with a cadence are measured on the network they had."""
    task, reads = small("sparse_parity"), []
    norm = Metric(measure=lambda probe: sum(p.square().sum() for p in probe.params.values()))
    step = make_step(task, [method("grokfast_ma")], metrics={"norm": norm}, every={"norm": 20})
    losses = trained(monkeypatch, executors.EagerExecutor, make_cell(task, 12), step)
    bound = sorted(run.curves["train_loss"].values[5] for run in losses.values())[2]
    cell = make_cell(task, 12, stop="grokked", grokked={"train_loss": f"<= {bound!r}"})
    eager = trained(monkeypatch, executors.EagerExecutor, cell, step)
    assert {run.epochs for run in eager.values()} - {0, 12}  # some end between
    assert all(run.curves["norm"].epochs == (0, run.epochs) for run in eager.values() if run.epochs)
    monkeypatch.setattr(executors.GraphExecutor, "steps_between_reads", 5)
    evaluate = TrainingLoop.evaluate
    monkeypatch.setattr(TrainingLoop, "evaluate", lambda loop: reads.append(evaluate(loop)) or reads[-1])
    same(trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step), eager)
    last = max(run.epochs for run in eager.values())
    assert [[evaluation.epoch for evaluation in read] for read in reads] == [
        list(range(begin, min(begin + 5, 13))) for begin in range(0, last + 1, 5)
    ]


def test_the_next_gradients_are_taken_along_with_an_evaluation(monkeypatch):
    """With full batches a captured step runs no network: its gradients are there already."""
    task, passes = small("sparse_parity"), []
    forward = task.forward
    counted = replace(task, forward=lambda params, inputs: passes.append(len(inputs)) or forward(params, inputs))
    step, cell = make_step(counted), make_cell(counted, 30)
    monkeypatch.setattr(executors.GraphExecutor, "steps_between_reads", 3)
    trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step)
    assert len(passes) == 2 * (cuda_graphs.WARM_UPS + 1)  # both splits, while an evaluation is captured


def test_an_optimizer_that_works_on_the_gradients_does_no_harm_to_the_next_ones(monkeypatch):
    @dataclass(frozen=True)
    class Worn(SGD):
        def update(self, params, grads, state):
            for grad in grads.values():
                grad.mul_(0.5)
            return super().update(params, grads, state)

    task = replace(small("sparse_parity"), optimizer=Worn(lr=0.1))
    step, cell = make_step(task), make_cell(task, 7)
    same(
        trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step),
        trained(monkeypatch, executors.EagerExecutor, cell, step),
    )


def test_an_epoch_that_cannot_be_captured_is_trained_eagerly_from_the_same_state(monkeypatch):
    calls = []

    def capture(function):
        calls.append(function)
        if len(calls) > 2:  # the evaluation was captured; the step changes the buffers before it fails
            function()
            raise RuntimeError("a step waits for its host")
        return fake_capture(function)

    step, cell = make_step(small("sparse_parity"), [method("grokfast_ma")]), make_cell(small("sparse_parity"), 4)
    runs = trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: capture), cell, step)
    same(runs, trained(monkeypatch, executors.EagerExecutor, cell, step))
    assert all("a step waits for its host" in run.provenance["pace"] for run in runs.values())


def test_states_that_change_places_are_not_overwritten_too_early(monkeypatch):
    def init(params):
        return tuple(torch.zeros_like(p) + row for row, p in enumerate([params["weight1"]] * 2))

    def exchange(grads, state, at):
        return {name: g * (1.0 + state[0].mean()) for name, g in grads.items()}, (state[1], state[0])

    step = make_step(small("sparse_parity"), [Regularizer(init=init, transform=exchange)])
    cell = make_cell(small("sparse_parity"), 7, evaluate_every=7)
    same(
        trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step),
        trained(monkeypatch, executors.EagerExecutor, cell, step),
    )


def test_what_cannot_be_captured_is_trained_eagerly_and_says_why(monkeypatch):
    step = make_step(small("sparse_parity"))
    cell = make_cell(small("sparse_parity"), 4)
    runs = trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: refusing), cell, step)
    same(runs, trained(monkeypatch, executors.EagerExecutor, cell, step))
    note = "not captured as a CUDA graph, and therefore slower: operation not permitted when stream is capturing"
    assert all(run.provenance["pace"] == f"{note}; `grokbench check` says where" for run in runs.values())


def test_a_metric_that_cannot_be_captured_falls_back_alone(monkeypatch):
    calls = []

    def capture(function):
        calls.append(function)
        if len(calls) == 2:  # the gradients were captured, and the step will be
            raise RuntimeError("a metric waits for its host")
        return fake_capture(function)

    step = make_step(small("sparse_parity"), metrics={"it": Metric(measure=lambda probe: probe.outputs("train").sum())})
    cell = make_cell(small("sparse_parity"), 4)
    runs = trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: capture), cell, step)
    same(runs, trained(monkeypatch, executors.EagerExecutor, cell, step))
    assert all("a metric waits for its host" in run.provenance["pace"] for run in runs.values())


@pytest.mark.parametrize("captured", [0, 1, 2])  # before: nothing, the gradients, the metrics
@pytest.mark.parametrize("then", [None, RuntimeError("operation failed due to a previous error during capture")])
def test_memory_that_runs_out_during_a_capture_is_no_fault_of_a_plugin(monkeypatch, captured, then):
    calls = []

    def capture(function):
        calls.append(function)
        if len(calls) <= captured:
            return fake_capture(function)
        try:
            raise torch.OutOfMemoryError("CUDA out of memory")
        finally:
            if then:
                raise then

    step = make_step(small("sparse_parity"))
    monkeypatch.setattr(
        engine, "make_executor", lambda step, device, **how: executors.GraphExecutor(step, lambda: capture)
    )
    calls.clear()
    with pytest.raises(type(then) if then else torch.OutOfMemoryError):  # of the pair that the halves come to
        list(engine.train(make_cell(small("sparse_parity"), 4), step, SEEDS, "cpu", torch.float64))


def test_gradients_that_could_not_be_captured_are_not_trained_on(monkeypatch):
    calls = []

    def capture(function):
        calls.append(function)
        if len(calls) == 1:
            function()
            raise RuntimeError("it looked ahead, and broke off")
        return fake_capture(function)

    step, cell = make_step(small("sparse_parity")), make_cell(small("sparse_parity"), 6)
    same(
        trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: capture), cell, step),
        trained(monkeypatch, executors.EagerExecutor, cell, step),
    )


@pytest.mark.parametrize("label", ["sparse_parity", "modular_addition"])
def test_epochs_are_captured_without_evaluations(label):
    """As `timing` trains."""
    step = make_step(small(label), [method("grokfast_ma")])
    captured, eager = executors.GraphExecutor(step, lambda: fake_capture), executors.EagerExecutor(step)
    groups = [engine.start(step, SEEDS, "cpu", torch.float64)[0] for _ in range(2)]
    for begin, end in ((0, 1), (1, 2), (2, 6)):
        groups = [way.advance(group, begin, end, None) for way, group in zip((captured, eager), groups, strict=True)]
    for name, parameter in groups[0].params.items():
        torch.testing.assert_close(parameter, groups[1].params[name], rtol=1e-11, atol=1e-13)


def test_a_captured_group_that_was_interrupted_resumes_as_if_it_had_not_been(monkeypatch, tmp_path):
    task = small("sparse_parity")
    step = make_step(task, [method("grokfast_ma")])
    losses = trained(monkeypatch, executors.EagerExecutor, make_cell(task, 12), step)
    bound = sorted(run.curves["train_loss"].values[5] for run in losses.values())[2]
    cell = make_cell(task, 12, stop="grokked", grokked={"train_loss": f"<= {bound!r}"})
    monkeypatch.setattr(executors.GraphExecutor, "steps_between_reads", 2)
    monkeypatch.setattr(
        engine, "make_executor", lambda step, device, **how: executors.GraphExecutor(step, lambda: fake_capture)
    )

    def events(folder, wanted):
        checkpoint_file_of = lambda seeds: CheckpointFile.of(folder, seeds, {}, frozenset(wanted), 0.0)  # noqa: E731
        return engine.train(cell, step, SEEDS, "cpu", torch.float64, None, checkpoint_file_of)

    whole = {event.seed: event.curves for event in events(tmp_path / "whole", SEEDS) if isinstance(event, Run)}
    begun, told = events(tmp_path / "begun", SEEDS), []
    while not (told and isinstance(told[-1], Progress) and told[-1].epoch >= 3):
        told.append(next(begun))
    begun.close()
    left = set(SEEDS) - {event.seed for event in told if isinstance(event, Run)}
    resumed = list(events(tmp_path / "begun", left))
    assert next(event for event in resumed if isinstance(event, Progress)).epoch == 2
    assert {run.seed: run.curves for run in resumed if isinstance(run, Run)} == {seed: whole[seed] for seed in left}


def test_an_empty_graph_is_not_used(monkeypatch):
    step, cell = make_step(small("sparse_parity")), make_cell(small("sparse_parity"), 4)
    runs = trained(
        monkeypatch, lambda step: executors.GraphExecutor(step, lambda: lambda function: lambda: None), cell, step
    )
    same(runs, trained(monkeypatch, executors.EagerExecutor, cell, step))
    assert all("the captured graph is empty" in run.provenance["pace"] for run in runs.values())


def test_states_that_change_places_as_views_are_not_overwritten_too_early(monkeypatch):
    def init(params):
        return tuple(torch.zeros_like(p) + row for row, p in enumerate([params["weight1"]] * 2))

    def exchange(grads, state, at):
        views = [each.view(each.shape) for each in state]
        return {name: g * (1.0 + state[0].mean()) for name, g in grads.items()}, (views[1], views[0])

    step = make_step(small("sparse_parity"), [Regularizer(init=init, transform=exchange)])
    cell = make_cell(small("sparse_parity"), 7, evaluate_every=7)
    same(
        trained(monkeypatch, lambda step: executors.GraphExecutor(step, lambda: fake_capture), cell, step),
        trained(monkeypatch, executors.EagerExecutor, cell, step),
    )
