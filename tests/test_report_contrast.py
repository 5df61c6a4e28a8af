"""`grokbench compare A B`: what differs is said first, and only like is tested against like."""

import json
import shutil
from dataclasses import replace

import pytest

from grokbench.commands import results
from grokbench.records import Origin, Use
from grokbench.report.text import folder_comparison

from .helpers import result_folders, tiny
from .helpers.result_folders import BASELINE, FASTER, SEEDS, a_cell, make, recipe_of
from .helpers.tiny import grokbench


def compared(a, b):
    """The json, after a look at the exit status."""
    done = grokbench("compare", a, b, "--format", "json")
    assert (done.status, done.err) == (0, "")
    return json.loads(done.out)


def mine(*digests):
    """The origin of a plugin file, with a digest of each version."""
    return Origin("file", "mine.py", digests=dict(enumerate(digests, 1)))


def cell_of(found, regularizer):
    (cell,) = [cell for cell in found["cells"] if cell["regularizer"] == regularizer]
    return cell


@pytest.fixture
def a(tmp_path):
    return make(tmp_path / "a")


def test_a_folder_and_its_copy_are_equal_everywhere(a, tmp_path):
    shutil.copytree(a, tmp_path / "b")
    found = compared(a, tmp_path / "b")
    assert found["differences"] == [] and found["unlike"] == []
    for cell in found["cells"]:
        assert (cell["seeds"], cell["differing"], cell["ratio"], cell["p"]) == (8, [], 1.0, 1.0)
    assert [cell["agree"] for cell in found["cells"]] == [None, True, True]
    text = grokbench("compare", a, tmp_path / "b").out
    assert "made alike" in text and "24 of 24 replicas are equal in both. 2 of 2 conclusions agree." in text


def test_seeds_that_differ_are_counted_with_how_much(a, tmp_path):
    b = make(tmp_path / "b", {"baseline": BASELINE, "faster": [*FASTER[:6], 100, None], "slower": BASELINE})
    cell = cell_of(compared(a, b), "faster")
    assert cell["differing"] == [
        {"seed": 1006, "outcomes": ["grokked", "grokked"], "epochs": [90.0, 100.0]},
        {"seed": 1007, "outcomes": ["grokked", "censored"], "epochs": [80.0, 200.0]},
    ]
    text = grokbench("compare", a, b).out
    (line,) = [line for line in text.splitlines() if line.startswith("faster ")]
    assert "6/8" in line and "120 (150%)" in line
    assert "faster: seed 1007 grokked in A and censored in B" in text


def test_the_paired_ratio_and_its_p_by_hand(tmp_path):
    cells = [replace(a_cell(label), evaluate_every=1) for label in ("baseline", "faster")]  # so every time is exact
    halves = [epochs // 2 for epochs in BASELINE]
    a = make(tmp_path / "a", {"baseline": BASELINE, "faster": FASTER}, cells)
    b = make(tmp_path / "b", {"baseline": halves, "faster": FASTER}, cells)
    cell = cell_of(compared(a, b), "baseline")
    assert (
        "baseline: A takes 2.00x [2.00, 2.00] the epochs of B (paired by seed, sign flip p = 0.0078)"
        in grokbench("compare", a, b).out
    )
    assert cell["ratio"] == pytest.approx(2) and cell["ratio_low"] == pytest.approx(2)
    assert cell["p"] == 2 / 2**8  # every flip but none and all is less extreme


def test_seeds_that_did_not_grok_make_the_ratio_a_bound(a, tmp_path):
    b = make(tmp_path / "b", {"baseline": BASELINE, "faster": [None, *FASTER[1:]], "slower": [190] * 8})
    found = compared(a, b)
    assert [cell_of(found, name)["bound"] for name in ("baseline", "faster", "slower")] == [None, "upper", "lower"]
    assert "faster: A takes <= " in grokbench("compare", a, b).out


def test_conclusions_that_differ_are_named(a, tmp_path):
    b = make(tmp_path / "b", {"baseline": BASELINE, "faster": [2 * epochs for epochs in FASTER], "slower": FASTER})
    found = compared(a, b)
    assert cell_of(found, "slower")["conclusions"] == ["slower", "faster"] and not cell_of(found, "slower")["agree"]
    text = grokbench("compare", a, b).out
    assert "  slower | faster\n" in text and "They do not for" in text and "parity / slower" in text


def test_too_few_seeds_conclude_nothing(tmp_path):
    few = {"seeds": SEEDS[:4]}
    a, b = make(tmp_path / "a", **few), make(tmp_path / "b", **few)
    assert [cell["agree"] for cell in compared(a, b)["cells"]] == [None] * 3
    text = grokbench("compare", a, b).out
    assert "A concludes nothing: 4 seeds, and no p is significant with fewer than 7" in text
    assert "0 of 0 conclusions agree" in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("device", "cuda"),
        ("device_name", "another"),
        ("machine", "another"),
        ("torch", "2.8.0"),
        ("precision", "float64"),
        ("grokbench", "0.2.0"),
        ("engine", 2),
    ],
)
def test_unlike_folders_are_said_first_and_not_tested(a, tmp_path, key, value):
    b = make(tmp_path / "b", **{key: value})
    found = compared(a, b)
    assert found["differences"] == [{"what": key, "a": result_folders.HERE[key], "b": value}] and found["unlike"] == [
        key
    ]
    for cell in found["cells"]:
        assert cell["ratio"] is cell["p"] is None
        assert cell["untested"] == f"no test between folders that differ in {key}"
        assert cell["differing"] == []  # what can be said of any two is said
    lines = grokbench("compare", a, b).out.splitlines()
    assert lines[2:4] == [
        f"differs: {key}: {result_folders.HERE[key]} in A, {value} in B",
        f"no test is made between A and B, since they differ in {key}",
    ]


def test_group_sizes_are_told_and_tested_all_the_same(a, tmp_path):
    b = make(tmp_path / "b", group=SEEDS[:2])
    assert cell_of(compared(a, b), "faster")["p"] == 1
    assert "differs: group size: 8 in A, 2 in B" in grokbench("compare", a, b).out


@pytest.mark.parametrize(
    ("change", "said", "untested"),
    [
        ({"budget": 300}, "budget: 200 in A, 300 in B", "no test between cells that differ in budget"),
        ({"evaluate_every": 4}, None, "no test between cells that differ in evaluate_every"),
        (
            {"identity": "cother", "recipe": replace(recipe_of("faster"), task=Use("parity", {"bits": 9}))},
            "task.parameters.bits: 8 in A, 9 in B",
            "no test between cells that differ in task.parameters.bits",
        ),
        (
            {"identity": "cother", "recipe": recipe_of("other")},
            "regularizers.0.use: faster in A, other in B",
            None,  # two versions of a method on one task are what a ratio is for
        ),
        (
            {"origins": {"regularizers.faster": mine("22")}},
            "mine.py, sha256 11 in A, file mine.py, sha256 22 in B",
            None,
        ),
    ],
)
def test_differences_within_a_cell_are_listed(tmp_path, change, said, untested):
    cells = [a_cell("baseline"), a_cell("faster", origins={"regularizers.faster": mine("11")})]
    a = make(tmp_path / "a", cells=cells)
    b = make(tmp_path / "b", cells=[cells[0], replace(cells[1], **change)])
    assert cell_of(compared(a, b), "faster")["untested"] == untested
    text = grokbench("compare", a, b).out
    assert said is None or said in text
    assert untested is None or f"faster: {untested}" in text


def test_other_seeds_are_not_tested(a, tmp_path):
    found = compared(a, make(tmp_path / "b", seeds=SEEDS[:7]))
    assert {cell["untested"] for cell in found["cells"]} == {"no test over different seeds"}
    assert {cell["seeds"] for cell in found["cells"]} == {7}


def test_an_incomplete_cell_is_not_tested(a, tmp_path):
    b = make(tmp_path / "b")
    (b / "runs/cfaster/1003.json").unlink()
    cell = cell_of(compared(a, b), "faster")
    assert cell["untested"] == "no test before every planned seed has finished in both" and cell["seeds"] == 7


def test_cells_of_one_folder_alone_are_named(a, tmp_path):
    b = make(tmp_path / "b", {"baseline": BASELINE, "other": FASTER})
    text = grokbench("compare", a, b).out
    assert "only in A: parity / faster, parity / slower" in text and "only in B: parity / other" in text


def test_folders_without_a_common_cell_are_refused(a, tmp_path):
    b = make(tmp_path / "b", cells=[replace(a_cell("baseline"), task="xor")])
    done = grokbench("compare", a, b)
    assert (done.status, done.out) == (2, "")
    assert (
        "have no cell in common: the first has parity / baseline, parity / faster, parity / slower, the second xor / b"
        in done.err
    )


@pytest.mark.parametrize("sides", [("a", "nowhere"), ("nowhere", "a")])
def test_a_path_without_results_is_refused(a, tmp_path, sides):
    done = grokbench("compare", *(tmp_path / side for side in sides))
    assert done.status == 2 and f"{tmp_path / 'nowhere'} is not a results folder" in done.err


def test_markdown_shows_labels_as_they_are(tmp_path):
    cells = [replace(a_cell(label), task="# a", identity=f"c{i}") for i, label in enumerate(("baseline", "[x](y)"))]
    a, b = (
        make(tmp_path / name, {"baseline": BASELINE, "[x](y)": epochs}, cells)
        for name, epochs in (("a", FASTER), ("b", [*FASTER[:7], None]))
    )
    text = grokbench("compare", a, b, "--format", "markdown").out
    assert "\n\n### \\# a\n\n" in text and r"| [x\](y)" in text and "](y)" not in text.replace(r"\](y)", "")


def test_a_damaged_file_is_told(a, tmp_path):
    shutil.copytree(a, tmp_path / "b")
    (tmp_path / "b/runs/cfaster/1000.json").write_text("{")
    done = grokbench("compare", a, tmp_path / "b")
    assert done.status == 0 and "Warning: runs/cfaster/1000.json is damaged and counts as missing" in done.err


def test_every_format(a):
    assert results.CONTRAST_FORMATS == tuple(folder_comparison.FORMATS)
    text = {style: grokbench("compare", a, a, "--format", style).out for style in results.CONTRAST_FORMATS}
    assert text["table"] == grokbench("compare", a, a).out
    assert "### parity" in text["markdown"] and "|:" in text["markdown"] and "135\\|135" in text["markdown"]
    assert [line for line in text["table"].splitlines() if len(line) > 120] == []


def test_folders_of_real_runs(tmp_path, monkeypatch):
    from grokbench.launchers.local import pool

    monkeypatch.setattr(pool, "launch", tiny.launch_here)
    suite = tiny.write(tmp_path)
    for name in "ab":
        assert tiny.run(suite, tmp_path / name).status == 0
    assert "6 of 6 replicas are equal in both" in grokbench("compare", tmp_path / "a", tmp_path / "b").out
