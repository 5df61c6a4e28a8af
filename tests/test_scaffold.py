"""What `grokbench new` writes works as it is: its tests pass, a suite runs with it, a package of it installs."""

import importlib
import io
import json
import os
import shlex
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
import yaml

from grokbench import random, testing
from grokbench.scaffold import write
from grokbench.tasks.modular_addition import modular_addition

from .helpers import tiny
from .helpers.tiny import grokbench, run
from .test_scaffold_refusals import refused

KINDS = {
    "regularizer": "brand_new_method",
    "task": "brand_new_task",
    "metric": "brand_new_metric",
    "observer": "brand_new_observer",
}


@pytest.fixture(autouse=True)
def _here(here, quick_check):
    """Jobs are done in this process; costs are printed, and nothing here depends on how precise they are."""


def new(folder, kind, *options):
    """A plugin of this kind, written into a folder."""
    done = grokbench("new", kind, KINDS[kind], "--out", folder, *options)
    assert (done.status, done.err) == (0, "")
    return done.out


def pytest_says(folder, *options):
    """What pytest prints about the tests in a folder, as a user without a configuration runs it."""
    printed, plain = io.StringIO(), ["-q", "-c", os.devnull, "-p", "no:cacheprovider", "--rootdir", str(folder)]
    with redirect_stdout(printed), patch.object(sys, "path", [*sys.path]):
        pytest.main([str(folder), *plain, *options])
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]
    return printed.getvalue()


# ---- what is written works


@pytest.mark.parametrize(
    ("kind", "passed"),
    [
        ("regularizer", "23 passed, 7 skipped"),
        ("task", "21 passed"),
        ("metric", "17 passed"),
        ("observer", "9 passed"),
    ],
)
def test_the_written_tests_pass(tmp_path, kind, passed):
    new(tmp_path, kind)
    assert pytest_says(tmp_path).splitlines()[-1].startswith(f"{passed} in ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_suite_runs_with_it(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    new(tmp_path, kind)
    name = KINDS[kind]
    suites = {
        "regularizer": tiny.with_methods(name),
        "task": tiny.SUITE.replace("use: sparse_parity, bits: 8, width: 8", f"use: {name}, signs: 4, width: 8"),
        "metric": f"{tiny.SUITE}metrics:\n  {name}: {{}}\n",
        "observer": tiny.SUITE,
    }
    log = ("--log", name) if kind == "observer" else ()
    done = run(tiny.write(tmp_path, suites[kind]), tmp_path / "out", "--plugin", tmp_path / f"{name}.py", *log)
    assert done.status == 0, done.err
    if kind == "observer":
        assert len((tmp_path / "replicas.txt").read_text().splitlines()) == 6
        return
    assert name in (done.out if kind == "regularizer" else (tmp_path / "out/manifest.json").read_text())


def test_the_task_is_memorised_before_it_is_found(tmp_path):
    new(tmp_path, "task")
    suite = tiny.write(tmp_path, write.suite("task", KINDS["task"]))
    options = "--plugin", tmp_path / f"{KINDS['task']}.py", "--num-seeds", "3", "--regularizer", "baseline"
    done = run(suite, tmp_path / "out", *options)
    assert done.status == 0, done.err
    (row,) = json.loads(grokbench("leaderboard", tmp_path / "out", "--format", "json").out)["rows"][:1]
    assert row["grokked"] == 3 and row["delay"] > 20


@pytest.mark.parametrize("kind", ["task", "metric"])
def test_the_suite_that_is_printed_is_sound(tmp_path, kind):
    said = new(tmp_path, kind)
    text = said[said.index("suite: ") :]
    assert set(yaml.safe_load(text)) >= {"suite", "seeds", "baseline", "tasks", "regularizers"}
    done = grokbench("validate", tiny.write(tmp_path, text), "--plugin", tmp_path / f"{KINDS[kind]}.py")
    assert done.status == 0 and "sound; 2 cells, 8 seeds" in done.out, done.err


def test_the_next_steps_are_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert grokbench("new", "regularizer", "brand_new_method").out == (
        "Wrote brand_new_method.py\n"
        "Wrote test_brand_new_method.py\n"
        "\n"
        "The example works as it is. Replace its code and its last test by your own; then:\n"
        "\n"
        "check it:    grokbench check brand_new_method.py\n"
        "test it:     pytest test_brand_new_method.py\n"
        "run it:      grokbench run quick --plugin brand_new_method.py --with brand_new_method\n"
    )
    said = grokbench("new", "regularizer", "brand_new_method", "--package", "--out", "my work").out
    assert "pip install -e './my work/grokbench-brand-new-method[test]'\n" in said
    assert "grokbench check brand_new_method\n" in said
    assert "pytest 'my work/grokbench-brand-new-method'\n" in said
    assert "grokbench run quick --with brand_new_method\n" in said


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_run_command_works(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    said = new(Path("my work"), kind)
    if kind in ("task", "metric"):
        tiny.write(tmp_path, said[said.index("suite: ") :], f"{KINDS[kind]}.yaml")
    (line,) = [line for line in said.splitlines() if line.startswith("run it:")]
    command = shlex.split(line.partition("    with")[0])[3:]
    done = grokbench(*command, "--dry-run", "--device", "cpu")
    assert done.status == 0 and " left to train in " in done.out, done.err


# ---- its tests can fail


@pytest.mark.parametrize(
    ("kind", "before", "after", "asked", "failed"),
    [
        ("regularizer", "gain * (g - m[name])", "gain * m[name]", "hand", "test_its_equation_by_hand"),
        ("regularizer", '{"gain": 0.0}', '{"gain": 1.0}', "neutral", "test_it_conforms[brand_new_method-neutral]"),
        ("task", "inputs[:, 1])", "inputs[:, 2])", "hand", "test_its_labels_by_hand"),
        ("metric", ".mean()", ".sum()", "hand", "test_its_equation_by_hand"),
        ("observer", "begin=partial(begin, file=file), ", "", "writes", "test_what_it_writes"),
        ("observer", "run.outcome", "run.final['loss']", "events", "test_it_conforms[brand_new_observer-events]"),
        ("metric", "splits=(split,), ", "", "withheld", "test_it_conforms[brand_new_metric-withheld_data]"),
    ],
)
def test_a_fault_fails_the_test_that_is_about_it(tmp_path, kind, before, after, asked, failed):
    new(tmp_path, kind)
    file = tmp_path / f"{KINDS[kind]}.py"
    source = file.read_text()
    assert before in source
    file.write_text(source.replace(before, after))
    said = pytest_says(tmp_path, "-k", asked)
    (failure,) = [line for line in said.splitlines() if line.startswith("FAILED ")]
    assert failure.split(" - ")[0].endswith(f"/test_{KINDS[kind]}.py::{failed}")


def test_the_standpoint_of_a_phase():
    task = modular_addition(modulus=5, width=3, batch_size=4)
    at, other = testing.standpoint(task), testing.standpoint(task, seed=1)
    assert list(at.params) == ["weight1", "weight2"] and at.batch.inputs.shape == (4, 10)
    assert (int(at.step), int(at.epoch), at.lr, at.weight_decay) == (0, 0, 1e-3, 1.0)
    assert at.outputs.dtype == torch.float64 and torch.equal(at.outputs, at.forward(at.batch.inputs))
    elsewhere = {name: (2.0 * p).requires_grad_() for name, p in at.params.items()}
    loss = task.loss(task.forward(elsewhere, at.batch.inputs), at.batch.targets)
    for found, expected in zip(
        at.grad_at(elsewhere).values(), torch.autograd.grad(loss, elsewhere.values()), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    key = random.fold(random.key(1), "task")
    assert torch.equal(other.params["weight1"], task.init(key)["weight1"])
    assert torch.equal(other.batch.inputs, task.splits(key)["train"].inputs[:4])
    local = testing.linearized(task, at)
    assert torch.equal(local.outputs, at.outputs) and list(local.hidden) == ["hidden1"]
    assert not torch.equal(at.params["weight1"], other.params["weight1"]) and int(at.key) != int(other.key)


def test_the_questions_of_a_shipped_plugin_have_its_name():
    from grokbench.regularizers import grokfast

    names = [question.rpartition("-")[0] for question in testing.questions_of(grokfast)]
    assert set(names) == {"grokfast_ema", "grokfast_ma"}


# ---- a package


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A new metric as a package, with the metadata that an installation has."""
    new(tmp_path, "metric", "--package")
    project = tmp_path / "grokbench-brand-new-metric"
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    metadata = tmp_path / "site" / "grokbench_brand_new_metric-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    lines = [f"{name} = {module}" for name, module in about["entry-points"]["grokbench"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[grokbench]", *lines]))
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(project / "src")
    importlib.invalidate_caches()
    yield project
    sys.modules.pop("grokbench_brand_new_metric", None)


def test_an_installed_package_is_listed_checked_and_tested(installed):
    listed = grokbench("list", "metrics").out
    (line,) = [line for line in listed.splitlines() if "brand_new_metric" in line]
    assert line.endswith("package grokbench-brand-new-metric 0.1.0")
    checked = grokbench("check", "brand_new_metric")
    assert checked.status == 0 and checked.out.endswith("16 passed, 0 failed, 0 not applicable\n")
    assert "2 passed" in pytest_says(installed, "-k", "hand or rotation")


def test_a_package_holds_what_it_says(installed):
    files = {str(file.relative_to(installed)) for file in installed.rglob("*") if file.is_file()}
    assert files == {
        "pyproject.toml", "README.md", ".gitignore", ".github/workflows/check.yml",
        "src/grokbench_brand_new_metric/__init__.py", "tests/test_brand_new_metric.py",
    }  # fmt: skip
    about = tomllib.loads((installed / "pyproject.toml").read_text())["project"]
    assert about["description"] == "brand_new_metric, a metric for GrokBench."
    assert about["requires-python"] == ">=3.11" and about["dependencies"] == ["grokbench"]
    assert about["optional-dependencies"]["test"] == ["pytest>=8"]
    (job,) = yaml.safe_load((installed / ".github/workflows/check.yml").read_text())["jobs"].values()
    steps = [step.get("run") for step in job["steps"]]
    assert write._filled("package/README.md", "observer", "x").count("An observer for GrokBench") == 1
    assert steps[-3:] == ['python -m pip install ".[test]"', "grokbench check brand_new_metric", "pytest"]
    assert not any("new_kind" in (installed / file).read_text() for file in files)
    readme = (installed / "README.md").read_text()
    assert "A metric for GrokBench" in readme and "grokbench check brand_new_metric " in readme


def test_a_name_that_a_package_has_is_taken(installed, tmp_path):
    said = refused(tmp_path, "regularizer", "brand_new_metric")
    assert "there is a metric 'brand_new_metric' already (package grokbench-brand-new-metric 0.1.0)" in said


def test_a_template_is_named_in_no_way_but_by_its_placeholder():
    templates = Path(write.__file__).parents[1] / "templates"
    for kind in KINDS:
        text = (templates / f"{kind}.py").read_text()
        assert text.count("new_name") == 2  # the factory, and what the hook yields
