"""Conclusions do not depend on what a suite's file says after its runs: families, looks, and parts of the seeds."""

import hashlib
from dataclasses import replace

from grokbench.judging.note import Kind, Severity
from grokbench.records import Published, Statistics
from grokbench.runner import pipeline
from grokbench.store import Store

from .helpers.edited_folders import CELLS, METHODS, SEVEN, TIMES, planned, rows, run
from .helpers.result_folders import a_run
from .helpers.tiny import grokbench


def kinds(row):
    return {note.kind for note in row.notes}


def said(row, kind):
    return next(note.text for note in row.notes if note.kind is kind)


def test_a_deleted_comparison_stays_in_the_family(tmp_path):
    before = run(tmp_path, planned(*METHODS))["a"]
    after = run(tmp_path, planned("a"))["a"]
    assert before.p_holm == after.p_holm == 4 * 2 / 2**7 and after.family == 1
    assert said(after, Kind.WITHDRAWN) == (
        "3 comparisons that the suite declared before a look and has no longer stay in Holm's family: parity / b, "
        "parity / c, parity / d; 21 runs of withdrawn cells lie in the folder"
    )
    assert Kind.WITHDRAWN not in kinds(before) and "0.062" in grokbench("leaderboard", tmp_path).out


def test_a_deleted_comparison_whose_runs_are_gone_counts_as_a_p_of_1(tmp_path):
    run(tmp_path, planned("a", "b"))
    for file in (tmp_path / "runs/ca").iterdir():
        file.unlink()
    assert run(tmp_path, planned("b"))["b"].p_holm == 2 * 2 / 2**7


def test_neither_running_a_part_nor_deleting_what_has_not_run_makes_the_family_smaller(tmp_path):
    assert run(tmp_path, planned(*METHODS), only=("baseline", "a"))["a"].p_holm == 4 * 2 / 2**7
    assert run(tmp_path, planned("a"))["a"].p_holm == 4 * 2 / 2**7


def test_a_suite_that_was_mended_before_anything_finished_has_one_family(tmp_path):
    run(tmp_path, planned("a", "b", "c"), only=("baseline",))
    row = run(tmp_path, planned("a"))["a"]
    assert (row.p_holm, row.family) == (2 / 2**7, 1) and not Store.load(tmp_path).manifest.withdrawn


def test_another_label_changes_nothing(tmp_path):
    before = run(tmp_path, planned(*METHODS))["a"]
    cells = [CELLS["baseline"], *(replace(CELLS[name], regularizer=f"my {name}") for name in METHODS)]
    after = run(tmp_path, planned(cells=cells))["my a"]
    assert (after.p_holm, after.family) == (before.p_holm, 1) and kinds(after) == kinds(before)


def test_what_is_added_after_a_look_is_corrected_apart_and_says_so(tmp_path):
    run(tmp_path, planned("a", "b"))
    stronger = replace(CELLS["b"], identity="cstronger")
    found = run(tmp_path, planned(cells=[CELLS["baseline"], CELLS["a"], stronger, CELLS["e"]]))
    assert [found[name].family for name in ("baseline", "a", "b", "e")] == [None, 1, 2, 2]
    assert {found[name].p_holm for name in ("a", "b", "e")} == {2 * 2 / 2**7}
    assert said(found["e"], Kind.LATER_FAMILY) == (
        "added after a look, in family 2: Holm's correction is over the 2 comparisons added since, not over the 2 "
        "before"
    )


def test_settings_of_the_tests_changed_after_a_look_are_named_with_both_values(tmp_path):
    run(tmp_path, planned("a", "b"))
    other = Statistics(primary="wilcoxon", alpha=0.1, correction="none", rank_by="first")
    row = run(tmp_path, planned("a", "b", statistics=other))["a"]
    changes = [note.text for note in row.notes if note.kind is Kind.CHANGED_AFTER_LOOK]
    assert changes == [
        "changed after a look: primary wilcoxon, and sign_flip at an earlier look",
        "changed after a look: alpha 0.1, and 0.05 at an earlier look",
        "changed after a look: correction none, and holm at an earlier look",
    ]
    assert grokbench("leaderboard", tmp_path).out.count("changed after a look: alpha") == 1  # for all rows


def test_a_recipe_counts_once_and_a_copy_of_the_baseline_is_not_tested(tmp_path):
    twin, copy = replace(CELLS["a"], regularizer="twin"), replace(CELLS["baseline"], regularizer="copy")
    found = run(tmp_path, planned(cells=[CELLS["baseline"], CELLS["a"], twin, copy]))
    assert found["a"].p_holm == found["twin"].p_holm == 2 / 2**7
    assert said(found["twin"], Kind.COUNTED_ONCE) == "the recipe of parity / a: both count once in Holm's family"
    assert Kind.COUNTED_ONCE not in kinds(found["a"])
    row = found["copy"]
    assert (row.p_sign_flip, row.p_holm, row.family) == (None, None, None) and row.speedup == 1
    assert said(row, Kind.COPY_OF_BASELINE) == "the recipe of baseline: there is nothing to test"
    assert not kinds(row) & {Kind.NO_P, Kind.SIGNIFICANCE, Kind.IDENTICAL}


def test_a_part_of_the_seeds_has_estimates_and_no_p(tmp_path):
    found = run(tmp_path, planned("a", "b", seeds=SEVEN[:6], declared_seeds=SEVEN))
    row = found["a"]
    assert row.speedup > 1 and row.speedup_low > 1
    assert {row.p_sign_flip, row.p_paired_t, row.p_wilcoxon, row.p_logrank, row.p_holm} == {None}
    text = "6 of the suite's 7 seeds: estimates, no test before all have run; declare interim_looks to look early"
    assert said(row, Kind.PART_OF_SEEDS) == text and not kinds(row) & {Kind.NO_P, Kind.SIGNIFICANCE}
    assert grokbench("leaderboard", tmp_path).out.count("no test before all have") == 1
    assert "no test" in grokbench("leaderboard", tmp_path, "--methods-text").out
    full = run(tmp_path, planned("a", "b", declared_seeds=SEVEN))["a"]
    assert full.p_holm == 2 * 2 / 2**7 and Kind.PART_OF_SEEDS not in kinds(full)
    assert said(full, Kind.LOOKED_BEFORE) == "looked at with 6 seeds before; p does not allow for that"


def test_looks_at_fewer_seeds_and_at_a_larger_sample_are_named(tmp_path):
    for seeds in (SEVEN[:2], SEVEN[:6]):
        run(tmp_path, planned("a", seeds=seeds, declared_seeds=seeds))
    found = run(tmp_path, planned("a"))["a"]
    assert said(found, Kind.LOOKED_BEFORE) == "looked at with 6 seeds before; p does not allow for that"  # 2 cannot
    assert "seeds 1000-1006, and 1000-1001 and 1000-1005 at an earlier look" in said(found, Kind.CHANGED_AFTER_LOOK)
    assert all(n.severity is Severity.CAUTION for n in found.notes if n.kind is Kind.LOOKED_BEFORE)


def test_seeds_that_replace_those_of_the_suite_are_a_sample_of_their_own(tmp_path):
    run(tmp_path, planned("a", seeds=SEVEN[1:], declared_seeds=SEVEN[1:]))
    row = run(tmp_path, planned("a", seeds=SEVEN[:1], declared_seeds=SEVEN[:1]))["a"]
    assert Store.load(tmp_path).manifest.full_seeds == (*SEVEN[1:], SEVEN[0])
    assert row.p_holm == 2 / 2**7 and Kind.LOOKED_BEFORE in kinds(row)


def digests(folder):
    return {file: hashlib.sha256(file.read_bytes()).digest() for file in folder.rglob("*") if file.is_file()}


def test_reading_writes_nothing(tmp_path):
    run(tmp_path / "runs", planned("a", "b"))
    run(tmp_path / "runs", planned("a"))
    before = digests(tmp_path / "runs")
    for command in (["leaderboard"], ["status"], ["seconds"], ["export", "--out", tmp_path / "tables"]):
        assert grokbench(command[0], tmp_path / "runs", *command[1:]).status == 0
    assert digests(tmp_path / "runs") == before


def test_a_packed_folder_keeps_its_families_and_the_runs_of_withdrawn_cells(tmp_path):
    run(tmp_path / "runs", planned(*METHODS))
    run(tmp_path / "runs", planned("a"))
    done = grokbench("pack", tmp_path / "runs", "--out", tmp_path / "packed")
    assert (done.status, done.err) == (0, "")
    assert rows(tmp_path / "packed") == rows(tmp_path / "runs")
    assert run(tmp_path / "packed", planned("a"))["a"].p_holm == 4 * 2 / 2**7


def test_a_declared_design_is_tested_at_its_looks(tmp_path):
    design = {"statistics": Statistics(interim_looks=(6, 7), alpha=0.1), "declared_seeds": SEVEN}
    row = run(tmp_path, planned("a", seeds=SEVEN[:4], **design))["a"]
    assert row.p_holm is row.p_sign_flip is row.p_sequential is None
    assert said(row, Kind.PART_OF_SEEDS) == (
        "4 of the suite's 7 seeds: estimates, no test but at the declared looks (6 and 7 seeds)"
    )
    row = run(tmp_path, planned("a", seeds=SEVEN[:6], **design))["a"]
    assert row.p_sign_flip == 2 / 2**6 < row.p_holm == row.p_sequential <= 0.1
    assert said(row, Kind.DECIDED_AT_LOOK) == "decided at the look at 6 seeds"
    assert Kind.STOPPED_AT_LOOK in kinds(row) and Kind.PART_OF_SEEDS not in kinds(row)
    assert "allows for looks at 6 and 7 seeds" in " ".join(grokbench("leaderboard", tmp_path).out.split())
    row = run(tmp_path, planned("a", **design))["a"]
    assert 2 / 2**7 < row.p_holm and not kinds(row) & {Kind.STOPPED_AT_LOOK, Kind.LOOKED_BEFORE}
    assert Kind.DECIDED_AT_LOOK in kinds(row)


def test_a_row_that_was_stopped_at_a_look_keeps_its_decision(tmp_path):
    design = {"statistics": Statistics(interim_looks=(6, 7), alpha=0.2), "declared_seeds": SEVEN}
    at_look = run(tmp_path, planned("a", "d", seeds=SEVEN[:6], **design))["a"]
    stopped = run(tmp_path, planned("a", "d", **design), only=("baseline", "d"))["a"]
    assert (stopped.speedup, stopped.p_sequential) == (at_look.speedup, at_look.p_sequential)
    assert {Kind.INCOMPLETE, Kind.DECIDED_AT_LOOK, Kind.STOPPED_AT_LOOK} <= kinds(stopped)


def test_without_a_correction_the_p_of_the_looks_decides(tmp_path):
    statistics = Statistics(correction="none", interim_looks=(6, 7), alpha=0.1)
    row = run(tmp_path, planned("a", "b", statistics=statistics))["a"]
    assert row.p_holm is None and row.p(statistics) == row.p_sequential > row.p_sign_flip
    assert "(sequential p = " in said(row, Kind.SIGNIFICANCE)


def test_a_setting_that_is_tried_again_and_again_is_corrected_for_every_trial(tmp_path):
    run(tmp_path, planned("a"))
    for trial in range(4):
        tried = replace(CELLS["b"], identity=f"ctrial{trial}")
        row = run(tmp_path, planned(cells=[CELLS["baseline"], CELLS["a"], tried]))["b"]
        assert (row.family, row.p_holm) == (2, (trial + 1) * 2 / 2**7)
    assert {note.severity for note in row.notes if note.kind is Kind.LATER_FAMILY} == {Severity.CAUTION}
    assert Kind.WITHDRAWN in kinds(row)


def test_equivalence_and_simultaneous_intervals_are_those_of_the_family_too(tmp_path):
    statistics = Statistics(equivalence=0.9, alpha=0.2)
    before = run(tmp_path, planned(*METHODS, statistics=statistics))["d"]
    after = run(tmp_path, planned("d", statistics=statistics))["d"]
    assert before.p_equivalence_holm == after.p_equivalence_holm > after.p_equivalence
    ends = [(row.speedup_low_simultaneous, row.speedup_high_simultaneous) for row in (before, after)]
    assert ends[0] == ends[1] != (None, None)


def test_an_equivalence_margin_and_a_budget_chosen_after_a_look_are_named(tmp_path):
    run(tmp_path, planned("a", statistics=Statistics(equivalence=0.1)))
    cells = [replace(CELLS[name], budget=150) for name in ("baseline", "a")]
    row = run(tmp_path, planned(cells=cells, statistics=Statistics(equivalence=0.05)))["a"]
    changes = [note.text for note in row.notes if note.kind is Kind.CHANGED_AFTER_LOOK]
    assert changes == [
        "changed after a look: equivalence 0.05, and 0.1 at an earlier look",
        f"changed after a look: budget of parity 150, and {CELLS['a'].budget} at an earlier look",
    ]


def test_there_are_no_places_equivalence_and_verdicts_before_all_seeds_have_run(tmp_path):
    for looks in ((), (6, 7)):
        statistics = Statistics(equivalence=0.5, interim_looks=looks)
        numbers = Published("a paper", {"parity": {"baseline": 130.0, "a": 90.0}})
        plan = planned("a", "b", seeds=SEVEN[:6], statistics=statistics, declared_seeds=SEVEN, published=numbers)
        folder = tmp_path / str(len(looks))
        row = run(folder, plan)["a"]
        assert (row.place, row.p_equivalence, row.verdict) == (None, None, "inconclusive")
        assert not pipeline.judge(Store.load(folder)).pairs
        assert "a verdict needs all seeds of the suite" in said(row, Kind.PUBLISHED_VERDICT)


def test_the_direction_is_that_of_the_look_that_decided(tmp_path, monkeypatch):
    """Faster on the first six seeds, where the design decides; then so slow that the mean points the other way."""
    monkeypatch.setitem(TIMES, "ca", (*METHODS["a"][:6], 10**6))
    cells = [replace(CELLS[name], budget=10**7) for name in ("baseline", "a")]
    design = {"statistics": Statistics(interim_looks=(6, 7), alpha=0.2), "declared_seeds": SEVEN}
    row = run(tmp_path, planned(cells=cells, **design))["a"]
    assert row.speedup < 1 and row.conclusion == "faster"
    assert said(row, Kind.DECIDED_AT_LOOK) == "decided at the look at 6 seeds"


def test_a_stopped_row_has_no_ratio_of_seconds(tmp_path):
    design = {"statistics": Statistics(interim_looks=(6, 7), alpha=0.2), "declared_seeds": SEVEN}
    run(tmp_path, planned("a", "d", seeds=SEVEN[:6], **design))
    assert run(tmp_path, planned("a", "d", **design), only=("baseline", "d"))["a"].seconds_speedup is None


def test_a_run_of_a_smaller_budget_is_no_look(tmp_path):
    """It does not close the family: no estimate was shown."""
    cells = [replace(CELLS[name], budget=10**6) for name in ("baseline", "a", "b")]
    with Store.open(tmp_path, planned(cells=cells)) as store:
        for cell in cells:
            short = a_run(cell, 1000, None)
            store.save(replace(short, epochs=10))
        store.look()
        assert store.history().ledger.looked is None or not store.history().ledger.looked.finished


def test_a_ledger_that_was_deleted_does_not_make_the_family_smaller(tmp_path):
    run(tmp_path, planned(*METHODS))
    before = run(tmp_path, planned("a"))["a"]
    (tmp_path / "ledger.jsonl").unlink()
    assert rows(tmp_path)["a"].p_holm == before.p_holm


def test_a_row_that_is_not_compared_has_no_p(tmp_path):
    """Undecided at the look, and its last seed is missing: Holm over the others may not make it significant."""
    design = {"statistics": Statistics(interim_looks=(6, 7), alpha=0.01), "declared_seeds": SEVEN}
    run(tmp_path, planned("a", "d", seeds=SEVEN[:6], **design))
    row = run(tmp_path, planned("a", "d", **design), only=("baseline", "d"))["a"]
    assert row.speedup is row.p_holm is row.p_sequential is row.conclusion is None and row.family == 1
