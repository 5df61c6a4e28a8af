"""`grokbench run --compile`: what is planned, what is refused, and what a group does when its code fails."""

import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.fx import GraphModule

from grokbench import run
from grokbench.doctor import hardware
from grokbench.doctor.finding import NOTE, OK
from grokbench.engine import compiled_graph
from grokbench.errors import StoreError, SuiteError
from grokbench.launchers import fallback
from grokbench.launchers.interface import Stage
from grokbench.launchers.jobs import Training
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.local import pool
from grokbench.records import Outcome
from grokbench.resources import compiler
from grokbench.runner import compiling, pipeline
from grokbench.store import Store

from .helpers import tiny
from .helpers.performed_plans import opened, perform
from .helpers.worker_jobs import cpu_workers, events, fake_jobs

SHORT = "trained without compiled code: compiling would take longer than it saves"


@pytest.fixture
def always(monkeypatch):
    """Compiling repays itself even for the tiny suite."""
    monkeypatch.setattr(compiling, "LEAST_SECONDS", 0)


@pytest.fixture
def as_recorded(monkeypatch):
    """Recorded graphs in place of compiled ones."""
    calls = []

    def compiled(graph, inputs):
        calls.append(graph)
        return GraphModule(torch.nn.Module(), graph)

    monkeypatch.setattr(compiled_graph, "_compiled", compiled)
    monkeypatch.setattr(compiled_graph, "_loaded", lambda path: None)
    return calls


# ---- what is planned


@pytest.mark.usefixtures("here", "always")
def test_a_folder_is_compiled_from_its_first_run_on(plan, as_recorded):
    made = plan(compile=True)
    assert made.manifest.execution["compile"] is True and "compile" not in plan().manifest.execution
    perform(made)
    store = Store.load(made.directory)
    assert as_recorded and {run.provenance["compile"] for run in store.runs()} == {True}
    assert not any("pace" in run.provenance for run in store.runs())
    assert pipeline.judge(store).environment["compile"] is True
    assert "--compile" in tiny.grokbench("status", made.directory).out
    assert "compile yes" in tiny.grokbench("leaderboard", made.directory).out
    with pytest.raises(
        StoreError, match=r"trained with --compile, and these without it. Choose another folder \(--out"
    ):
        opened(plan())


@pytest.mark.usefixtures("here")
def test_an_older_folder_goes_on_as_it_was(plan):
    opened(plan())
    with pytest.raises(StoreError, match="trained without --compile, and these with it. Choose another folder"):
        opened(plan(compile=True))


@pytest.mark.usefixtures("here")
def test_a_short_cell_is_left_alone(plan, as_recorded):
    made = plan(compile=True)
    perform(made)
    assert not as_recorded
    assert {run.provenance["pace"] for run in Store.load(made.directory).runs()} == {SHORT}


def test_the_estimate_grows_with_epochs_steps_and_sizes(plan):
    from grokbench.engine import replica_size
    from grokbench.plan import cell_step

    made = plan(compile=True)
    cell = made.cells[0]
    step = cell_step(cell, made.registry)
    params = replica_size(step.task)[0]
    few = compiling.seconds(cell, step, params, 3)
    assert 0.003 < few < 0.004  # three epochs of one step
    assert compiling.seconds(replace(cell, budget=6), step, params, 3) == pytest.approx(2 * few)
    assert compiling.seconds(cell, step, params, 13) > few
    assert compiling.seconds(cell, step, params, 100) == compiling.seconds(cell, step, params, 13)


# ---- what is refused before anything runs


def test_what_a_machine_lacks_is_said_at_once(plan, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", "no-such-compiler -std=c++20")
    with pytest.raises(
        SuiteError, match="--compile: there is no C[+][+] compiler no-such-compiler: .*leave the option out"
    ):
        plan(compile=True)
    monkeypatch.setenv("CXX", "true")
    monkeypatch.setattr(compiler.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(SuiteError, match="no Python.h: install Python's headers"):
        plan(compile=True)


def test_an_old_torch_and_cuda_are_refused(monkeypatch):
    with pytest.raises(SuiteError, match="--compile: only training on a CPU is compiled; .* --device cpu"):
        compiling.check("cuda")
    monkeypatch.setattr(compiling, "missing_compiler", lambda: "")
    monkeypatch.setattr(compiling, "environment", lambda: {"torch": "2.7.1+cpu"})
    with pytest.raises(SuiteError, match="needs torch 2.8 or later, not 2.7.1"):
        compiling.check("cpu")


def test_doctor_says_whether_code_can_be_compiled(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "missing_compiler", lambda: "")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "code"))
    found = hardware.compilation()
    assert found.state == OK and f"compiled code is kept in {tmp_path / 'code'}" in found.text
    monkeypatch.setattr(hardware.os, "access", lambda *given: False)
    assert hardware.compilation().state == NOTE and "TORCHINDUCTOR" in hardware.compilation().remedy
    monkeypatch.setattr(hardware, "missing_compiler", lambda: "there is no C++ compiler")
    assert hardware.compilation().text == "no --compile: there is no C++ compiler"


# ---- when code fails


@pytest.mark.usefixtures("here", "always")
def test_an_error_of_the_compiler_costs_a_cell_one_restart(plan, monkeypatch):
    attempts = []

    def failing(graph, inputs):
        attempts.append(graph)
        raise RuntimeError("g++ lost its way\nin many lines")

    monkeypatch.setattr(compiled_graph, "_compiled", failing)
    monkeypatch.setattr(compiled_graph, "_loaded", lambda path: None)
    made = plan(compile=True, regularizers=("baseline",), seeds="1000-1003", group_size=2)
    said = [event.text for event in perform(made) if hasattr(event, "text")]
    assert len(said) == 1 and "seeds 1000-1001: torch's compiler failed: g++ lost its way; it starts again" in said[0]
    assert len(attempts) == 1  # the second group has read the note
    runs = Store.load(made.directory).runs()
    assert len(runs) == 4 and not any(run.outcome is Outcome.FAILED for run in runs)
    assert {run.provenance["pace"] for run in runs} == {
        "trained without compiled code: torch's compiler failed: g++ lost its way"
    }
    perform(replace(made, rerun="all"))
    assert len(attempts) == 2


def test_an_interrupted_group_stays_without_compiled_code(tmp_path):
    folder = str(tmp_path / "checkpoints" / "identity")
    cell = SimpleNamespace(origins={}, weights=SimpleNamespace(epochs=()))
    job = Training(cell, (1, 2), frozenset((1, 2)), (folder, 60.0), compiled=True)
    slower = job.without_compiled_code("it crashed")
    assert (slower.compiled, slower.slower) == (False, "it crashed") and slower.without_compiled_code("again") is None
    assert job._allowed() == slower and fallback.read(folder) == "it crashed"
    assert slower._checkpoint_files({})((1, 2)).facts != job._checkpoint_files({})((1, 2)).facts


PLANTED = '''\
"""A compiler whose code ends the process."""

import os
import signal

from grokbench.engine import compiled_graph


def crash(*tensors):
    os.kill(os.getpid(), signal.SIGABRT)


compiled_graph._compiled = lambda graph, inputs: crash
compiled_graph._loaded = lambda path: None
'''


@pytest.mark.usefixtures("always")
def test_a_crash_in_compiled_code_costs_its_group_a_restart_and_nothing_else(tmp_path, monkeypatch):
    planted = tiny.write(tmp_path, tiny.PLUGIN + PLANTED.replace('"""', "# ", 1), "planted.py")
    monkeypatch.setattr(compiling, "check", lambda device: None)
    suite = tiny.write(tmp_path, tiny.with_methods("steady"))
    with monkeypatch.context() as patched:  # the plugin is loaded in this process, too
        for name in ("_compiled", "_loaded"):
            patched.setattr(compiled_graph, name, getattr(compiled_graph, name))
        done = tiny.run(suite, tmp_path / "out", "--compile", "--plugin", planted, "--regularizer", "steady")
    assert done.status == 0, done.err
    assert done.err.count("SIGABRT") == 1 and "it starts again without compiled code" in done.err
    runs = Store.load(tmp_path / "out").runs()
    assert len(runs) == 3 and not any(run.outcome is Outcome.FAILED for run in runs)
    assert all("SIGABRT" in run.provenance["pace"] for run in runs)


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    return fake_jobs(tmp_path, monkeypatch)


def test_only_a_fault_or_a_stall_is_blamed_on_compiled_code(jobs):
    found = events(Stage([jobs.Compiled("fault", signal.SIGSEGV), jobs.Compiled("killed", signal.SIGKILL)], 1))
    notice, done, failed = found
    assert "fault: the worker process ended with exit code -11 (SIGSEGV); it starts again" in notice.text
    assert done == "without compiled code: the worker process ended with exit code -11 (SIGSEGV)"
    assert failed.startswith("killed failed: the worker process ended with exit code -9")


def test_a_stalled_compiler_is_not_tried_again(jobs):
    found = [
        event for _, event in pool.launch([Stage([jobs.Compiled("stall", 0)], 1)], cpu_workers(), TimeLimits(stall=1))
    ]
    assert found[-1].startswith("without compiled code: no progress for")


def test_python_knows_the_option(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(SuiteError, match="^compile: there is no C"):
        run(tiny.write(tmp_path), out=tmp_path / "out", device="cpu", compile=True)
    assert not (tmp_path / "out").exists()
