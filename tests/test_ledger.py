"""The ledger of a results folder: what was declared and judged before decides over the families of comparisons."""

import json
from dataclasses import replace

import pytest

from grokbench.errors import StoreError
from grokbench.io import atomic
from grokbench.records import Declaration, Ledger, Look
from grokbench.records.families import families
from grokbench.store import Store
from grokbench.store.ledger import declare, read_ledger

from .helpers.stored_runs import CELLS, MANIFEST, a_run, opened

LOOK = Look(2, {"cbaseline": 2, "cgrokalign": 2})
ANOTHER = replace(CELLS[1], regularizer="another", identity="canother")
THIRD = replace(CELLS[1], regularizer="third", identity="cthird")


def declared(*cells):
    return Declaration.of(replace(MANIFEST, cells=(CELLS[0], *cells)))


def members(*events, cells=(CELLS[1],)):
    found = families(Ledger(events), replace(MANIFEST, cells=(CELLS[0], *cells)))
    return [sorted(method for method, _ in family) for family in found.members]


def test_a_folder_without_a_ledger_has_the_family_of_its_manifest():
    assert members() == [["cgrokalign"]]
    assert members(cells=(CELLS[1], ANOTHER)) == [["canother", "cgrokalign"]]


def test_what_was_declared_before_a_replica_finished_stays_in_the_family():
    both = declared(CELLS[1], ANOTHER)
    assert members(both, LOOK) == [["canother", "cgrokalign"]]
    assert members(both, LOOK, declared(CELLS[1]), LOOK) == [["canother", "cgrokalign"]]


def test_a_declaration_under_which_nothing_finished_is_replaced():
    assert members(declared(CELLS[1], ANOTHER)) == [["cgrokalign"]]
    assert members(declared(CELLS[1], ANOTHER), Look(2, {"cbaseline": 2})) == [["cgrokalign"]]
    # a typo after the first look costs nothing either
    assert members(declared(CELLS[1]), LOOK, declared(CELLS[1], ANOTHER), LOOK) == [["cgrokalign"]]


def test_what_is_added_after_a_look_is_a_family_of_its_own():
    first, second = declared(CELLS[1]), (CELLS[1], ANOTHER)
    assert members(first, LOOK, declared(*second), cells=second) == [["cgrokalign"], ["canother"]]
    later = replace(LOOK, finished={**LOOK.finished, "canother": 1})
    third = (CELLS[1], ANOTHER, THIRD)
    events = first, LOOK, declared(*second), later, declared(*third)
    assert members(*events, cells=third) == [["cgrokalign"], ["canother", "cthird"]]


def test_another_label_is_the_same_comparison_and_other_settings_are_another():
    renamed, changed = replace(CELLS[1], regularizer="mine"), replace(CELLS[1], identity="cstronger")
    assert members(declared(CELLS[1]), LOOK, declared(renamed), cells=(renamed,)) == [["cgrokalign"]]
    assert members(declared(CELLS[1]), LOOK, declared(changed), cells=(changed,)) == [["cgrokalign"], ["cstronger"]]


def test_two_labels_of_a_recipe_count_once_and_a_copy_of_the_baseline_not_at_all():
    twin, copy = replace(CELLS[1], regularizer="twin"), replace(CELLS[0], regularizer="copy")
    assert members(cells=(CELLS[1], twin, copy)) == [["cgrokalign"]]


def test_a_folder_remembers_what_was_declared_and_what_had_finished(tmp_path):
    store = opened(tmp_path)
    with Store.open(tmp_path, MANIFEST):
        store.save(a_run(CELLS[1]))
        store.look()
        store.look()  # nothing new
    opened(tmp_path)
    assert read_ledger(tmp_path).events == (Declaration.of(MANIFEST), Look(2, {"cgrokalign": 1}))
    assert json.loads((tmp_path / "ledger.jsonl").read_text().splitlines()[0])["event"] == "declaration"


def test_the_runs_of_a_killed_process_and_of_an_earlier_version_are_entered_by_the_next(tmp_path):
    store = opened(tmp_path)
    store.save(a_run(CELLS[1]))
    (tmp_path / "ledger.jsonl").unlink()
    opened(tmp_path, replace(MANIFEST, cells=(CELLS[0], ANOTHER)))
    assert [type(event) for event in read_ledger(tmp_path).events] == [Declaration, Look, Declaration]
    assert Store.load(tmp_path).manifest.withdrawn == (CELLS[1],)


def test_a_process_killed_between_ledger_and_manifest_has_changed_no_family(tmp_path, monkeypatch):
    store = opened(tmp_path)
    store.save(a_run(CELLS[1]))
    fewer = replace(MANIFEST, cells=(CELLS[0], ANOTHER))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(atomic, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        opened(tmp_path, fewer)
    assert Store.load(tmp_path).manifest.cells == MANIFEST.cells and read_ledger(tmp_path).declared.cells[1:]
    opened(tmp_path, fewer)
    found = families(read_ledger(tmp_path), Store.load(tmp_path).manifest)
    assert [list(family.values()) for family in found.members] == [["xor / grokalign"], ["xor / another"]]


@pytest.mark.parametrize("torn", [b'{"event": "look", "see', b"\xff"])
def test_a_torn_last_line_counts_as_not_written_and_the_next_takes_its_place(tmp_path, torn):
    store, file = opened(tmp_path), tmp_path / "ledger.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + torn)
    assert read_ledger(tmp_path).events == (Declaration.of(MANIFEST),)
    store.save(a_run(CELLS[1]))
    store.look()
    assert file.read_bytes().startswith(whole) and len(read_ledger(tmp_path).events) == 2
    file.write_bytes(file.read_bytes().rstrip())  # by an editor: a whole line stays
    store.save(a_run(CELLS[1], seed=1001))
    store.look()
    assert len(read_ledger(tmp_path).events) == 3


@pytest.mark.parametrize(
    "line", [b"x", b"[]", b"{}", b'{"event": "look", "seeds": -1}', b'{"event": "other"}', b'{"event": "declaration"}']
)
def test_a_damaged_ledger_is_named_with_the_way_out(tmp_path, line):
    opened(tmp_path)
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(line + b"\n" + file.read_bytes())
    expected = (
        r"ledger.jsonl:1 cannot be read \(it is not a valid declaration or look\).*Put back a good copy of the file"
    )
    for use in (lambda: Store.load(tmp_path).history(), lambda: opened(tmp_path)):
        with pytest.raises(StoreError, match=expected):
            use()


def test_a_ledger_that_is_no_file_is_named(tmp_path):
    opened(tmp_path)
    (tmp_path / "ledger.jsonl").unlink()
    (tmp_path / "ledger.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"ledger.jsonl cannot be read \(it is a folder, a pipe or a device, expected"):
        Store.load(tmp_path).history()


def test_a_ledger_that_is_a_link_is_neither_read_nor_written(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("one-line secret")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "ledger.jsonl").symlink_to(secret)
    for use in (lambda: read_ledger(folder), lambda: declare(folder, MANIFEST)):
        with pytest.raises(StoreError, match="is a link, expected a file: put the ledger itself there"):
            use()
    assert secret.read_text() == "one-line secret"
