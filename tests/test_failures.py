"""Replicas that failed are told in a few lines for each cell; their tracebacks are kept."""

import traceback

import pytest

from grokbench import engine
from grokbench.commands.failures import explained, explanations
from grokbench.engine import timing
from grokbench.launchers.local import pool
from grokbench.plugins import load_registry
from grokbench.records import Cell, Origin, Outcome, Recipe, Run, Use
from grokbench.step.build import build_step

from .helpers import planted, tiny
from .helpers.small_cells import small
from .helpers.tiny import grokbench, run


def cell(regularizer="method", *uses):
    names = ["tasks.sparse_parity", *(f"regularizers.{use}" for use in uses or (regularizer,))]
    origins = dict.fromkeys(names, Origin("built_in"))
    return Cell("parity", regularizer, "same", Recipe(task=Use("sparse_parity", {})), 3, 1, {}, origins=origins)


def raised_by(methods):
    """The traceback of an epoch of training."""
    step = build_step(small("sparse_parity"), methods, {})
    group, _ = engine.start(step, (0, 1), "cpu", engine.DTYPES["float64"])
    try:
        engine.train_epoch(step, group, 0)
    except Exception:
        return traceback.format_exc()
    raise AssertionError("it trains")


FAULTS = {  # a plugin that was not checked -> what is said of it, and the line it is said of
    "a wrong shape": ("a loss or a penalty is not a single number", ""),
    "no return": ("TypeError: unsupported operand type(s) for +: 'Tensor' and 'NoneType'", ""),
    "a field that is not there": (
        "AttributeError: 'Local' object has no attribute 'output'",
        "return local.output.square().mean()",
    ),
    "global randomness": ("it draws from torch's global generator", "0.01 * torch.randn(g.shape)"),
    "a Python branch on a tensor": ("it branches in Python on a tensor", "if g.norm() > 1.0 else g"),
    "a second gradient undeclared": (
        "it takes a second gradient without declaring it",
        "return at.grad_at(",
    ),
}


@pytest.mark.parametrize(
    "ended",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you",
        "torch.AcceleratorError: CUDA error: out of memory",
        "MemoryError",
    ],
)
def test_memory_that_ran_out_is_no_fault_of_a_plugin(tmp_path, ended):
    file = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    registry = load_registry([str(file)])
    error = f'Traceback (most recent call last):\n  File "{file}", line 5, in transform\n    boom()\n{ended}\n'
    first, *rest = explained(error, cell("raises"), registry, [str(file)]).splitlines()
    assert first == ended.removeprefix("torch.") and len(rest) == 1
    assert rest[0].startswith("Next: two seeds of this cell do not fit") and "check" not in rest[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plugin_that_was_not_checked_is_told_in_a_few_lines(tmp_path, fault):
    said, line = FAULTS[fault]
    file = planted.write(tmp_path, planted.METHODS[fault].source)
    registry = load_registry([file])
    error = raised_by([registry.regularizers["method"].make({})])
    first, *rest = explained(error, cell(), registry, [str(file)]).splitlines()
    assert first.partition(". Did you mean: ")[0] == said  # Python 3.12 knows a name that is near
    assert rest[-1] == f"Next: grokbench check {file}" and len(rest) == 1 + bool(line)
    assert not line or (rest[0].startswith("At method.py, line ") and line in rest[0])


def test_the_combined_method_that_raised_is_named(tmp_path):
    files = []
    for name, fault in (("sound", "an in-place change"), ("broken", "a Python branch on a tensor")):
        source = planted.write(tmp_path, planted.METHODS[fault].source).read_text()
        files.append(tiny.write(tmp_path, source.replace("method", name), f"{name}.py"))
    registry = load_registry(files)
    made = [registry.regularizers[name].make({}) for name in ("sound", "broken")]
    told = explained(raised_by(made), cell("both", "sound", "broken"), registry, [str(file) for file in files])
    assert told.endswith(f"Next: grokbench check {files[1]}") and "sound.py" not in told


def test_the_file_that_raised_is_named_among_files_of_one_name(tmp_path):
    files = []
    for name, fault in (("sound", "an in-place change"), ("broken", "a Python branch on a tensor")):
        (tmp_path / name).mkdir()
        source = planted.write(tmp_path, planted.METHODS[fault].source).read_text()
        files.append(tiny.write(tmp_path / name, source.replace("method", name), "mine.py"))
    registry = load_registry(files)
    made = [registry.regularizers[name].make({}) for name in ("sound", "broken")]
    told = explained(raised_by(made), cell("both", "sound", "broken"), registry, [str(file) for file in files])
    assert told.endswith(f"Next: grokbench check {files[1]}") and str(files[0]) not in told


def test_an_error_of_a_shipped_method_suggests_no_check(registry):
    error = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    1 / 0\nValueError: a\nb\n'
    assert explained(error, cell("grokalign"), registry, []) == "ValueError: a"
    assert explained("the worker process ended\n", cell("grokalign"), registry, []) == "the worker process ended"


def test_cells_and_errors_are_told_apart_and_seeds_together(registry):
    failed = [
        (cell(label), Run("same", seed, Outcome.FAILED, None, None, 0, error=error))
        for label, seed, error in (("a", 1, "x"), ("a", 2, "y\x1b[2J"), ("b", 1, "x"), ("a", 3, "x"), ("b", 2, None))
    ]
    assert list(explanations(failed, registry, [])) == [
        "parity / a, seeds 1,3:\nx",
        "parity / a, seed 2:\ny\\x1b[2J",
        "parity / b, seed 1:\nx",
        "parity / b, seed 2:\nno traceback was kept",
    ]


def test_run_says_it_once_and_status_prints_the_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-4)
    mine = tiny.write(tmp_path, tiny.PLUGIN, "mine.py")
    done = run(tiny.write(tmp_path, tiny.with_methods("raises")), tmp_path / "out", "--plugin", mine)
    assert done.status == 1 and "Traceback" not in done.err
    assert done.err.endswith(
        "\n3 replicas failed; the same command trains them again:\n\n"
        "parity / raises, seeds 1000-1002:\nRuntimeError: boom in training\n"
        f'At mine.py, line 14: raise RuntimeError("boom in training")\nNext: grokbench check {mine}\n\n'
        f"The tracebacks are kept: grokbench status {tmp_path / 'out'} --tracebacks\n"
    )
    plain, kept = grokbench("status", tmp_path / "out"), grokbench("status", tmp_path / "out", "--tracebacks")
    assert kept.out.startswith(f"{plain.out}\nparity / raises, seeds 1000-1002:\nTraceback (most recent call last):\n")
    assert kept.out.count("RuntimeError: boom in training\n") == 1 and "Traceback" not in plain.out
