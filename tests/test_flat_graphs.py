"""Flat graphs give the numbers of the functions that were recorded, bit for bit."""

from dataclasses import replace

import pytest
import torch
from torch.func import grad, vmap

from grokbench import Regularizer
from grokbench.engine import executors, flat_graph
from grokbench.engine.flat_executor import FlatExecutor
from grokbench.engine.flat_function import FlatFunction
from grokbench.engine.flat_graph import UnrecordableError, record
from grokbench.engine.graph_passes import compute_constants, merge_equal, merge_views

from .helpers.compare_executors import LABELS, SLOW, trained
from .helpers.small_cells import make_cell, make_step, method, small, spread

pytestmark = pytest.mark.usefixtures("tiny_data")


def targets(graph):
    return [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]


def test_recording_does_not_import_the_compiler_of_torch():
    assert not hasattr(flat_graph._Recorder.__torch_dispatch__, "__wrapped__")  # torch's wrapper, which imports it


def arguments(*shapes):
    return [torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape))) for shape in shapes]


def simplified(function, leaves):
    graph = record(function, leaves)
    merge_views(graph.graph)
    merge_equal(graph.graph)
    graph.recompile()
    return graph


def test_a_mapped_gradient_is_recorded_as_plain_operations():
    def loss(weight, x):
        return (x @ weight).relu().square().mean()

    def function(weight, x, nothing):
        return [vmap(grad(loss))(weight, x), nothing]

    leaves = [*arguments((3, 5, 2), (3, 7, 5)), None]
    graph = simplified(function, leaves)
    other = [2 * leaves[0], leaves[1] - 1, None]
    assert all(name.startswith("aten.") for name in targets(graph))
    assert torch.equal(graph(*other)[0], function(*other)[0]) and graph(*other)[1] is None


def test_integers_that_follow_from_arange_are_constants():
    """torch's compiler would make a product of counters of them, whose overflow C++ does not define."""

    def function(keys):
        counters = torch.arange(1, 41) * -7046029254386353131
        steps = torch.arange(2)
        steps.add_(1)
        return [(keys[:, None] + counters) >> 30, torch.arange(3), steps, torch.arange(2.0) + keys[0]]

    keys = torch.tensor([2**62, -5, 3])
    expected, graph = function(keys), record(function, [keys])
    compute_constants(graph)
    graph.recompile()
    assert targets(graph).count("aten.arange.start") == 0 and "aten.mul.Tensor" not in targets(graph)
    assert len([name for name in targets(graph) if "arange" in name]) == 3  # returned, overwritten, no integers
    for _ in range(2):
        assert all(map(torch.equal, graph(keys), expected))


def test_arguments_are_overwritten_as_by_the_function():
    def function(p, g):
        p[0].add_(g, alpha=-0.5)
        return [p.sum(), p]

    p, g = arguments((2, 3), (3,))
    graph = simplified(function, [p.clone(), g])
    ours, theirs = p.clone(), p.clone()
    total, same = graph(ours, g)
    assert torch.equal(total, function(theirs, g)[0]) and torch.equal(ours, theirs) and same is ours


def test_chains_of_views_become_one_view_and_repetitions_are_left_out():
    def function(x):
        y = x * 2
        return [y.t().unsqueeze(0).expand(4, 3, 2) + 1, (x * 2).exp(), y.view(2, 3)]

    x = arguments((2, 3))[0]
    graph = simplified(function, [x])
    assert sorted(targets(graph)) == sorted(
        ["aten.mul.Tensor", "aten.as_strided.default", "aten.add.Tensor", "aten.exp.default"]
    )
    assert all(map(torch.equal, graph(x + 1), function(x + 1)))


def test_what_is_overwritten_or_random_is_computed_each_time():
    def function(x):
        one, other = x * 2, x * 2
        one.relu_()
        return [one, other, torch.rand_like(x), torch.rand_like(x)]

    x = arguments((2, 3))[0]
    one, other, *drawn = simplified(function, [x])(x)
    assert torch.equal(one, (x * 2).relu()) and torch.equal(other, x * 2) and not torch.equal(*drawn)


def test_one_and_one_point_zero_are_different_arguments():
    count = torch.arange(3)
    graph = simplified(lambda count: [count + 1, count + 1.0], [count])
    assert [each.dtype for each in graph(count)] == [torch.int64, torch.float32]


def test_a_function_that_reads_numbers_is_not_recorded():
    with pytest.raises(UnrecordableError, match="it reads a number from a tensor"):
        record(lambda x: [x * float(x.sum())], arguments((2,)))


def called(function, times=6):
    """The results of a flat function that is recorded at its second call, and its note."""
    flat = FlatFunction(function, record_after=1)
    results = [flat(torch.full((2,), float(call)), ()) for call in range(times)]
    return results, flat.note


def test_a_flat_function_is_called_until_its_graph_has_been_checked():
    calls = []
    results, note = called(lambda state, inputs: calls.append(1) or state * 3)
    assert [result.tolist() for result in results] == [[3.0 * call] * 2 for call in range(6)] and note is None
    assert len(calls) == 1 + 2 + 1  # before it is recorded; while it is recorded, and again; while it is checked


def other_times(calls, state):
    return state * len(calls)


def number_read(calls, state):
    return state * float(state[0])


def refused_on_a_copy(calls, state):
    if len(calls) == 2:
        raise RuntimeError("not now")
    return state


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (other_times, "its recorded operations compute other numbers"),
        (number_read, "it reads a number from a tensor"),
        (refused_on_a_copy, "not now"),
    ],
)
def test_a_function_that_is_more_than_its_operations_is_called_as_before(function, why):
    calls = []

    def counted(state, inputs):
        calls.append(1)
        return function(calls, state)

    results, note = called(counted)
    assert note == why and len(results) == 6
    last = function(calls, torch.full((2,), 5.0))
    assert torch.equal(results[-1], last)


def test_nan_is_equal_to_itself():
    _, note = called(lambda state, inputs: state.log() - state.log())
    assert note is None


def flat(step):
    return FlatExecutor(step, record_after=1)


def identical(left, right):
    assert left.keys() == right.keys()
    for seed, run in left.items():
        other = right[seed]
        assert (run.outcome, run.grokked_at, run.epochs) == (other.outcome, other.grokked_at, other.epochs)
        assert {label: curve.values for label, curve in run.curves.items()} == {
            label: curve.values for label, curve in other.curves.items()
        }


@pytest.mark.parametrize(("label", "name"), [*spread(LABELS), *((label, "grokalign") for label in SLOW)])
def test_flat_epochs_train_as_eager_ones(monkeypatch, label, name):
    task, step = small(label), make_step(small(label), [method(name)])
    cell = make_cell(task, 12, evaluate_every=2, stop="grokked", grokked={"train_loss": "< 0.4"})
    made = []
    ours = trained(monkeypatch, lambda step: made.append(flat(step)) or made[-1], cell, step)
    identical(ours, trained(monkeypatch, executors.EagerExecutor, cell, step))
    assert made[0].note is None
    assert any(calls.checked for function in made[0]._functions.values() for calls in function._calls.values())


def test_a_smaller_last_batch_and_periodic_phases_are_flat_too(monkeypatch):
    task = small("modular_addition", batch_size=4)
    assert task.train_size % task.batch_size
    for made in ([method("grokalign")], [replace(method("grokfast_ma"), every={"transform": 3})]):
        step, cell = make_step(task, made), make_cell(task, 8, evaluate_every=2)
        identical(trained(monkeypatch, flat, cell, step), trained(monkeypatch, executors.EagerExecutor, cell, step))


def test_a_method_that_cannot_be_recorded_is_trained_eagerly_with_a_note(monkeypatch):
    counts = []
    drifting = Regularizer(transform=lambda grads, state, at: (_scaled(grads, counts), state))
    task, made = small("modular_addition"), []
    step, cell = make_step(task, [drifting]), make_cell(task, 6)
    runs = trained(monkeypatch, lambda step: made.append(flat(step)) or made[-1], cell, step)
    note = "not recorded as a flat graph, and therefore slower: its recorded operations compute other numbers"
    assert made[0].note == note and {run.provenance["pace"] for run in runs.values()} == {note}


def _scaled(grads, counts):
    counts.append(1)
    return {name: g * (1 + len(counts)) for name, g in grads.items()}
