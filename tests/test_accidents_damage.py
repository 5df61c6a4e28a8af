"""A damaged file of a results folder is named, counts as missing and is made again, or is refused with the way out."""

import json
import os

import pytest

from grokbench.io import json_lines

from .helpers.command_messages import one_sentence, status
from .helpers.tiny import files_of, grokbench, run


def other_replica(file):
    file.write_bytes(next(other for other in file.parent.iterdir() if other != file).read_bytes())


def endless(file):
    file.unlink()
    file.symlink_to("/dev/zero")


def pipe(file):
    file.unlink()
    os.mkfifo(file)


def out_of_the_folder(file):
    secret = file.parents[3] / "secret.json"
    secret.write_text('{"password": "xyzzy"}')
    file.unlink()
    file.symlink_to(secret)


def huge(file):
    os.truncate(file, 10 * 2**30)  # sparse


DAMAGE = {
    "truncated": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
    "not text": lambda file: file.write_bytes(b"\xff\xfe" * 500),
    "a list": lambda file: file.write_text("[1, 2, 3]\n{}\n"),
    "a number": lambda file: file.write_text("1e999\n"),
    "wrong types": lambda file: file.write_text(file.read_text().replace('"seed":', '"seed":"x","was":')),
    "deep": lambda file: file.write_text("[" * 200_000),
    "another replica": other_replica,
    "huge": huge,
    "endless": endless,
    "a pipe": pipe,
    "out of the folder": out_of_the_folder,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_replica_is_named_counted_as_missing_and_trained_again(suite, folder, damage, here):
    file = files_of(folder, "orthograd")[1]
    name, good = file.relative_to(folder).as_posix(), json.loads(file.read_text().splitlines()[0])["run"]
    DAMAGE[damage](file)
    first, *more = status(folder)
    assert first.endswith("1 missing.")
    assert more == [
        "  parity / orthograd: 1 of 3 damaged",
        f"{name} is damaged and counts as missing; `grokbench run` makes it again.",
    ]
    board = grokbench("leaderboard", folder)
    assert board.status == 0 and "xyzzy" not in board.out + board.err
    assert board.err == f"Warning: {name} is damaged and counts as missing; `grokbench run` makes it again.\n"
    if file.is_symlink():
        one_sentence(run(suite, folder), f"{file} is a link, and grokbench follows no link in {folder}")
        file.unlink()
    assert run(suite, folder).status == 0 and len(status(folder)) == 1
    again = json.loads(file.read_text().splitlines()[0])["run"]
    assert all(again[key] == good[key] for key in ("outcome", "grokked_at", "epochs", "final"))


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != "wrong types"])
def test_a_damaged_timing_is_measured_again(suite, folder, damage, here):
    file = sorted(folder.glob("timings/*.json"))[0]
    DAMAGE[damage](file)
    said = f"timings/{file.name} is damaged and counts as missing; `grokbench run` makes it again."
    assert status(folder)[1:] == ["  seconds per epoch not measured yet: parity", said]
    if file.is_symlink():
        one_sentence(run(suite, folder), f"{file} is a link, and grokbench follows no link in {folder}")
        file.unlink()
    assert run(suite, folder).status == 0 and len(status(folder)) == 1


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name not in ("wrong types", "another replica")])
def test_a_damaged_manifest_is_refused_and_the_runs_can_be_had_again(suite, folder, damage, here):
    DAMAGE[damage](folder / "manifest.json")
    for words in (["status", folder], ["leaderboard", folder], ["compare", folder, folder]):
        one_sentence(grokbench(*words), "manifest.json cannot be read (", "delete it and run the suite into")
    linked = (folder / "manifest.json").is_symlink()
    one_sentence(run(suite, folder), f"manifest.json {'is a link, and grokbench' if linked else 'cannot be read ('}")
    kept = {file: file.stat().st_ino for file in folder.glob("runs/*/*.json")}
    (folder / "manifest.json").unlink()
    assert run(suite, folder).status == 0
    assert {file: file.stat().st_ino for file in folder.glob("runs/*/*.json")} == kept
    assert len(status(folder)) == 1


def test_a_manifest_that_leads_out_of_the_folder(folder):
    manifest = folder / "manifest.json"
    identity = json.loads(manifest.read_text())["manifest"]["cells"][0]["identity"]
    manifest.write_text(manifest.read_text().replace(identity, "../../../etc"))
    one_sentence(grokbench("status", folder), "'../../../etc' cannot name a file in")


def test_a_line_longer_than_any_of_ours_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(json_lines, "LONGEST", 100)
    one_sentence(grokbench("status", folder), "bytes, expected at most 100). Put back")
