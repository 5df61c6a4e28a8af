"""Messages are for people: with other words in every error of ours, exit statuses and the flow of commands stay."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from grokbench.errors import GrokbenchError
from grokbench.launchers.interface import Measurement
from grokbench.launchers.limits import TimeLimits
from grokbench.launchers.local import pool
from grokbench.launchers.signals import PendingSignal

from .helpers import result_folders, tiny

BROKEN = """\
from grokbench.errors import PluginError

raise PluginError("not on this machine")
"""
REFUSING = tiny.PLUGIN.replace('raise RuntimeError("boom in training")', 'raise PluginError("not here")').replace(
    "from grokbench import", "from grokbench.errors import PluginError\nfrom grokbench import"
)
MISTAKES = {
    "no such suite": ("run", "no_such_suite"),
    "a wrong suite": ("validate", "{wrong}"),
    "no such folder": ("leaderboard", "{nowhere}"),
    "no such name": ("show", "nothing"),
    "no such plugin": ("check", "nothing"),
    "no such device": ("run", "{suite}", "--device", "tpu"),
    "nothing in common": ("compare", "{one}", "{another}"),
    "a broken plugin is left out": ("list", "tasks", "--plugin", "{broken}"),
    "a broken plugin": ("check", "{broken}"),
    "another suite's folder": ("power", "{suite}", "--out", "{one}"),
}


@pytest.fixture(params=["other words", "", "several\n\nlines: --seeds\nTraceback"])
def other_messages(request, monkeypatch):
    """Gives every error of ours another message."""
    return lambda: monkeypatch.setattr(GrokbenchError, "__str__", lambda error: request.param)


@pytest.mark.parametrize("name", MISTAKES)
def test_errors_in_other_words_have_the_same_exit_status(name, other_messages, tmp_path):
    places = {
        "one": result_folders.make(tmp_path / "one"),
        "another": _renamed(tmp_path / "another"),
        "nowhere": tmp_path / "nowhere",
        "suite": tiny.write(tmp_path, tiny.SUITE.replace("suite: tiny", "suite: other")),
        "wrong": tiny.write(tmp_path, "suite: [", "wrong.yaml"),
        "broken": tiny.write(tmp_path, BROKEN, "broken.py"),
    }
    words = [word.format(**places) for word in MISTAKES[name]]
    before = tiny.grokbench(*words)
    other_messages()
    after = tiny.grokbench(*words)
    assert (after.status, after.out) == (before.status, before.out)
    assert after.err.partition(" ")[0] == before.err.partition(" ")[0] in ("Error:", "Warning:")
    assert before.status == (0 if "left out" in name else 2)


def _renamed(folder):
    cell = replace(result_folders.a_cell("baseline"), task="other")
    return result_folders.make(folder, {"baseline": result_folders.BASELINE}, cells=[cell])


def test_a_run_whose_plugin_raises_goes_on_alike_in_other_words(other_messages, tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    mine = tiny.write(tmp_path, REFUSING, "mine.py")
    suite = tiny.write(tmp_path, tiny.with_methods("raises", "steady"))
    before = tiny.run(suite, tmp_path / "before", "--plugin", mine)
    other_messages()
    after = tiny.run(suite, tmp_path / "after", "--plugin", mine)
    assert after.status == before.status == 1
    assert tiny.outcomes(tmp_path / "after") == tiny.outcomes(tmp_path / "before")
    assert "parity / raises" in before.err and "parity / raises" in after.err
    assert tiny.run(suite, tmp_path / "after", "--plugin", mine).status == 1


def test_a_job_that_fails_without_words_fails():
    class Job(Measurement):
        def failed(self, error):
            yield f"failed: {error}"

    job = Job()
    process = SimpleNamespace(job=job, received=set(), clock=SimpleNamespace(used=0.0), take_job=lambda: job)
    some = pool.Pool([], TimeLimits(), PendingSignal())
    assert list(some._end(process, "")) == [(job, "failed: ")] and list(some._end(process, None)) == []
