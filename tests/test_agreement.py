"""Workers on other machines must agree with the command on whatever numbers depend on."""

import socket
from dataclasses import replace

import pytest

from grokbench import engine
from grokbench.errors import PluginError
from grokbench.launchers.agreement import Agreement, DisagreementError, check, facts, versions
from grokbench.launchers.interface import Worker
from grokbench.plan import expand
from grokbench.suite import load_suite

from .helpers import tiny

WORKER = Worker("cpu", "float64", (), {})


@pytest.fixture
def cells(tmp_path, registry):
    return expand(load_suite(str(tiny.write(tmp_path))), registry, "float64", engine.REVISION)


@pytest.fixture
def expected(cells, registry):
    return facts(cells, registry)


def test_the_facts_are_versions_sources_and_settings(expected):
    for key in ("version torch", "version Python", "version engine", "variable MKL_CBWR", "plugin tasks.sparse_parity"):
        assert expected[key]
    assert "sha256" in expected["plugin tasks.sparse_parity"] and set(versions()) < set(expected)


def test_the_data_that_a_task_fetches_is_a_fact(cells, registry, monkeypatch):
    monkeypatch.setattr("grokbench.plan.cell_step", lambda cell, registry: _Step())
    assert facts(cells, registry)["data digits"] == "abc"


class _Step:
    metrics = {}

    class task:  # noqa: N801
        @staticmethod
        def fetch():
            from grokbench.data import note

            note("digits", "abc")


@pytest.mark.parametrize(
    ("key", "here", "said"),
    [
        ("version torch", "1.0", "it has torch 1.0 instead of "),
        ("version Python", "2.7", "install the same version there, and give the same command again"),
        ("variable MKL_CBWR", "AVX", "it has MKL_CBWR AVX instead of unset; give the variable the same value there"),
        ("plugin tasks.sparse_parity", "file x", "it has another source of tasks.sparse_parity; install the same sour"),
        ("data mnist", "def", "it has another content of the data set mnist; point $GROKBENCH_DATA there to a copy"),
    ],
)
def test_a_difference_names_what_differs_and_the_remedy(expected, monkeypatch, key, here, said):
    expected = {"variable MKL_CBWR": "unset", "data mnist": "abc", **expected}
    with pytest.raises(DisagreementError) as error:
        check(expected, {**expected, key: here})
    assert said in str(error.value) and "\n" not in str(error.value)


def test_what_a_worker_does_not_know_yet_is_not_compared(expected):
    check(expected, versions())


def test_a_worker_that_agrees_yields_nothing(cells, expected, registry):
    assert list(Agreement(cells, expected).run(WORKER, registry)) == []


def test_a_worker_with_another_source_is_refused_with_its_name(cells, expected, registry):
    job = Agreement(cells, {**expected, "plugin tasks.sparse_parity": "file other.py"})
    with pytest.raises(DisagreementError) as error:
        list(job.run(WORKER, registry))
    (notice,) = job.failed(str(error.value))
    assert notice.text.startswith(f"the worker on {socket.gethostname()} is refused: it has another source of tasks.")


def test_a_worker_without_a_plugin_is_refused(cells, expected, registry):
    without = replace(registry, tasks={})
    with pytest.raises(PluginError, match="no task 'sparse_parity'"):
        list(Agreement(cells, expected).run(WORKER, without))
