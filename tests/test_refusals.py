"""What was made unlike is refused or marked, where runs are added and where they are shown."""

import json
import shutil

import pytest

from grokbench.launchers.local import pool

from .helpers import tiny
from .helpers.result_folders import HERE, SEEDS, edit, edit_runs, make
from .helpers.tiny import grokbench, run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Results of the tiny suite; not to be written to."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "launch", tiny.launch_here)
        assert run(tiny.write(root), root / "out").status == 0
    return root / "out"


# ---- adding to a folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["manifest"]["execution"].update(device="cuda"), "device was 'cuda' and is now 'cpu'"),
        (lambda data: data["manifest"]["execution"].update(precision="float64"), "precision was 'float64' and is now"),
        (lambda data: data["manifest"]["execution"].update(engine=0), "engine was 0 and is now "),
        (lambda data: data["manifest"]["execution"].pop("engine"), "engine was None and is now "),
        (lambda data: data["manifest"].update(suite="other"), "suite was 'other' and is now 'tiny'"),
        (lambda data: data["manifest"].update(baseline="orthograd"), "baseline was 'orthograd' and is now 'baseline'"),
        (lambda data: data["manifest"].update(seeds=[0, 1]), "holds seeds for calibration, and these are"),
        (lambda data: data["manifest"].update(cells=[]), "has no cell in common with this one"),
        (lambda data: data.update(format=0), "has format 0, and this version of grokbench reads format"),
        (lambda data: data.update(format=99, manifest={}), "has format 99, and this version of grokbench reads format"),
    ],
)
def test_a_folder_of_something_else_is_not_written_to(trained, tmp_path, change, said):
    folder = shutil.copytree(trained, tmp_path / "out")
    edit(folder / "manifest.json", change)
    before = {file: file.read_bytes() for file in folder.rglob("*.json")}
    for options in ((), ("--rerun", "all"), ("--dry-run",)):
        done = run(tiny.write(tmp_path), folder, *options)
        assert (done.status, done.out) == (2, "")
        assert said in done.err and str(folder) in done.err and "another folder" in done.err
        assert len(done.err.strip().splitlines()) == 1
    assert {file: file.read_bytes() for file in folder.rglob("*.json")} == before


@pytest.mark.parametrize("key", ["torch", "grokbench", "device_name"])
def test_runs_made_elsewhere_are_told_when_others_are_added(trained, tmp_path, monkeypatch, key):
    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    folder = shutil.copytree(trained, tmp_path / "out")
    for file in sorted(folder.glob("runs/*/1000.json")):
        edit(file, lambda data: data["run"]["provenance"].update({key: "another"}))
    done = run(tiny.write(tmp_path), folder)
    assert done.status == 0
    assert f"Warning: {folder} holds runs made with {key} another, and here it is " in done.err
    assert "another folder (--out) keeps old and new runs apart" in done.err
    assert f"the runs were made with more than one {key}" in " ".join(done.out.split())


# ---- showing a folder


def notes(folder, regularizer):
    board = json.loads(grokbench("leaderboard", folder, "--format", "json").out)
    (row,) = [row for row in board["rows"] if row["regularizer"] == regularizer]
    return row, board["environment"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("device", "cuda"), ("device_name", "another"), ("precision", "float64"), ("torch", "2.8.0"), ("engine", 2)],
)
def test_a_method_and_a_baseline_made_unlike_are_marked(tmp_path, key, value):
    folder = make(tmp_path / "out")
    edit_runs(folder, "faster", **{key: value})
    row, environment = notes(folder, "faster")
    assert f"{key} differs from the baseline's on 8 seeds ({value}, not {HERE[key]}): compare with care" in row["notes"]
    assert environment[key] == [HERE[key], value]
    assert not any("differs" in note for note in notes(folder, "slower")[0]["notes"])
    assert f"the runs were made with more than one {key}" in grokbench("leaderboard", folder).out


def test_seconds_of_two_machines_are_marked(tmp_path):
    folder = make(tmp_path / "out")
    edit(folder / "timings/cfaster.json", lambda data: data["provenance"].update(machine="another"))
    row, _ = notes(folder, "faster")
    assert "seconds were not measured on the baseline's machine or device: do not compare them" in row["notes"]
    assert row["seconds_speedup"] is None


@pytest.mark.parametrize(("name", "value", "other"), [("budget", 300, 200), ("evaluate_every", 4, 2)])
def test_another_budget_or_cadence_is_not_compared(tmp_path, name, value, other):
    folder = make(tmp_path / "out")
    edit(folder / "manifest.json", lambda data: data["manifest"]["cells"][1].update({name: value}))
    row, _ = notes(folder, "faster")
    said = f"no comparison: {name} is {value} here and {other} for the baseline, and they have to be the same"
    assert said in row["notes"] and row["speedup"] is row["p_sign_flip"] is row["p_holm"] is None


def test_a_seed_that_one_of_a_pair_lacks_is_not_compared(tmp_path):
    folder = make(tmp_path / "out")
    (folder / f"runs/cfaster/{SEEDS[3]}.json").unlink()
    row, _ = notes(folder, "faster")
    assert row["speedup"] is None and "incomplete: 0 of 8 seeds failed, 1 not run yet" in row["notes"]
