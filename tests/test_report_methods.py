"""The methods section: every sentence follows from what the folder records."""

from dataclasses import replace
from pathlib import Path

import pytest

from grokbench.io import json_lines
from grokbench.judging.comparison import compare
from grokbench.records import Manifest, Mark, MarkKind, Origin, Outcome, Published, Statistics, Use
from grokbench.report.methods import paragraphs
from grokbench.store import Store
from grokbench.text.lists import either, listed, several

from .helpers import awkward_labels, tiny
from .helpers.result_folders import BASELINE, FASTER, HERE, a_cell, a_run, edit, edit_runs, make

PAPER = Path(__file__).parents[1] / "results" / "paper"


def text_of(folder):
    store = Store.load(folder)
    return " ".join(paragraphs(compare(store.manifest, store.runs(), store.timings())))


def change(folder, **facts):
    """Another manifest over the same runs."""
    edit(
        folder / "manifest.json",
        lambda data: data["manifest"].update(**json_lines.parse(dict, json_lines.dump(facts))),
    )
    return text_of(folder)


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path / "tiny")


def test_the_paper_in_five_paragraphs():
    store = Store.load(PAPER)
    design, criterion, statistics, computation, settings = paragraphs(
        compare(store.manifest, store.runs(), store.timings())
    )
    assert design.startswith(
        "The suite paper compares 4 methods (grokfast, orthograd, grokalign and placebo) with baseline on 5 tasks "
        "(xor, sparse_parity, mnist_ce, mnist_mse and modular_addition). Every method was trained on 25 seeds "
        "(1000-1024)."
    )
    assert "in pairs of the same seed" in design and "Seeds below" not in design
    assert "Left out: placebo on xor (a perturbation of single weights" in design
    assert (
        "mnist_ce: test_accuracy > 0.80, evaluated every 6 epochs, trained until then and at most for 6000 epochs;"
    ) in criterion
    assert "xor: test_accuracy > 0.95 and noise_accuracy > 0.95, evaluated every epoch," in criterion
    assert criterion.endswith("Of 600 networks, 575 grokked and 25 did not by the budget.")
    assert "exp of the mean over seeds of the log ratio" in statistics and "Where seeds are censored" in statistics
    assert "Its 95% interval inverts the two-sided test by all sign flips" in statistics
    assert (
        "tested against the baseline by the exact sign-flip (permutation) test on the log ratios, two-sided, on 25 "
        "pairs, corrected by Holm over 19 planned comparisons, at the level 0.05. Where a seed did not grok in either "
        "of two rows, the test is the sign test of which side grokked first, a seed that did not grok being last. "
        "Published means (Tables 1 and 4,"
    ) in statistics
    assert "machine Intel(R) Xeon(R) Processor, 2 cores, torch 2.14.1, precision float32, grokbench" in computation
    assert "git 91a4d7a1d4 | f472df52c3 |" in computation and "Not recorded" not in computation
    assert "up to 13 at a time" in computation and "one network alone, evaluation excluded, median of 7" in computation
    assert settings.startswith("Tasks: xor (dimensions = 40000, width = 1024,")
    assert (
        "mnist_ce: mnist (loss = cross_entropy," in settings
        and "grokfast: grokfast_ema (alpha = 0.8, lamb = 0.1)" in settings
    )
    assert "norm = squared, estimator = projection, projections = 1) on mnist_ce and mnist_mse," in settings
    assert settings.endswith("which settings were published, which were fitted, and how many others were tried.")


def test_one_task_and_one_seed(tmp_path):
    text = text_of(make(tmp_path / "one", {"baseline": [100], "faster": FASTER[:1]}, seeds=(3,)))
    assert (
        "compares 1 method (faster) with baseline on 1 task (parity). Every method was trained on 1 seed (3)." in text
    )
    assert "Seeds below 1000, by convention those for choosing settings, are among them." in text
    assert "on 1 pair, corrected by Holm over 1 planned comparison," in text
    assert "1 seed cannot reach p < 0.05: the smallest possible is 1;" in text
    assert "Of 2 networks, 2 grokked." in text and "Where seeds are censored" not in text
    assert "Published" not in text and "Left out" not in text and "incomplete" not in text


def test_a_baseline_alone_is_compared_with_nothing(tmp_path):
    text = text_of(make(tmp_path / "alone", {"baseline": BASELINE}))
    assert text.startswith("The suite tiny trains baseline on 1 task (parity).")
    assert "speed-up" not in text and "tested" not in text


def test_nothing_has_run(tmp_path):
    with Store.open(tmp_path / "none", Manifest("tiny", "", "baseline", (1000,), (a_cell("baseline"), a_cell("sam")))):
        pass
    text = text_of(tmp_path / "none")
    assert "Of 2 networks, 0 grokked and 2 have no result yet." in text
    assert "No network has finished." in text and "trained with" not in text and "Seconds" not in text


def test_no_seeds_are_planned(folder):
    text = change(folder, seeds=[])
    assert "No seeds are planned." in text and "tested" not in text and "Of 0 networks, 0 grokked." in text


def test_every_environment_of_the_runs_is_listed(folder):
    edit_runs(
        folder, "faster", torch="2.10.0", device_name="another", git={"commit": "0123456789abcdef", "dirty": True}
    )
    text = text_of(folder)
    assert "device_name a processor | another," in text and "torch 2.9.0 | 2.10.0," in text
    assert "git 0123456789 with uncommitted changes," in text


def test_facts_that_are_not_recorded_are_named(folder):
    for method in ("baseline", "faster", "slower"):
        edit_runs(folder, method, **dict.fromkeys(HERE), git=None)
    text = text_of(folder)
    assert "Not recorded: device, device_name, machine, torch, precision, grokbench, git and engine." in text
    assert "trained with" not in text and "criterion not recorded" in text


def test_seconds_that_were_not_measured(folder):
    assert "Seconds per epoch were measured separately" in text_of(folder)
    for file in (folder / "timings").iterdir():
        file.unlink()
    assert "Seconds were not measured." in text_of(folder) and "Seconds per epoch" not in text_of(folder)


def test_other_statistics(folder):
    text = change(folder, statistics=Statistics("wilcoxon", "none", 0.01, 0.9))
    assert "by the Wilcoxon signed-rank test on the log ratios, two-sided, on 8 pairs, uncorrected for 2 " in text
    assert "at the level 0.01." in text and "Its 90% interval" in text


def test_more_pairs_than_all_flips_can_be_counted_of(tmp_path):
    text = text_of(make(tmp_path / "many", {"baseline": BASELINE * 4, "faster": FASTER * 4}, seeds=range(1000, 1032)))
    assert "by 65535 random sign flips of these log ratios" in text
    assert "by the sign-flip (permutation) test on the log ratios, by 65535 random flips" in text


def test_failed_and_diverged_replicas_are_counted(folder):
    with Store.open(folder, Store.load(folder).manifest) as store:
        for seed, outcome in ((1000, Outcome.FAILED), (1001, Outcome.DIVERGED)):
            run = replace(a_run(a_cell("slower"), seed, None), outcome=outcome, error="Traceback: boom")
            store.save(run)
    text = text_of(folder)
    assert "Of 24 networks, 20 grokked, 2 did not by the budget, 1 diverged and 1 failed with an error." in text
    assert "incomplete: slower on parity." in text and "boom" not in text


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("grokked", "x > 1, evaluated every 2 epochs, trained until then and at most for 200 epochs."),
        ("budget", "x > 1, evaluated every 2 epochs, always trained for 200 epochs."),
        (3, "x > 1, evaluated every 2 epochs, trained until it had held for 3 evaluations and at most for 200 epochs."),
    ],
)
def test_when_training_stops(tmp_path, stop, said):
    cells = [a_cell("baseline"), a_cell("faster")]
    cells = [replace(cell, recipe=replace(cell.recipe, grokked={"x": "> 1"}, stop=stop)) for cell in cells]
    assert f"parity: {said}" in text_of(make(tmp_path / "f", {"baseline": BASELINE, "faster": FASTER}, cells))


def test_plugins_privileges_and_settings(tmp_path):
    origins = {"tasks.parity": Origin("built_in"), "regularizers.mine": Origin("file", "mine.py", digests={2: "ab"})}
    mine = a_cell("faster", privileges=("extra_labels", "loss"), origins=origins)
    uses = Use("mine", {"on": True, "rate": 1e-3, "n": None}), Use("other", {})
    cells = [a_cell("baseline"), replace(mine, recipe=replace(mine.recipe, regularizers=uses))]
    text = text_of(make(tmp_path / "f", {"baseline": BASELINE, "faster": FASTER}, cells))
    assert (
        "Tasks: parity (bits = 8). Methods: baseline; faster: mine (on = true, rate = 0.001, n = null) with other."
        in text
    )
    assert "Plugins that do not ship with grokbench: regularizers.mine (file mine.py, sha256 ab)." in text
    assert "Methods that use what the baseline does not have: faster: extra_labels and loss." in text


def test_marks_that_differ_by_task_name_their_tasks(tmp_path):
    def marked(task, before):
        decay = Mark(MarkKind.SETTING, "weight_decay", before, 1.0)
        return replace(a_cell("faster", marks=(decay,) if before else ()), task=task, identity=f"c{task}")

    cells = [a_cell("baseline"), *(marked(*each) for each in {"xor": 0.1, "parity": 0.01, "mnist": None}.items())]
    text = text_of(make(tmp_path / "f", {"baseline": BASELINE, "faster": FASTER}, cells))
    differing = "faster: weight_decay 0.1 -> 1 on xor, weight_decay 0.01 -> 1 on parity."
    assert f"Recipes that differ from the task's own: {differing}" in text


def test_published_numbers_are_named(folder):
    assert "Published means (Table 9) are compared as ratios" in change(folder, published=Published("Table 9", {}))


def test_the_command_prints_it_in_three_formats(tmp_path):
    folder = awkward_labels.make(tmp_path / "awkward")
    plain = tiny.grokbench("leaderboard", folder, "--methods-text")
    assert plain.status == 0 and " ".join(plain.out.split()) == " ".join(text_of(folder).split())
    assert max(map(len, plain.out.splitlines())) <= 120 and plain.out.count("\n\n") == 4
    latex = tiny.grokbench("leaderboard", folder, "--methods-text", "--format", "latex").out
    assert latex.startswith("\\providecommand{\\unicodechar}") and "awkward\\_\\%\\&\\_\\unicodechar{4E2D}{中}" in latex
    markdown = tiny.grokbench("leaderboard", folder, "--methods-text", "--format", "markdown").out
    assert "tâsk\\_%&amp;&lt;script>" in markdown and len(markdown.splitlines()) == 9
    for style in ("csv", "json"):
        done = tiny.grokbench("leaderboard", folder, "--methods-text", "--format", style)
        assert done.status == 2 and done.err == (
            f"Error: There is no methods text in the format '{style}'; choose one of: table, markdown, latex.\n"
        )


def test_lists_in_text():
    assert (listed(["a"]), listed("ab"), listed("abc"), listed([])) == ("a", "a and b", "a, b and c", "")
    assert either([1, 2, 1]) == "1 or 2" and either([]) == "" and several(["a"], "task") == "1 task (a)"
