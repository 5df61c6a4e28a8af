"""What is published holds no path of a machine and no name of its user."""

import json
import platform
from dataclasses import replace

import pytest

from grokbench.records import Outcome, Skip, Timing, Use
from grokbench.records.published import Published
from grokbench.store import Store
from grokbench.text.private import paths_in, without_place, without_private

from .helpers.command_messages import one_sentence
from .helpers.stored_runs import CELLS, MANIFEST, RECIPE, a_run, opened
from .helpers.tiny import grokbench

TRACEBACK = r"""Traceback (most recent call last):
  File "/home/ann.lee/GrokBench/grokbench/engine/loop.py", line 12, in _step
    self.data = open("/home/ann.lee/my data/own.npz")
  File "/home/ann.lee/.venv/lib/python3.11/site-packages/torch/nn/modules/linear.py", line 3, in forward
  File "C:\Users\bob\Python311\Lib\site-packages\numpy\core.py", line 3, in dot
  File "/home/ann.lee/secret/mine.py", line 3, in trouble
  File "<frozen importlib._bootstrap>", line 1, in load
grokbench_plugins_0123456789ab.mine.Trouble: no /scratch/secret/a.pt, '/srv/secret', C:\\Users\\bob\\z, \\nas\secret\z,
~/secret/z, file:///home/ann.lee/q.npz, PATH=/secret:/home/bob/secret '\n/home/bob/secret' ../../secret/x
(/home/ann.lee) for ann.lee on anns-laptop; see https://pytorch.org/docs/stable, 3 replicas/s, a / b, x/y
"""
CLEAN = r"""Traceback (most recent call last):
  File "grokbench/engine/loop.py", line 12, in _step
    self.data = open("<path>/own.npz")
  File "<python>/site-packages/torch/nn/modules/linear.py", line 3, in forward
  File "<python>/site-packages/numpy/core.py", line 3, in dot
  File "mine.py", line 3, in trouble
  File "<frozen importlib._bootstrap>", line 1, in load
mine.Trouble: no <path>/a.pt, '<path>', <path>, <path>,
<path>, <path>/q.npz, PATH=<path>:<path> '\n<path>' <path>
(<path>) for <user> on <user>; see https://pytorch.org/docs/stable, 3 replicas/s, a / b, x/y
"""
PRIVATE = ("ann.lee", "anns-laptop", "secret", "/home", "/scratch", "bob", "0123456789ab")


@pytest.fixture(autouse=True)
def _machine(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "anns-laptop.uni.example")
    monkeypatch.setenv("USER", "ann.lee")
    monkeypatch.setenv("HOME", "/home/ann.lee")


def test_a_traceback_keeps_what_helps_and_loses_what_is_private():
    assert without_private(TRACEBACK) == CLEAN
    assert without_private(CLEAN) == CLEAN and list(paths_in(CLEAN)) == []
    assert {"/scratch/secret/a.pt,", "/srv/secret", "/home/ann.lee)"} <= set(paths_in(TRACEBACK))


def test_a_home_with_a_space_and_a_short_or_common_name(monkeypatch):
    monkeypatch.setenv("HOME", "/data/ann lee/home of ann")
    assert without_private("No file /data/ann lee/home of ann/x here.") == "No file <path> here."
    monkeypatch.setenv("USER", "root")
    assert without_private("a square root by root") == "a square root by root"


@pytest.mark.parametrize(
    "path", ["/home/ann lee/lab/x.npz", "/mnt/home/ann b. lee/x.npz", "/Users/Ann Lee/x.npz", r"C:\Users\Ann Lee\x.npz"]
)
def test_the_home_of_another_user_may_hold_spaces(path):
    assert without_private(f"cannot open {path} of a run") == "cannot open <path>/x.npz of a run"


def test_a_long_text_is_cleaned_in_no_time():
    for text in ("/", "'/", " \n", 'File "', "~/", "../", "\\\\", "C:\\", "a/", "/home/"):
        without_private(text * 3000)  # a quadratic pattern would take minutes


def planted(folder, recipe=RECIPE):
    """A results folder in which every text that can be private is."""
    words = "Made by ann.lee in /home/ann.lee/secret on anns-laptop"
    cells = (replace(CELLS[0], recipe=recipe), CELLS[1])
    published = Published(words, {"xor": {"baseline": 3.0}})
    manifest = replace(
        MANIFEST, cells=cells, description=words, skipped=(Skip("xor", "other", words),), published=published
    )
    with Store.open(folder, manifest) as store:
        store.save(a_run(provenance={"cpu": "Abacus", "data": {"folder": "/home/ann.lee/secret"}, "by": ["ann.lee"]}))
        store.save(a_run(seed=1001, outcome=Outcome.FAILED, error=TRACEBACK))
        store.save_timing(Timing(CELLS[0].identity, (0.1,), {"log": "/home/bob/secret/log"}))
    (folder / "secret.txt").write_text("came along")
    return folder


def test_a_pack_holds_nothing_private_and_says_what_it_holds(tmp_path):
    done = grokbench("pack", planted(tmp_path / "runs"), "--out", tmp_path / "packed")
    assert done.status == 0, done.err
    files = {file.name: file.read_text() for file in (tmp_path / "packed").iterdir()}
    assert sorted(files) == sorted(
        ["manifest.json", "outcomes.jsonl", "curves.jsonl", "timings.jsonl", "ledger.jsonl", "leaderboard.md"]
    )
    assert not [(name, word) for name, text in files.items() for word in PRIVATE if word in text]
    assert Store.load(tmp_path / "packed").runs()[1].error == CLEAN
    first, second, third, last = done.out.splitlines()
    assert first.startswith("Published: manifest.json ") and all(f"{name} " in first for name in files)
    assert second == "2 replicas, 1 failed. About the machine: cpu Abacus."
    assert third == "Paths and names of users are removed from tracebacks and from the suite's texts."
    assert str(tmp_path / "packed") in last
    assert Store.load(tmp_path / "runs").runs()[1].error == TRACEBACK  # the user keeps all of it


def test_a_path_in_a_recipe_is_published_only_on_demand(tmp_path):
    folder = planted(tmp_path / "runs", replace(RECIPE, task=Use("xor", {"file": "/home/ann.lee/x.npz"})))
    said = "would publish the path '/home/ann.lee/x.npz' in manifest.json"
    one_sentence(
        grokbench("pack", folder, "--out", tmp_path / "packed"),
        said,
        "it is in a recipe or a label",
        "Pack with --keep-paths if others",
    )
    assert not (tmp_path / "packed").exists()
    assert grokbench("pack", folder, "--out", tmp_path / "packed", "--keep-paths").status == 0


def test_tables_hold_nothing_private(tmp_path):
    assert grokbench("export", planted(tmp_path / "runs"), "--out", tmp_path / "tables").status == 0
    text = "".join(file.read_text() for file in (tmp_path / "tables").iterdir())
    assert "replicas/s" in text and not [word for word in PRIVATE if word in text]


def test_a_report_names_its_folder_by_its_last_name():
    assert without_place("/home/ann.lee/runs/quick") == "quick" and without_place("runs/quick") == "runs/quick"


def test_an_error_that_is_no_unicode_is_kept(store):
    """A file name that is not UTF-8 becomes a lone surrogate in a message, which JSON cannot hold."""
    with Store.open(store.directory, MANIFEST) as live:
        live.save(a_run(outcome=Outcome.FAILED, error="no file caf\udce9 \N{GREEK SMALL LETTER ALPHA}"))
    (found,) = Store.load(store.directory).runs()
    assert found.error == "no file caf\\udce9 \N{GREEK SMALL LETTER ALPHA}"
    (file,) = store.directory.glob("runs/*/*.json")
    json.loads(file.read_bytes().splitlines()[0])


def test_empty_folders_of_checkpoints_are_removed(store):
    left = store.directory / "checkpoints" / "other" / "group.npz"
    for folder in (left.parent, store.checkpoints(CELLS[0])):
        folder.mkdir(parents=True)
    left.write_bytes(b"a state")
    opened(store.directory)
    assert left.exists() and not store.checkpoints(CELLS[0]).exists()
    left.unlink()
    opened(store.directory)
    assert not (store.directory / "checkpoints").exists()
