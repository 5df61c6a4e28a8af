"""Compiled training is flat training up to rounding: what is compiled, what is not, and what happens to bad code.

Most tests replace torch's compiler, which takes seconds, by the graph itself.
"""

import pytest
import torch
from torch.fx import GraphModule

from grokbench import engine
from grokbench.engine import compiled_function, compiled_graph
from grokbench.engine.compiled_executor import CompiledExecutor
from grokbench.engine.compiled_function import CompiledFunction
from grokbench.engine.compiled_graph import CompilationError
from grokbench.engine.decompositions import ELEMENTWISE
from grokbench.engine.flat_executor import FlatExecutor
from grokbench.engine.groups import TRAINING_STATE, ladder
from grokbench.optimizers import SGD, AdamW

from .helpers.small_cells import make_step, method, small
from .test_flat_memory import bits
from .test_flat_training import METHODS, TASKS, trained

CLOSE = 1e-9  # relative, after 20 steps in float64
SHIPPED = [  # the first is compiled in every run of the tests
    ("sparse_parity", "baseline"),
    ("sparse_parity", "grokalign"),
    ("modular_addition", "baseline"),
    ("modular_addition", "grokalign"),
    ("xor", "orthograd"),
    ("mnist", "pgd_training"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder for compiled code."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "code"))
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    return tmp_path / "code" / "grokbench"


@pytest.fixture
def compiler(monkeypatch):
    """The graphs that were compiled, each of which runs as it is."""
    graphs = []

    def compiled(graph, inputs):
        graphs.append(graph)
        return GraphModule(torch.nn.Module(), graph)

    monkeypatch.setattr(compiled_graph, "_compiled", compiled)
    return graphs


def steps(executor, step, count):
    """The group after some steps, and its evaluations."""
    group, _ = engine.start(step, (0, 1, 2), "cpu", torch.float64)
    tables = []
    for epoch in range(-(-count // step.task.steps)):
        table, pending, _ = executor.evaluate(group, tuple(step.metrics), epoch)
        group = executor.advance(group, epoch, epoch + 1, pending)
        tables.append(table)
    return tables, {name: getattr(group, name) for name in TRAINING_STATE}


def difference(one, other):
    """The largest relative difference of two trees, by the norm of each tensor."""
    pairs = zip(*(torch.utils._pytree.tree_leaves(tree) for tree in (one, other)), strict=True)
    return max(
        float((a.double() - b.double()).norm() / (b.double().norm() + 1e-30)) if a.numel() else 0.0 for a, b in pairs
    )


@pytest.mark.long  # the compiler takes some 30 s a case
@pytest.mark.parametrize(("task", "name"), SHIPPED)
def test_compiled_code_rounds_differently_and_repeats_itself(task, name, folder, monkeypatch):
    step = make_step(small(task), [method(name)] if name != "baseline" else [])
    flat = steps(FlatExecutor(step, record_after=0), step, 20)
    executor = CompiledExecutor(step)
    compiled = steps(executor, step, 20)
    assert executor.note is None
    assert difference(compiled, flat) < CLOSE
    assert len(list(folder.iterdir())) >= 2  # a step and an evaluation

    monkeypatch.setattr(compiled_graph, "_compiled", None)  # found again
    assert bits(steps(CompiledExecutor(step), step, 20)) == bits(compiled)


@pytest.mark.parametrize("name", METHODS)
def test_every_phase_is_compiled_and_a_group_resumes_with_the_same_bits(name, compiler):
    step = make_step(small(TASKS[list(METHODS).index(name) % len(TASKS)]), [METHODS[name]])
    whole = CompiledExecutor(step)
    found = trained([whole] * 2, step)
    assert whole.note is None and compiler
    assert bits(trained([CompiledExecutor(step) for _ in range(2)], step)) == bits(found)
    assert difference(found, trained([FlatExecutor(step)] * 2, step)) < CLOSE


def test_metrics_that_are_rarely_due_are_not_compiled(compiler):
    step = make_step(small("xor"), every={"test_loss": 4})
    labels, executor = tuple(step.metrics), CompiledExecutor(step)
    group, _ = engine.start(step, (0, 1), "cpu", torch.float64)
    often = tuple(label for label in labels if label != "test_loss")
    tables = [executor.evaluate(group, some, 0)[0] for some in (labels, often)]
    expected = FlatExecutor(step).evaluate(group, labels, 0)[0]
    assert torch.allclose(tables[0], expected, rtol=CLOSE)
    assert torch.equal(tables[1][:, 0], tables[0][:, labels.index(often[0])])
    evaluations = [function for key, function in executor._functions.items() if key[0].__name__ == "_measure"]
    assert [type(each) is CompiledFunction for each in evaluations] == [True, False]


@pytest.mark.parametrize(
    "optimizer", [AdamW(lr=0.1, weight_decay=0.3), SGD(lr=0.1, weight_decay=0.3), SGD(0.1, momentum=0.9)]
)
def test_optimizers_in_elementwise_operations(optimizer, monkeypatch):
    gradients, results = [{"w": torch.randn(3, 2, dtype=torch.float64)} for _ in range(5)], []
    for parts in ({}, ELEMENTWISE):
        for operation, replacement in parts.items():
            monkeypatch.setattr(torch, operation.overloadpacket.__name__, replacement)
        params = {"w": torch.arange(6.0, dtype=torch.float64).reshape(3, 2)}
        state = optimizer.init(params)
        for each in gradients:
            params, state = optimizer.update(params, each, state)
        results.append((params, state))
    assert difference(*results) < 1e-14


def test_an_unknown_option_of_an_optimizer_is_not_ignored():
    adamw = next(iter(ELEMENTWISE.values()))
    with pytest.raises(NotImplementedError, match="has an option"):
        adamw([], [], [], [], [], [], lr=1, beta1=0, beta2=0, weight_decay=0, eps=1, amsgrad=True, maximize=False)


def test_results_that_are_arguments_constants_or_no_tensors(compiler):
    constant = torch.tensor([1.0, 2.0])

    def function(state, inputs):
        state["moved"].add_(inputs)
        return {"kept": state["kept"], "moved": state["moved"], "new": inputs * constant, "none": None}

    flat, state = CompiledFunction(function), {"kept": torch.ones(2), "moved": torch.zeros(2), "none": None}
    for count in (1, 2, 3, 4):
        result = flat(state, torch.ones(2))
        assert result["kept"] is state["kept"] and result["moved"] is state["moved"] and result["none"] is None
        assert result["moved"].tolist() == [count, count] and result["new"].tolist() == [1, 2]
    assert flat.note is None and len(compiler) == 1
    assert len(compiler[0].find_nodes(op="get_attr")) == 0  # the code does not depend on the constant's values


def test_a_function_that_cannot_be_recorded_is_called_as_before(compiler):
    function = CompiledFunction(lambda state, inputs: state * float(inputs))
    assert [float(function(torch.tensor(2.0), torch.tensor(3.0))) for _ in range(3)] == [6.0] * 3
    assert function.note == "it reads a number from a tensor" and not compiler


@pytest.mark.parametrize(
    "wrong",
    [
        lambda tensor: tensor * 1.1,
        lambda tensor: torch.where(tensor > 1, torch.nan, tensor),
        lambda tensor: torch.where(tensor > 1, torch.inf, tensor),
        lambda tensor: tensor.float(),
    ],
)
def test_code_that_gives_other_numbers_is_refused(wrong, monkeypatch):
    monkeypatch.setattr(compiled_graph, "_compiled", lambda graph, inputs: lambda tensor: (wrong(2 * tensor),))
    with pytest.raises(CompilationError, match="computes other numbers"):
        CompiledFunction(lambda state, inputs: 2 * state)(torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64), ())


def test_code_that_mixes_up_memory_is_refused(monkeypatch):
    monkeypatch.setattr(compiled_graph, "_compiled", lambda graph, inputs: lambda tensor: (tensor,))
    with pytest.raises(CompilationError, match="computes other numbers"):  # later the state would be overwritten
        CompiledFunction(lambda state, inputs: state.clone())(torch.ones(3), ())


def test_an_error_of_the_compiler_and_a_lack_of_memory_are_two_things(monkeypatch):
    def failing(error):
        def compiled(graph, inputs):
            raise error

        monkeypatch.setattr(compiled_graph, "_compiled", compiled)
        return CompiledFunction(lambda state, inputs: 2 * state)

    with pytest.raises(CompilationError, match="torch's compiler failed: no such instruction"):
        failing(RuntimeError("no such instruction\nmore"))(torch.ones(3), ())
    with pytest.raises(MemoryError):
        failing(MemoryError())(torch.ones(3), ())


def test_damaged_code_is_made_anew(folder, compiler):
    folder.mkdir(parents=True)
    function = CompiledFunction(lambda state, inputs: 2 * state)
    function(torch.ones(3), ())
    (folder / f"{compiled_graph._path(compiler[0]).name}").write_bytes(b"damaged")
    CompiledFunction(lambda state, inputs: 2 * state)(torch.ones(3), ())
    assert len(compiler) == 2


@pytest.mark.parametrize(("size", "sizes"), [(1, [2]), (2, [2]), (3, [3, 2]), (8, [8, 4, 2]), (13, [13, 8, 4, 2])])
def test_groups_with_compiled_code_have_few_sizes(size, sizes):
    assert ladder(size, "cpu", few=True) == sizes


def test_the_first_calls_are_checked_and_later_ones_are_not(compiler, monkeypatch):
    calls = []
    function = CompiledFunction(lambda state, inputs: calls.append(1) or state + 1)
    for _ in range(5):
        function(torch.ones(2), ())
    assert len(calls) == 1 + compiled_function.CHECKED  # one recording
