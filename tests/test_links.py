"""Links that came with a folder: no command writes, moves or deletes anything through them."""

import os
import shutil

import pytest

from grokbench.errors import StoreError
from grokbench.io import atomic, links
from grokbench.observers.tensorboard import Log
from grokbench.records import Planned
from grokbench.report import html
from grokbench.report.charts import files
from grokbench.store import Store

from .helpers.command_messages import one_sentence
from .helpers.stored_runs import CELLS, MANIFEST, a_run, opened
from .helpers.tiny import grokbench, run


@pytest.fixture
def outside(tmp_path):
    """A folder with a file of the user, to which links lead."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    yield elsewhere
    assert [file.name for file in elsewhere.iterdir()] == ["precious"]
    assert (elsewhere / "precious").read_text() == "mine"


def contents(folder):
    """Every path below a folder, with the content of its files and the target of its links."""
    return {
        path: os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def plant(path, target):
    """Put a link in place of a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target, target_is_directory=target.is_dir())


COMMANDS = {
    "report.html": ("report",),
    "figures": ("plot", "survival", "--format", "svg"),
    "figures/survival-parity.svg": ("plot", "survival", "--format", "svg"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("target", ["precious", "nothing"])
def test_a_default_output_follows_no_link(folder, outside, name, target):
    command, *rest = COMMANDS[name]
    plant(folder / name, outside if name == "figures" else outside / target)
    before = contents(folder)
    one_sentence(
        grokbench(command, folder, *rest),
        f"{folder / name} is a link, and grokbench follows no link in {folder} that you did not name: delete the link",
    )
    assert contents(folder) == before


def test_a_folder_is_named_with_a_link_and_an_output_too(folder, tmp_path, monkeypatch):
    """Both are the user's words, and are followed."""
    monkeypatch.setattr(files, "rendered", lambda specification, format: b"a drawing")
    monkeypatch.setattr(html, "document", lambda evidence: "a page")
    (tmp_path / "named").symlink_to(folder)
    (tmp_path / "page.html").symlink_to(tmp_path / "target.html")
    (tmp_path / "figures").symlink_to(tmp_path / "drawn")
    (tmp_path / "drawn").mkdir()
    assert grokbench("report", tmp_path / "named").status == 0 and (folder / "report.html").exists()
    assert grokbench("report", folder, "--out", tmp_path / "page.html").status == 0
    assert (tmp_path / "page.html").is_symlink() and (tmp_path / "target.html").read_text() == "a page"
    assert grokbench("plot", folder, "survival", "--format", "svg", "--out", tmp_path / "figures").status == 0
    assert list((tmp_path / "drawn").iterdir())


RUN_FILES = ("manifest.json", "ledger.jsonl", ".lock", "runs", "timings", "superseded", "checkpoints", "weights")


@pytest.mark.parametrize("name", [*RUN_FILES, *(f"{each}/c0ffee" for each in RUN_FILES[3:]), "runs/c0ffee/1000.json"])
@pytest.mark.parametrize("target", ["", "precious", "nothing"])
def test_a_run_into_a_folder_with_a_link_is_refused_before_it_begins(store, outside, name, target):
    plant(store.directory / name, outside / target)
    before = contents(store.directory)
    with pytest.raises(StoreError, match=f"{name} is a link, (and grokbench follows no|expected a file)"):
        opened(store.directory)
    assert contents(store.directory) == before


def test_the_command_says_so_with_the_status_of_wrong_input(suite, folder, outside):
    plant(folder / "runs", outside)
    one_sentence(run(suite, folder), f"{folder / 'runs'} is a link, and grokbench follows no link in {folder}")


@pytest.mark.parametrize("default", [("pack", "results"), ("export", "exports")])
def test_a_new_folder_is_not_made_behind_a_link(folder, outside, monkeypatch, default):
    command, parent = default
    monkeypatch.chdir(folder)
    plant(folder / parent, outside)
    one_sentence(grokbench(command, "."), f"{parent} is a link, and grokbench follows no link in . that you did not")


def test_links_that_appear_during_a_run_are_not_followed(store, outside):
    """Saving, superseding and forgetting go through them in no case."""
    with Store.open(store.directory, MANIFEST) as live:
        live.save(a_run())
        for name, use in (
            ("runs/cbaseline", lambda: live.save(a_run(CELLS[0], 1001))),
            ("superseded", lambda: live.supersede(CELLS[0].identity, 1000)),
            ("timings", lambda: atomic.write(live.layout.timing("c"), b"", live.directory)),
            ("checkpoints", lambda: atomic.remove(live.checkpoints(CELLS[0]) / "precious", live.directory)),
        ):
            kept = store.directory / "kept"
            if (store.directory / name).exists():
                (store.directory / name).rename(kept)
            plant(store.directory / name, outside)
            with pytest.raises(StoreError, match=f"{name} is a link, and grokbench follows no link"):
                use()
            (store.directory / name).unlink()
            if kept.exists():
                kept.rename(store.directory / name)


def test_a_temporary_file_is_never_one_that_is_there(tmp_path, outside, monkeypatch):
    monkeypatch.setattr(os, "urandom", bytes)
    planted = tmp_path / f".file.{os.getpid()}.{bytes(4).hex()}.tmp"
    planted.symlink_to(outside / "precious")
    with pytest.raises(StoreError, match=r"file cannot be written \(File exists\)"):
        atomic.write(tmp_path / "file", b"new")


@pytest.mark.parametrize("path", ["../elsewhere/precious", "sub/../../elsewhere/precious"])
def test_no_path_leads_out_of_a_folder(store, outside, path):
    with pytest.raises(StoreError, match="leads out of .*: choose another place"):
        atomic.write(store.directory / path, b"new", store.directory)
    with pytest.raises(StoreError, match="leads out of"):
        links.refuse(outside, store.directory)


@pytest.mark.parametrize("linked", ["tensorboard", "tensorboard/xor", "tensorboard/xor/baseline/1000/.part"])
def test_logs_are_not_written_through_links(tmp_path, outside, linked):
    log = Log("")
    log.begin(Planned(MANIFEST, (), (), tmp_path))
    plant(tmp_path / linked, outside / "precious" if linked.endswith("part") else outside)
    with pytest.raises(OSError, match=f"{linked} is a link: delete it, or choose a folder"):
        log.write(a_run(), CELLS[0])


def test_a_search_follows_no_link(folder, outside, tmp_path, suite):
    """Its record, and the results folders of its trials."""
    for name in ("search.json", "trials-1"):
        search = tmp_path / name.partition(".")[0]
        plant(search / name, outside / "nothing" if name == "search.json" else outside)
        done = grokbench("tune", suite, "--out", search, "--n-trials", 2)
        one_sentence(done, f"{search / name} is a link, and grokbench follows no link in {search}")
